"""What a provider of a resource type is, and what it is handed."""

import json
import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local import clients

Attributes = dict[str, Any]


@dataclass
class Task:
    """One resource to be created, updated or deleted.

    Parameters
    ----------
    properties, before
        The evaluated properties, and those that the resource has so far; tags are apart from them.
    physical_id
        Empty until the resource exists; a provider that fails after it made something sets it.
    cancelled
        Set when the stack operation has failed elsewhere: who waits gives up.
    """

    service: str
    stack_id: str
    logical_id: str
    type: str
    properties: dict[str, Any]
    before: dict[str, Any] = field(default_factory=dict)
    physical_id: str = ""
    region: str = ""
    role_arn: str | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def api(self) -> Any:
        """The client of the resource's own service."""
        return self.client(self.service)

    def client(self, service: str) -> Any:
        """A client of any service, in the role of the stack."""
        return clients.client(service, self.region, self.role_arn)

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A property, or the default that AWS documents for it."""
        return self.properties.get(name, default)

    def pick(self, names: str, **defaults: Any) -> dict[str, Any]:
        """The given ones of these properties, and those with a default in any case."""
        return defaults | {name: self[name] for name in [*names.split(), *defaults] if name in self.properties}

    def changed(self, *names: str) -> bool:
        """Whether one of these properties is not what it was."""
        return any(self.properties.get(name) != self.before.get(name) for name in names)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the resource, with those of its stack."""
        return dict(self.properties.get("Tags", {}))

    def retag(self, tag: Callable[[dict[str, str]], Any], untag: Callable[[list[str]], Any]) -> None:
        """Bring the tags from what they were to what they are to be."""
        before = self.before.get("Tags", {})
        if added := {key: value for key, value in self.tags.items() if before.get(key) != value}:
            tag(added)
        if removed := sorted(set(before) - set(self.tags)):
            untag(removed)


@dataclass(frozen=True)
class Provider:
    """How resources of one type come and go.

    Parameters
    ----------
    service
        The boto3 service behind the type.
    takes
        The properties that are served, separated by spaces; every other one is refused by name.
    create
        Makes the bare resource and returns its attributes, ``Ref`` (the physical id) among them.
    delete
        Removes it. That it is gone already is no error.
    configure
        Sets what comes after the creation; called after ``create`` and on every update.
    update
        Changes in place what ``create`` had set; new attributes if it returns some.
    name
        The property that is generated when it is not given.
    replaces
        Properties that force a replacement, beyond those that AWS's schema marks.
    """

    service: str
    takes: str
    create: Callable[[Task], Attributes]
    delete: Callable[[Task], Any]
    configure: Callable[[Task], Any] | None = None
    update: Callable[[Task], Attributes | None] | None = None
    name: str = ""
    replaces: str = ""
    lower: bool = False
    suffix: Callable[[Task], str] = lambda _: ""


def document(value: Any) -> str:
    """A policy or other JSON document as its text."""
    return value if isinstance(value, str) else json.dumps(value)


def camel(value: Any) -> Any:
    """A structure with its keys' first letters lowered, as the younger AWS APIs write them."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: camel(item) for key, item in value.items()}
    return value


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as the list that most APIs take."""
    return [{key: name, value: content} for name, content in tags.items()]


def is_gone(error: ClientError) -> bool:
    """Whether a service answered that what is to be removed does not exist."""
    code = str(error.response["Error"]["Code"])
    return code.startswith("NoSuch") or any(word in code for word in ("NotFound", "NonExistent", "DoesNotExist"))


def drop(call: Callable[..., Any], **arguments: Any) -> None:
    """Remove something that may be gone, or may never have come."""
    try:
        call(**arguments)
    except ClientError as error:
        if not is_gone(error):
            raise


def random_suffix() -> str:
    """What CloudFormation appends to the names that it generates."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
