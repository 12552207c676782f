"""Objects of S3 in local/ that are read and copied in parts."""

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import name

CONTENT = bytes(range(256)) * 64 * 1024  # 16 MiB, which moto keeps in a file


@pytest.fixture(scope="module")
def bucket(engine: Engine) -> str:
    created = name("bucket")
    engine.client("s3").create_bucket(Bucket=created)
    engine.client("s3").put_object(Bucket=created, Key="large", Body=CONTENT)
    return created


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
