"""S3: the headers of the default encryption and of checksums, which moto omits."""

from typing import Any

from moto.s3.models import FakeKey

MOTO_NAMES = ("moto.s3.models.FakeKey.response_dict",)
_moto_headers: Any = FakeKey.response_dict.fget


def install() -> None:
    """Replace the headers of moto's objects by these."""
    FakeKey.response_dict = property(_headers)


def _headers(self: Any) -> dict[str, Any]:
    # Since 2023 every object is encrypted: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
    headers: dict[str, Any] = {"x-amz-server-side-encryption": "AES256"} | _moto_headers(self)
    if self.checksum_value:
        headers["x-amz-checksum-type"] = self.checksum_type or "FULL_OBJECT"
    return headers
