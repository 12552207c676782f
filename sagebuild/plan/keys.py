"""Examines whether the deployment grants the KMS keys in a build's requests, and whether the keys can be used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.bucket_access import BucketAccess
from sagebuild.builds.context import BuildContext
from sagebuild.parameters import BuildParameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.grants import advise_parameter, split_list
from sagebuild.plan.members import list_texts, name_member, name_texts
from sagebuild.requests.bodies import Bodies, read_kind
from sagebuild.service import Service, aws_call

# All members of the requests that name a key.
MEMBERS = ("KmsKeyId", "VolumeKmsKeyId")
# The role that uses the keys of a request. The disks of an endpoint are different: SageMaker makes the grant for them
# with the permissions of the role that creates the endpoint, so the user's own policy for HostingRole has no effect.
_ROLES = {
    "processing": "TrainingRole",
    "training": "TrainingRole",
    "tuning": "TrainingRole",
    "copies": "ModelStepsRole",  # of the model's files
    "transform": "HostingRole",
    "endpointConfig": "HostingRole",
}
_ENDPOINT_DISKS = ("", "KmsKeyId")
# https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id: an ARN of a key or of an alias.
_ARN = re.compile(r"arn:[a-z-]+:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:(?P<name>(key|alias)/.+)")
_ALIAS = "alias/"
_MANAGED_ALIAS = "alias/aws/"


@dataclass(frozen=True)
class _Key:
    """A key as the requests name it, where they do, and the deploy parameters with policies that might allow its use.

    An empty text among the policies is a use that no policy of the user's own can allow.
    """

    text: str
    names: dict[str, None] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{' and '.join(self.names)} is {self.text}"

    @property
    def is_refused(self) -> bool:
        """Whether a build with this key is refused if the deployment does not grant it."""
        return "" in self.policies

    @property
    def region(self) -> str:
        """The region in an ARN; empty for an id and the name of an alias."""
        found = _ARN.fullmatch(self.text)
        return found["region"] if found else ""

    @property
    def name(self) -> str:
        """The text without the ARN's first parts, such as alias/data, or the key's id."""
        found = _ARN.fullmatch(self.text)
        return (found["name"] if found else self.text).removeprefix("key/")


def examine_keys(context: BuildContext[BuildParameters], bodies: Bodies, findings: Findings) -> None:
    """Examine whether the roles may use the keys in the requests, and whether the keys exist and are enabled."""
    service, granted = context.service, split_list(context.service.settings.kms_keys)
    denied: list[tuple[str, _Key]] = []
    for key in _list_keys(context, bodies):
        try:
            arn, facts = _identify(service, key)
            if not arn:
                findings.add_note(f"{key}, a key that AWS manages; its policy was not examined.")
            elif arn in granted:
                findings.problems += _find_defects(key, facts or _describe(service, key))
            else:
                denied.append((arn, key))
        except _UnusableKeyError as reason:
            findings.problems.append(str(reason))
        except _UnknownKeyError as reason:
            findings.add_note(str(reason))
    advice = advise_parameter("kmsKeys", service.settings.kms_keys, [arn for arn, key in denied if key.is_refused])
    for _, key in denied:
        problem = f"{key}, a key that the service may not use"
        if key.is_refused:
            findings.problems.append(f"{problem}; deploy the service with {advice}.")
        else:
            policies = " and ".join(sorted(key.policies))
            findings.add_note(f"{problem}, unless a policy in {policies} allows it; that was not examined.")


class _UnusableKeyError(Exception):
    """A key cannot be used; the text is a sentence."""


class _UnknownKeyError(Exception):
    """A key could not be examined; the text is a sentence."""


def _list_keys(context: BuildContext[BuildParameters], bodies: Bodies) -> Iterator[_Key]:
    names = name_texts(context.parameters, lambda path, _: path[-1].endswith("kmskey"))
    access, found = BucketAccess.of(context.service), dict[str, _Key]()
    copies = {"KmsKeyId": context.parameters.outputkmskey}
    for kind, body in (bodies | {"copies": copies}).items():
        for path, text in list_texts(body):
            if path[-1] in MEMBERS and text and read_kind(kind) in _ROLES:
                is_disk = kind == "endpointConfig" and path == _ENDPOINT_DISKS
                key = found.setdefault(text, _Key(text))
                key.names[names.get(text) or name_member(kind, path)] = None
                key.policies.add("" if is_disk else access.find_policies(_ROLES[read_kind(kind)]))
    yield from found.values()


def _identify(service: Service, key: _Key) -> tuple[str, dict[str, Any]]:
    """Return the ARN of a key, and its description if an alias was looked up; two empty values for AWS's own keys."""
    if key.name.startswith(_MANAGED_ALIAS):
        return "", {}
    if key.region and key.region != service.region:
        raise _UnusableKeyError(f"{key}, in another region; name a key in the stack's region, {service.region}.")
    if not key.name.startswith(_ALIAS):
        partition = service.settings.stack_id.split(":")[1]
        own = f"arn:{partition}:kms:{service.region}:{service.account}:key/{key.name}"
        return key.text if key.region else own, {}
    try:
        facts = _describe(service, key)
    except _UnknownKeyError:
        advice = advise_parameter("kmsKeys", service.settings.kms_keys, ["KEY_ARN"])
        raise _UnusableKeyError(
            f"{key}, an alias of a key that the service may not use; deploy the service with {advice}, in which "
            f"KEY_ARN is from: aws kms describe-key --key-id {key.text} --query KeyMetadata.Arn"
        ) from None
    return str(facts["Arn"]), facts


def _describe(service: Service, key: _Key) -> dict[str, Any]:
    with aws_call(f"describe the key {key.text}"):
        try:
            return dict(service.kms.describe_key(KeyId=key.text)["KeyMetadata"])
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "NotFoundException":
                raise _UnusableKeyError(f"{key}, and there is no such key; correct it, or create it.") from None
            if code == "AccessDeniedException":
                raise _UnknownKeyError(f"{key}, which was not examined: it denies kms:DescribeKey.") from None
            raise


def _find_defects(key: _Key, facts: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence if S3 and SageMaker cannot encrypt with a key.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    if facts["KeyState"] != "Enabled":
        yield f"{key}, whose state is {facts['KeyState']}; enable the key, or name another one."
    if facts.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        yield f"{key}, whose type is {facts['KeySpec']}; name a symmetric key, whose type is SYMMETRIC_DEFAULT."
