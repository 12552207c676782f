"""Objects of S3 in local/: files of the data folder, which are also read and copied in parts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import name

CONTENT = bytes(range(256)) * 64 * 1024  # 16 MiB
BODY, OTHER = b"the weights of a model" * 300_000, b"other weights"


@pytest.fixture(scope="module")
def bucket(engine: Engine) -> str:
    created = name("bucket")
    engine.client("s3").create_bucket(Bucket=created)
    engine.client("s3").put_object(Bucket=created, Key="large", Body=CONTENT)
    return created


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "BadDigest"),
        ({"ChecksumCRC32": "AAAAAA=="}, "BadDigest"),
        ({"ChecksumSHA256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}, "BadDigest"),
        ({"ContentMD5": "XUFAKrxLKna5cZ2REBfFkg==", "ChecksumCRC32": "NhCmhg=="}, ""),
        ({"ChecksumSHA256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}, ""),
    ],
)
def test_a_body_must_have_the_digest_of_its_request(
    engine: Engine, bucket: str, given: dict[str, str], code: str
) -> None:
    s3, key = engine.client("s3"), name("key")
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    for call, part in ((s3.put_object, {}), (s3.upload_part, {"UploadId": upload, "PartNumber": 1})):
        if code:
            with pytest.raises(ClientError, match=code):
                call(Bucket=bucket, Key=key, Body=b"hello", **part, **given)
        else:
            assert call(Bucket=bucket, Key=key, Body=b"hello", **part, **given)["ETag"]


def test_wrong_tokens_uploads_and_policies_are_refused(engine: Engine, bucket: str) -> None:
    s3 = engine.client("s3")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectAcl"}
    other, own = (
        json.dumps({"Version": "2012-10-17", "Statement": statement | {"Resource": f"arn:aws:s3:::{each}/*"}})
        for each in ("another", bucket)
    )
    for call, given, code in (
        (s3.list_objects_v2, {"ContinuationToken": "none"}, "InvalidArgument"),
        (s3.upload_part, {"Key": "k", "UploadId": "none", "PartNumber": 1, "Body": b""}, "NoSuchUpload"),
        (s3.put_bucket_policy, {"Policy": "{"}, "MalformedPolicy"),
        (s3.put_bucket_policy, {"Policy": "[]"}, "MalformedPolicy"),
        (s3.put_bucket_policy, {"Policy": json.dumps({"Statement": statement | {"Resource": 1}})}, "MalformedPolicy"),
        (s3.put_bucket_policy, {"Policy": other}, "MalformedPolicy"),
    ):
        with pytest.raises(ClientError, match=code):
            call(Bucket=bucket, **given)
    s3.put_bucket_policy(Bucket=bucket, Policy=own)
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_s3_select_is_refused_by_name(engine: Engine, bucket: str) -> None:
    with pytest.raises(ClientError, match="local/ does not serve s3:SelectObjectContent") as caught:
        engine.client("s3").select_object_content(
            Bucket=bucket,
            Key="large",
            Expression="SELECT * FROM S3Object",
            ExpressionType="SQL",
            InputSerialization={"CSV": {}},
            OutputSerialization={"CSV": {}},
        )
    assert caught.value.response["Error"]["Code"] == "NotImplemented"


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5000000-9000000", 5_000_000, 9_000_001),
        ("bytes=16777215-", 16_777_215, None),
        ("bytes=16777000-99999999", 16_777_000, None),
        ("bytes=-100", -100, None),
    ],
)
def test_a_range_of_an_object_is_read(engine: Engine, bucket: str, given: str, start: int, end: int | None) -> None:
    answer = engine.client("s3").get_object(Bucket=bucket, Key="large", Range=given)
    assert answer["Body"].read() == CONTENT[start:end]
    first, last = start % len(CONTENT), (end or len(CONTENT)) - 1
    assert answer["ContentRange"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_behind_the_end_is_refused_and_another_form_reads_everything(engine: Engine, bucket: str) -> None:
    s3 = engine.client("s3")
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(Bucket=bucket, Key="large", Range=f"bytes={len(CONTENT)}-")
    for given in ("bytes=9-5", "bytes=0-1,4-5"):
        assert s3.get_object(Bucket=bucket, Key="large", Range=given)["Body"].read() == CONTENT


def test_an_object_is_copied_in_parts(engine: Engine, bucket: str) -> None:
    s3, source = engine.client("s3"), {"Bucket": bucket, "Key": "large"}
    upload = {"Bucket": bucket, "Key": "copy"}
    upload |= {"UploadId": s3.create_multipart_upload(**upload)["UploadId"]}
    parts = []
    for number, part in enumerate(["bytes=0-8388607", "bytes=8388608-16777215"], 1):
        copied = s3.upload_part_copy(**upload, PartNumber=number, CopySource=source, CopySourceRange=part)
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == CONTENT


def find(engine: Engine, body: bytes) -> Iterator[Path]:
    """Yield the files with this content."""
    return (path for path in (engine.data / "s3").iterdir() if path.read_bytes() == body)


def test_an_object_is_a_file_until_it_is_deleted(engine: Engine, bucket: str) -> None:
    s3 = engine.client("s3")
    where = {"Bucket": bucket, "Key": "model"}
    s3.put_object(**where, Body=BODY)
    assert len(list(find(engine, BODY))) == 1
    assert s3.get_object(**where)["Body"].read() == BODY
    assert s3.get_object(**where, Range="bytes=4-10")["Body"].read() == b"weights"
    s3.delete_object(**where)
    assert list(find(engine, BODY)) == []


def test_copies_and_versions_keep_their_contents(engine: Engine) -> None:
    s3, bucket = engine.client("s3"), name("versions")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="model", Body=b"first")["VersionId"]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "model"})
    s3.put_object(Bucket=bucket, Key="model", Body=OTHER)
    read = {each: s3.get_object(Bucket=bucket, Key=each)["Body"].read() for each in ("model", "copy")}
    assert read == {"model": OTHER, "copy": b"first"}
    assert s3.get_object(Bucket=bucket, Key="model", VersionId=first)["Body"].read() == b"first"


def test_an_upload_in_parts_is_one_file(engine: Engine, bucket: str) -> None:
    s3 = engine.client("s3")
    where = {"Bucket": bucket, "Key": "model"}
    upload = where | {"UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate((BODY, OTHER), 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(**where)["Body"].read() == BODY + OTHER
    assert len(list(find(engine, BODY + OTHER))) == 1
    s3.delete_object(**where)
    assert list(find(engine, BODY + OTHER)) == []
