"""What the roles of builds may read and write in S3, as their policies in the template say.

tools/bucket-access.cjs writes the setting ``bucket_access`` from the roles' policies and from the deploy parameters
``readBuckets`` and ``writeBuckets``. Policies of buckets in other accounts, and the user's own policies for the roles,
are unknown here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service

Action = Literal["read", "write"]
# Where the objects are: at the address itself, behind the address as the beginning of keys, or in a folder.
Place = Literal["object", "prefix", "folder"]
_PARAMETERS: dict[Action, str] = {"read": "readBuckets", "write": "writeBuckets"}
# An address of a deploy parameter; tools/bucket-access.cjs refuses other characters.
_ADDRESS = re.compile(r"s3://[\w./=+@:-]*", re.ASCII)


@dataclass(frozen=True)
class Use:
    """An S3 address that a role of a build reads or writes.

    Parameters
    ----------
    name
        Where it is in the parameter document, or in a request.
    role
        The logical name of the role in the template, such as "TrainingRole".
    """

    name: str
    uri: str
    role: str
    action: Action
    place: Place

    def __str__(self) -> str:
        return f"{self.name} is {self.uri}, which {self.role} may not {self.action}"

    @property
    def address(self) -> str:
        """The address for the deploy parameter that allows this use: a folder, except for keys outside of one."""
        bucket, key = split_s3_uri(self.uri)
        if self.place == "folder" and key and not key.endswith("/"):
            key += "/"
        if self.place == "object" and "/" in key:
            key = key.rpartition("/")[0] + "/"
        found = _ADDRESS.match(f"s3://{bucket}/{key}")
        return found[0] if found else f"s3://{bucket}/"


@dataclass(frozen=True)
class BucketAccess:
    """The setting ``bucket_access``: the objects that each role may read and write."""

    content: dict[str, Any]

    @classmethod
    def of(cls, service: Service) -> BucketAccess:
        """Return the access of a stack's roles."""
        return cls(json.loads(service.settings.bucket_access))

    def find_policies(self, role: str) -> str:
        """Return the deploy parameter with the user's own policies for a role; empty without any."""
        return str(self.content["roles"][role].get("more", ""))

    def allows(self, use: Use) -> bool:
        """Return False if no policy of the template and no deploy parameter allows a use."""
        bucket, key = split_s3_uri(use.uri)
        location = f"{bucket}/{key}"
        if use.place == "folder" and not location.endswith("/"):
            location += "/"
        own: Sequence[str] = self.content["roles"][use.role][use.action]
        # Only roles that write objects anyway may write to buckets of the user's own.
        granted: Sequence[str] = self.content[use.action] if use.action == "read" or own else ()
        return any(_covers(pattern, location, use.place) for pattern in (*own, *granted))

    def advise(self, uses: Iterable[Use]) -> Iterator[str]:
        """Yield the option of the deployment that allows all these uses, for each parameter that must change."""
        needed: dict[Action, list[str]] = {"read": [], "write": []}
        for use in uses:
            needed[use.action].append(use.address)
        for action, addresses in needed.items():
            fresh = dict.fromkeys(each for each in addresses if action == "write" or each not in needed["write"])
            if fresh:
                yield f'--param="{_PARAMETERS[action]}={",".join([*self._addresses[action], *fresh])}"'

    @cached_property
    def _addresses(self) -> dict[Action, list[str]]:
        """The present values of the deploy parameters."""
        writes: list[str] = self.content["write"]
        reads = [each for each in self.content["read"] if each not in writes]
        return {"read": [f"s3://{each[:-1]}" for each in reads], "write": [f"s3://{each[:-1]}" for each in writes]}


def _covers(pattern: str, location: str, place: Place) -> bool:
    """Return whether a pattern, with * for any characters, matches an object, or all objects that begin alike."""
    if place != "object" and not pattern.endswith("*"):
        return False
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), location, re.DOTALL) is not None
