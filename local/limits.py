"""Refuses what AWS refuses although botocore's service models allow it: sizes, tiers, names and tags.

Each rule yields an error code with AWS's message. `validation` has checked the types before.
"""

import base64
import hashlib
import ipaddress
import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import regex
from flask import request

from local import calls, messages, parameter_store, queue_attributes, storage, table_batches
from local.audit.conditions import matches
from local.calls import Call
from local.errors import RefusedError
from local.messages import Refusal
from local.messaging import buckets

# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
_TAG_CHARACTERS = regex.compile(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*")
_TAG_CODES = {"sns": "InvalidParameter", "sqs": "InvalidParameterValue", "iam": "InvalidInput"}
# EC2 allows any character: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
_UNCHECKED_TAGS = ("ec2",)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
_STACK = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
_TABLE = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
_FUNCTION_NAME_LENGTH, _FUNCTION_SECONDS = 64, 900
# Of UTF-8: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
_STATES_BYTES = 262_144


def install() -> None:
    """Check every call from now on."""
    calls.add_check(check)


def check(call: Call) -> None:
    """Refuse a call that AWS refuses.

    Raises
    ------
    RefusedError
        With AWS's error code.
    """
    rule = _RULES.get(call.action)
    for code, message in (*_check_tags(call), *(rule(call.parameters) if rule else ())):
        raise RefusedError(code, message)


def _check_tags(call: Call) -> Iterator[Refusal]:
    if call.prefix in _UNCHECKED_TAGS:
        return
    code = _TAG_CODES.get(call.prefix, "ValidationError" if call.protocol == "query" else "ValidationException")
    given = call.parameters.get("Tags") or call.parameters.get("tags") or ()
    tags = given.items() if isinstance(given, dict) else (_read_tag(tag) for tag in given if isinstance(tag, dict))
    pairs = [(str(key), str(value)) for key, value in tags]
    for key, value in pairs:
        if key.lower().startswith("aws:"):
            yield code, f"The tag key {key} begins with aws:, which is reserved for AWS."
        elif not 1 <= len(key) <= 128 or len(value) > 256:
            yield code, f"The tag {key} is too long: a key has 1 to 128 characters, and a value 256 at most."
        elif not (_TAG_CHARACTERS.fullmatch(key) and _TAG_CHARACTERS.fullmatch(value)):
            yield code, f"The tag {key}={value} has characters other than letters, digits, spaces and _ . : / = + - @."
    if len({key for key, _ in pairs}) < len(pairs):
        yield code, "Two of the tags have the same key."


def _read_tag(tag: Any) -> tuple[str, str]:
    """The key and the value of a tag, whose members have different names in different services."""
    members = {name.lower().removeprefix("tag"): str(value) for name, value in tag.items()}
    return members.get("key", ""), members.get("value", "")


def _check_bucket(given: dict[str, Any]) -> Iterator[Refusal]:
    name = str(given.get("Bucket", ""))
    try:
        is_address = bool(ipaddress.IPv4Address(name))
    except ValueError:
        is_address = False
    is_reserved = name.startswith(_BUCKET_PREFIXES) or name.endswith(_BUCKET_SUFFIXES)
    if not _BUCKET.fullmatch(name) or ".." in name or is_address or is_reserved:
        yield "InvalidBucketName", "The specified bucket is not valid."


def _check_key(given: dict[str, Any]) -> Iterator[Refusal]:
    if len(str(given.get("Key", "")).encode()) > _KEY_BYTES:
        yield "KeyTooLongError", "Your key is too long."


def _check_object(given: dict[str, Any]) -> Iterator[Refusal]:
    """Check the key, and the digests of the body: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html."""
    yield from _check_key(given)
    for name, compute in _DIGESTS.items():
        if name in given and "x-amz-decoded-content-length" not in request.headers:
            digest = compute(storage.read_body(request))
            if base64.b64encode(digest).decode() != given[name]:
                kind = name.removeprefix("Checksum").removeprefix("Content")
                yield "BadDigest", f"The {kind} that you specified is not that of the received bytes."


_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "ContentMD5": lambda body: hashlib.md5(body, usedforsecurity=False).digest(),
    "ChecksumCRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "ChecksumSHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "ChecksumSHA256": lambda body: hashlib.sha256(body).digest(),
}


def _check_policy(given: dict[str, Any]) -> Iterator[Refusal]:
    try:
        statements = json.loads(given.get("Policy") or "")["Statement"]
        resources = [
            each.get("Resource", ()) for each in (statements if isinstance(statements, list) else [statements])
        ]
        arns = [arn for each in resources for arn in ([each] if isinstance(each, str) else each)]
    except (ValueError, TypeError, KeyError, AttributeError):
        yield "MalformedPolicy", "This policy contains invalid Json"
        return
    names = [str(arn).partition(":::")[2].partition("/")[0] for arn in arns if ":::" in str(arn)]
    if any(not matches(name, str(given.get("Bucket"))) for name in names):
        yield "MalformedPolicy", "Policy has invalid resource"


def _refuse_select(given: dict[str, Any]) -> Iterator[Refusal]:  # noqa: ARG001
    """Refuse S3 Select: moto's fails for aliases and adds empty lines, and AWS has closed it to new customers.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-select.html
    """
    raise RefusedError("NotImplemented", "local/ does not serve s3:SelectObjectContent.", 501)


def _require_name(member: str, allowed: re.Pattern[str], code: str) -> Callable[[dict[str, Any]], Iterator[Refusal]]:
    """Return the rule for the name of a new resource; a call may also name an existing one by its ARN."""

    def check_name(given: dict[str, Any]) -> Iterator[Refusal]:
        name = str(given.get(member, ""))
        if not name.startswith("arn:") and not allowed.fullmatch(name):
            yield (
                code,
                f"1 validation error detected: Value '{name}' at '{member[0].lower()}{member[1:]}' failed to satisfy "
                f"constraint: Member must satisfy regular expression pattern: {allowed.pattern}",
            )

    return check_name


def _check_function(given: dict[str, Any]) -> Iterator[Refusal]:
    name, seconds = str(given.get("FunctionName", "")).rpartition(":")[2], given.get("Timeout") or 0
    for value, member, limit, kind in (
        (name, "functionName", _FUNCTION_NAME_LENGTH, "length"),
        (seconds, "timeout", _FUNCTION_SECONDS, "value"),
    ):
        if (len(value) if isinstance(value, str) else value) > limit:
            yield (
                "ValidationException",
                f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must "
                f"have {kind} less than or equal to {limit}",
            )


def _limit_bytes(member: str) -> Callable[[dict[str, Any]], Iterator[Refusal]]:
    """Return the rule for a text whose length counts in bytes; botocore's model counts characters."""

    def check_bytes(given: dict[str, Any]) -> Iterator[Refusal]:
        if len(str(given.get(member) or "").encode()) > _STATES_BYTES:
            yield (
                "ValidationException",
                f"1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have "
                f"length less than or equal to {_STATES_BYTES}",
            )

    return check_bytes


_RULES: dict[str, Callable[[dict[str, Any]], Iterator[Refusal]]] = {
    "cloudformation:CreateChangeSet": _require_name("StackName", _STACK, "ValidationError"),
    "cloudformation:CreateStack": _require_name("StackName", _STACK, "ValidationError"),
    "dynamodb:CreateTable": _require_name("TableName", _TABLE, "ValidationException"),
    "lambda:CreateFunction": _check_function,
    "lambda:UpdateFunctionConfiguration": _check_function,
    "s3:CopyObject": _check_key,
    "s3:CreateBucket": _check_bucket,
    "s3:CreateMultipartUpload": _check_key,
    "s3:PutBucketPolicy": _check_policy,
    "s3:PutObject": _check_object,
    "s3:SelectObjectContent": _refuse_select,
    "s3:UploadPart": _check_object,
    "states:SendTaskSuccess": _limit_bytes("output"),
    "states:StartExecution": _limit_bytes("input"),
    "states:StartSyncExecution": _limit_bytes("input"),
    **buckets.RULES,
    **messages.RULES,
    **parameter_store.RULES,
    **queue_attributes.RULES,
    **table_batches.RULES,
}
