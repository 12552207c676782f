"""S3: the headers of the default encryption and of checksums, which moto omits, and large objects in small pieces.

moto copies a whole object in one step when it is stored, and for each part of it that is read. Such a copy of a
gigabyte stops every thread of the engine for seconds.
"""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Request, has_request_context, request
from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
from moto.s3.models import FakeKey, FakeMultipart, MultipartChecksumBuilder
from moto.settings import S3_UPLOAD_PART_MIN_SIZE, get_s3_default_key_buffer_size

MOTO_NAMES = (
    "moto.s3.models.FakeMultipart.complete",
    "moto.s3.models.MultipartChecksumBuilder.addPart",
    "moto.s3.models.FakeKey.response_dict",
    "moto.s3.models.FakeKey.value",
    "moto.s3.responses.S3Response._handle_range_header",
)
_PIECE_BYTES = 1024 * 1024
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_RANGE_HEADERS = {"GET": "Range", "PUT": "x-amz-copy-source-range"}  # of GetObject and UploadPartCopy
_moto_headers: Any = FakeKey.response_dict.fget


def install() -> None:
    """Replace the headers and the content of moto's objects, and the end of its uploads in parts, by these."""
    FakeKey.response_dict = property(_headers)
    FakeKey.value = property(_read, _write)
    FakeMultipart.complete = _complete


def read_body(received: Request) -> bytes:
    """Read the body of a request, which has no form, into one block of memory; werkzeug copies it once more."""
    if received.content_length and not received.mimetype.endswith(("form-data", "form-urlencoded")):
        received._cached_data = received.environ["wsgi.input"].read(received.content_length)
    return received.data


def _headers(self: Any) -> dict[str, Any]:
    # Since 2023 every object is encrypted: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
    headers: dict[str, Any] = {"x-amz-server-side-encryption": "AES256"} | _moto_headers(self)
    if self.checksum_value:
        headers["x-amz-checksum-type"] = self.checksum_type or "FULL_OBJECT"
    return headers


class _Content:
    """The content of an object, of which moto takes the length and one slice."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def __len__(self) -> int:
        return int(self._key.contentsize)

    def __getitem__(self, part: slice) -> bytes:
        with self._key.lock:
            self._key._value_buffer.seek(part.start)
            content: bytes = self._key._value_buffer.read(part.stop - part.start)
        return content


def _read(self: Any) -> Any:
    if has_request_context() and _is_range(request.headers.get(_RANGE_HEADERS.get(request.method, ""), ""), self):
        return _Content(self)
    with self.lock:
        self._value_buffer.seek(0)
        return self._value_buffer.read()


def _is_range(header: str, key: Any) -> bool:
    """False for ranges that begin at the end of the object or after it, and for other forms, which moto treats."""
    found = _RANGE.fullmatch(header)
    return bool(found and int(found[1]) < key.contentsize and int(found[2] or key.contentsize) >= int(found[1]))


def _write(self: Any, content: "bytes | str | _Assembled") -> None:
    if isinstance(content, _Assembled):
        self._value_buffer.close()
        self._value_buffer = content.file
    else:
        self._value_buffer.seek(0)
        self._value_buffer.truncate()
        _write_pieces(self._value_buffer, content.encode() if isinstance(content, str) else content)
    self.contentsize = self._value_buffer.tell()


def _write_pieces(file: Any, content: bytes) -> None:
    view = memoryview(content)
    for start in range(0, len(view), _PIECE_BYTES):
        file.write(view[start : start + _PIECE_BYTES])


class _Assembled:
    """The content of an object from the parts of its upload, which moto deletes: the object takes the file over."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.file: Any = tempfile.SpooledTemporaryFile(get_s3_default_key_buffer_size())  # noqa: SIM115
        for part in parts:
            _write_pieces(self.file, part.value)


def _complete(self: Any, listed: Iterable[tuple[int, str]]) -> tuple[_Assembled, str, Any]:
    """Check the listed parts; return their content, the ETag and the checksum.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    parts = []
    for number, etag in listed:
        part = self.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
        parts.append(part)
    if not parts:
        raise MalformedXML
    if any(part.contentsize < S3_UPLOAD_PART_MIN_SIZE for part in parts[:-1]):
        raise EntityTooSmall
    digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
    return _Assembled(parts), etag, _compute_checksum(self.metadata, parts)


def _compute_checksum(metadata: Any, parts: Sequence[Any]) -> Any:
    """The checksum that the upload asked for, or None; moto's own choice needs a library for it to be right."""
    if not (algorithm := metadata.get("x-amz-checksum-algorithm")):
        return None
    builder = MultipartChecksumBuilder(algorithm, metadata.get("x-amz-checksum-type"))
    for part in parts:
        builder.addPart(part.value)
    return builder.build()
