"""Derives which KMS keys a call needs itself: the keys of S3's objects, and those that a call of KMS names."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from local import accounts, partitions
from local.audit.conditions import Context
from local.calls import Call

MOTO_NAMES = (
    "moto.kms.models.KmsBackend.any_id_to_key_id",
    "moto.kms.models.kms_backends",
    "moto.s3.models.S3Backend.get_object",
    "moto.s3.models.s3_backends",
)

# Which permission S3 needs of the caller for an object with SSE-KMS, by operation:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html, and for the parts of an upload
# https://repost.aws/knowledge-center/s3-large-file-encryption-kms-key
_WRITES = ("PutObject", "CopyObject", "CreateMultipartUpload")
_PARTS = ("UploadPart", "UploadPartCopy")

Need = tuple[str, str, Context]


def of_objects(call: Call) -> Iterator[Need]:
    """Yield the action, key and condition keys that a call of S3 needs in addition, for objects with SSE-KMS."""
    if call.prefix != "s3" or not call.parameters.get("Bucket"):
        return
    name, bucket = call.operation.name, str(call.parameters["Bucket"])
    if name in _WRITES:
        yield from _needs(call, "kms:GenerateDataKey", bucket, str(call.parameters.get("Key")), *_wanted(call, bucket))
    elif name in _PARTS:
        upload = _bucket(bucket).multiparts.get(call.parameters.get("UploadId")) if _bucket(bucket) else None
        if upload and upload.sse_encryption == "aws:kms":
            yield from _needs(call, "kms:Decrypt", bucket, str(call.parameters.get("Key")), upload.kms_key_id, False)
    elif name == "GetObject":
        yield from _reads(call, bucket, str(call.parameters["Key"]), call.parameters.get("VersionId"))
    if "CopySource" in call.parameters:
        source, _, version = str(call.parameters["CopySource"]).lstrip("/").partition("?versionId=")
        owner, _, key = unquote(source).partition("/")
        yield from _reads(call, owner, key, version or None)


def of_call(call: Call) -> Context:
    """The condition keys of a call of KMS itself.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    if call.prefix != "kms":
        return {}
    given, pairs = call.parameters, call.parameters.get("EncryptionContext") or {}
    keys: Context = {f"kms:EncryptionContext:{name}": str(value) for name, value in pairs.items()}
    if pairs:
        keys["kms:EncryptionContextKeys"] = list(pairs)
    if call.operation.name in ("CreateGrant", "ListGrants", "RevokeGrant"):
        keys["kms:GrantIsForAWSResource"] = "false"
    for key, member in ("GranteePrincipal", "GranteePrincipal"), ("GrantOperations", "Operations"):
        if given.get(member):
            keys[f"kms:{key}"] = given[member]
    if str(given.get("KeyId", "")).startswith("alias/"):
        keys["kms:RequestAlias"] = str(given["KeyId"])
    return keys | {"kms:CallerAccount": accounts.current()}


def via(call: Call, service: str) -> str:
    """The value of kms:ViaService for a service that uses a key for the caller."""
    return f"{service}.{call.region}.{partitions.domain(call.region)}"


def key_arn(region: str, name: str) -> str:
    """The ARN of a key that is named by its id, ARN or alias."""
    if name.startswith("arn:") and ":key/" in name:
        return name
    own = name.partition(":alias/")[2] and f"alias/{name.partition(':alias/')[2]}"
    known = name
    with suppress(AttributeError):  # moto's, for an alias that does not exist
        known = kms_backends[accounts.current()][region].any_id_to_key_id(own or name) or name
    return f"arn:{partitions.of(region)}:kms:{region}:{accounts.current()}:key/{known}"


def _bucket(name: str) -> Any:
    """Moto's bucket; None if there is none."""
    return s3_backends[accounts.current()][partitions.current()].buckets.get(name)


def _wanted(call: Call, bucket: str) -> tuple[str | None, bool]:
    """The key of a new object, None for a key of S3's or AWS's own, and whether the bucket has a key of its own."""
    encryption = getattr(_bucket(bucket), "encryption", None)
    rule: Any = encryption["Rule"] if encryption else {}
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    has_bucket_key = str(call.parameters.get("BucketKeyEnabled", rule.get("BucketKeyEnabled", ""))).lower() == "true"
    algorithm = call.parameters.get("ServerSideEncryption")
    if algorithm is None:
        algorithm, key = default.get("SSEAlgorithm"), default.get("KMSMasterKeyID")
    else:
        key = call.parameters.get("SSEKMSKeyId")
    return (key if algorithm == "aws:kms" else None), has_bucket_key


def _reads(call: Call, bucket: str, key: str, version: str | None) -> Iterator[Need]:
    found: Any = None
    with suppress(Exception):  # moto raises several errors for a bucket or an object that does not exist
        found = s3_backends[accounts.current()][partitions.current()].get_object(bucket, key, version)
    if found is not None and found.encryption == "aws:kms":
        yield from _needs(call, "kms:Decrypt", bucket, key, found.kms_key_id, bool(found.bucket_key_enabled))


def _needs(call: Call, action: str, bucket: str, key: str, name: str | None, has_bucket_key: bool) -> Iterator[Need]:
    """The permission for a key of the user's own; the encryption context is the ARN of the object or the bucket."""
    if not name or name.rpartition(":")[2].startswith("alias/aws/"):
        return
    path = "" if has_bucket_key else f"/{key}"
    context: Context = {
        "kms:ViaService": via(call, "s3"),
        "kms:EncryptionContext:aws:s3:arn": f"arn:{partitions.of(call.region)}:s3:::{bucket}{path}",
        "kms:EncryptionContextKeys": ["aws:s3:arn"],
        "kms:CallerAccount": accounts.current(),
    }
    yield action, key_arn(call.region, name), context
