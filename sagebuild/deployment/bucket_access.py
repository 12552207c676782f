"""Writes the permissions of a stack for buckets of your own, from the deploy parameters that list addresses.

`readBuckets` and `writeBuckets` list S3 addresses. The statements for resources/buckets.yml come from here, and the
setting BUCKET_ACCESS, with which Plan Build and the doctor judge addresses: the addresses of the parameters, and what
the roles' policies in resources/access.yml allow. tools/bucket-access.cjs runs this module when serverless packages:

python -m sagebuild.deployment.bucket_access < access.json

The input has `given` (name -> text) and `policies` (role -> its policies). The output has `problems` and the values.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

# \Z: in Python, $ would also accept a line break at the end.
_ADDRESS = re.compile(
    r"(?:s3://)?(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[\w./=+@:-]*))?\Z", re.ASCII
)
_POLICY = re.compile(r"arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy/[\w+=.@/-]+\Z", re.ASCII)
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: a function's environment has at most 4 KB.
_MOST_CHARACTERS = 1000
_MOST_ADDRESSES = 20
_MOST_POLICIES = 9  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 10 for each role

# The roles that read or write addresses of a parameter document, and the deploy parameters of their other policies.
ROLES = {
    "TrainingRole": "trainingPolicies",
    "HostingRole": "hostingPolicies",
    "BuildStepsRole": None,
    "ModelStepsRole": None,
    "ImageProjectRole": None,
}
LISTS = ("readBuckets", "writeBuckets", "trainingPolicies", "hostingPolicies")

Policies = Mapping[str, Sequence[Mapping[str, Any]]]


class _Address(NamedTuple):
    bucket: str
    prefix: str

    @property
    def pattern(self) -> str:
        return f"{self.bucket}/{self.prefix}*"


def describe_access(given: Mapping[str, str], policies: Policies) -> dict[str, Any]:
    """Return the problems of the deploy parameters, and the statements and the setting that they give.

    Parameters
    ----------
    given
        The values of LISTS.
    policies
        The policies of each role in ROLES, as the template has them.
    """
    lists = {name: _split(given.get(name, "")) for name in LISTS}
    reads = _read_addresses([*lists["readBuckets"], *lists["writeBuckets"]])
    writes = _read_addresses(lists["writeBuckets"])
    return {
        "problems": find_problems_of(given),
        "readStatements": [_allow("s3:GetObject", reads)],
        "listStatements": list(_allow_listing(reads)),
        "versionStatements": [_allow("s3:GetObjectVersion", reads)],
        "writeStatements": [_allow(["s3:PutObject", "s3:AbortMultipartUpload"], writes)],
        "setting": {"Fn::Sub": _describe_setting(lists, reads, writes, policies)},
    }


def find_problems_of(given: Mapping[str, str]) -> list[str]:
    """Return a sentence for each problem of the deploy parameters in LISTS."""
    return list(_find_problems({name: _split(given.get(name, "")) for name in LISTS}))


def _split(text: str) -> list[str]:
    return [entry for entry in re.split(r"[\s,]+", text) if entry]


def _find_problems(given: Mapping[str, list[str]]) -> Iterator[str]:
    for name in ("readBuckets", "writeBuckets"):
        for entry in given[name]:
            if not _ADDRESS.match(entry):
                yield (
                    f"{name} contains '{entry}'; give S3 addresses such as s3://my-lake/iris/, with commas between "
                    "them, in which a prefix consists of letters, digits and ./_=+@:-"
                )
    buckets = [*given["readBuckets"], *given["writeBuckets"]]
    length = len(",".join(buckets))
    if len(buckets) > _MOST_ADDRESSES or length > _MOST_CHARACTERS:
        yield (
            f"readBuckets and writeBuckets have {len(buckets)} addresses with {length} characters; the maximum is "
            f"{_MOST_ADDRESSES} addresses with {_MOST_CHARACTERS} characters, so name common prefixes"
        )
    for name in ("trainingPolicies", "hostingPolicies"):
        for entry in given[name]:
            if not _POLICY.match(entry):
                yield (
                    f"{name} contains '{entry}'; give ARNs of managed policies such as those that "
                    "end with :policy/read-my-lake, with commas between them"
                )
        if len(given[name]) > _MOST_POLICIES:
            yield f"{name} has {len(given[name])} ARNs; the maximum is {_MOST_POLICIES}"


def _read_addresses(entries: Sequence[str]) -> list[_Address]:
    """Return the addresses without those that lie within another one."""
    found = [match for match in map(_ADDRESS.match, entries) if match]
    parsed = list(dict.fromkeys(_Address(match["bucket"], match["prefix"] or "") for match in found))
    return [one for one in parsed if not any(_is_within(one, other) for other in parsed)]


def _is_within(one: _Address, other: _Address) -> bool:
    return one != other and one.bucket == other.bucket and one.prefix.startswith(other.prefix)


def _allow(action: str | list[str], addresses: Sequence[_Address]) -> dict[str, Any]:
    arns = [{"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{one.pattern}"} for one in addresses]
    return {"Effect": "Allow", "Action": action, "Resource": arns}


def _allow_listing(addresses: Sequence[_Address]) -> Iterator[dict[str, Any]]:
    for bucket in dict.fromkeys(one.bucket for one in addresses):
        prefixes = [f"{one.prefix}*" for one in addresses if one.bucket == bucket]
        statement = {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{bucket}"},
        }
        yield statement if "*" in prefixes else statement | {"Condition": {"StringLike": {"s3:prefix": prefixes}}}


def _describe_setting(
    given: Mapping[str, list[str]], reads: Sequence[_Address], writes: Sequence[_Address], policies: Policies
) -> str:
    roles = {}
    for role, more in ROLES.items():
        roles[role] = {
            "read": _list_patterns(policies[role], "s3:GetObject"),
            "write": _list_patterns(policies[role], "s3:PutObject"),
            **({"more": more} if more and given[more] else {}),
        }
    patterns = {"read": [one.pattern for one in reads], "write": [one.pattern for one in writes]}
    return json.dumps({"roles": roles, **patterns}, separators=(",", ":"), ensure_ascii=False)


def _list_patterns(policies: Sequence[Mapping[str, Any]], action: str) -> list[str]:
    """Return the objects on which policies allow an action, as bucket/key with * for any characters."""
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    allowed = [one for one in statements if one["Effect"] == "Allow" and action in _as_list(one["Action"])]
    arns = [resource["Fn::Sub"] for one in allowed for resource in _as_list(one["Resource"])]
    return [arn.replace(".Arn}", "}", 1) for arn in arns]  # ${DataBucket} is the bucket's name


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    content = json.load(sys.stdin)
    print(json.dumps(describe_access(content["given"], content["policies"])))
