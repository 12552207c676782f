"""S3: objects in files, which are written and read in small pieces, and the headers that moto omits.

moto keeps an object in memory, or an open file for each, and copies a whole object in one step when it is stored, and
for each part of it that is read. Such a copy of a gigabyte stops every thread of the engine for seconds.
"""

import hashlib
import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Request, has_request_context, request
from moto.s3.exceptions import EntityTooSmall, InvalidContinuationToken, InvalidPart, MalformedXML, NoSuchUpload
from moto.s3.models import FakeKey, FakeMultipart, MultipartChecksumBuilder, S3Backend
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from local import config
from local.data_folder import OBJECTS

MOTO_NAMES = (
    "moto.s3.models.FakeMultipart.complete",
    "moto.s3.models.MultipartChecksumBuilder.addPart",
    "moto.s3.models.FakeKey.dispose",
    "moto.s3.models.FakeKey.response_dict",
    "moto.s3.models.FakeKey.value",
    "moto.s3.models.S3Backend._get_results_from_token",
    "moto.s3.models.S3Backend.get_bucket_encryption",
    "moto.s3.models.S3Backend.select_object_content",
    "moto.s3.models.S3Backend.upload_part",
    "moto.s3.responses.S3Response._handle_range_header",
)
_PIECE_BYTES = 1024 * 1024
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_RANGE_HEADERS = {"GET": "Range", "PUT": "x-amz-copy-source-range"}  # of GetObject and UploadPartCopy
# Since 2023 every object is encrypted: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
_DEFAULT_ENCRYPTION = {
    "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}
}
_moto_headers: Any = FakeKey.response_dict.fget


def install() -> None:
    """Replace the headers and the content of moto's objects, and the end of its uploads in parts, by these."""
    FakeKey.response_dict = property(_headers)
    FakeKey.value = property(_read, _write)
    FakeKey._value_buffer = property(_get_file, _set_file)
    FakeMultipart.complete = _complete
    S3Backend.upload_part = _check_upload(S3Backend.upload_part)
    S3Backend._get_results_from_token = _check_token(S3Backend._get_results_from_token)
    del S3Backend.select_object_content  # `limits` refuses the call
    S3Backend.get_bucket_encryption = lambda self, name: self.get_bucket(name).encryption or _DEFAULT_ENCRYPTION


def read_body(received: Request) -> bytes:
    """Return the body of a request; unless it is a form, it is read without werkzeug's additional copy."""
    is_form = received.mimetype.endswith(("form-data", "form-urlencoded"))
    if received.content_length and not is_form and getattr(received, "_cached_data", None) is None:
        received._cached_data = received.environ["wsgi.input"].read(received.content_length)
    return received.data


def _check_upload(upload_part: Any) -> Any:
    def run(self: Any, bucket_name: str, multipart_id: str, *part: Any) -> Any:
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)
        return upload_part(self, bucket_name, multipart_id, *part)

    return run


def _check_token(get_results_from_token: Any) -> Any:
    def run(self: Any, keys: Any, token: str | None) -> Any:
        if token is None:  # moto's, when it has not given the one of the request
            raise InvalidContinuationToken
        return get_results_from_token(self, keys, token)

    return run


def _headers(self: Any) -> dict[str, Any]:
    headers: dict[str, Any] = {"x-amz-server-side-encryption": "AES256"} | _moto_headers(self)
    if self.checksum_value:
        headers["x-amz-checksum-type"] = self.checksum_type or "FULL_OBJECT"
    return headers


class _File:
    """An object's bytes, in a file that is open only while they are used."""

    def __init__(self) -> None:
        self._path, self._position = config.current().data / OBJECTS / uuid.uuid4().hex, 0

    def seek(self, position: int) -> None:
        self._position = position

    def read(self, size: int = -1) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                content = file.read(size)
        except FileNotFoundError as error:
            raise ValueError("the object is deleted") from error  # as of a closed file, which moto expects
        self._position += len(content)
        return content

    @property
    def size(self) -> int:
        return self._path.stat().st_size

    def fill(self, contents: Iterable[bytes]) -> None:
        """Replace the bytes by these, one after the other."""
        with self._path.open("wb") as file:
            for content in contents:
                view = memoryview(content)
                for start in range(0, len(view), _PIECE_BYTES):
                    file.write(view[start : start + _PIECE_BYTES])

    def close(self) -> None:
        self._path.unlink(missing_ok=True)


def _get_file(key: Any) -> _File:
    file: _File = key.__dict__["_value_buffer"]
    return file


def _set_file(key: Any, file: Any) -> None:
    key.__dict__["_value_buffer"] = file if isinstance(file, _File) else _File()


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


def _write(self: Any, content: bytes | str | _File) -> None:
    if isinstance(content, _File):
        self._value_buffer.close()
        self._value_buffer = content
    else:
        self._value_buffer.fill([content.encode() if isinstance(content, str) else content])
    self.contentsize = self._value_buffer.size


def _complete(self: Any, listed: Iterable[tuple[int, str]]) -> tuple[_File, str, Any]:
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
    content = _File()
    content.fill(part.value for part in parts)
    return content, etag, _compute_checksum(self.metadata, parts)


def _compute_checksum(metadata: Any, parts: Sequence[Any]) -> Any:
    """The checksum that the upload asked for, or None; moto's own choice needs a library for it to be right."""
    if not (algorithm := metadata.get("x-amz-checksum-algorithm")):
        return None
    builder = MultipartChecksumBuilder(algorithm, metadata.get("x-amz-checksum-type"))
    for part in parts:
        builder.addPart(part.value)
    return builder.build()
