"""The records of a transform job: splits objects into requests, and builds an output object from the answers."""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple, cast

from local.sagemaker.transform_paths import RecordPath
from local.sagemaker.transform_values import CSV, JSON, LARGEST_BYTES, LINES, RecordError, convert

JOINED_TYPES = (CSV, JSON, LINES)
_RECORDIO_MAGIC = 0xCED7230A
_LENGTH_BITS = 29  # the three others mark the parts of a divided record: dmlc-core's recordio.h


def media_type(header: str | None) -> str:
    """The media type in a Content-Type or Accept."""
    return (header or "").partition(";")[0].strip().lower()


@contextmanager
def open_object(path: Path, compression: str) -> Iterator[IO[bytes]]:
    """Open a downloaded object.

    Parameters
    ----------
    compression
        ``None`` or ``Gzip``.
    """
    if compression == "None":
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path) as unpacked:
            yield cast(IO[bytes], unpacked)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise RecordError("the object is not a gzip file") from error


def split(content: IO[bytes], split_type: str) -> Iterator[bytes]:
    """The records of an object, one after the other.

    Parameters
    ----------
    split_type
        ``None`` for one record, ``Line`` or ``RecordIO``.

    Raises
    ------
    RecordError
        When the object is not in this format, or a record is larger than the largest MaxPayloadInMB.
    """
    if split_type == "Line":
        while line := content.readline(LARGEST_BYTES + 1):
            _check_size(len(line), LARGEST_BYTES)
            yield line.removesuffix(b"\n")
    elif split_type == "RecordIO":
        yield from _split_recordio(content)
    else:
        whole = content.read(LARGEST_BYTES + 1)
        _check_size(len(whole), LARGEST_BYTES)
        yield whole


def _split_recordio(content: IO[bytes]) -> Iterator[bytes]:
    while header := content.read(8):
        if len(header) < 8:
            raise RecordError("the object is not in RecordIO format")
        magic, length = struct.unpack("<II", header)
        if magic != _RECORDIO_MAGIC or length >> _LENGTH_BITS:
            raise RecordError(
                "the object is not in RecordIO format, or has divided records, which local/ does not read"
            )
        padded = length + -length % 4
        _check_size(padded, LARGEST_BYTES)
        payload = content.read(padded)
        if len(payload) < padded:
            raise RecordError("the object ends within a RecordIO record")
        yield header + payload


def _check_size(length: int, most_bytes: int) -> None:
    if length > most_bytes:
        raise RecordError(f"a record of at least {length} bytes is larger than MaxPayloadInMB")


class Request(NamedTuple):
    """A request to the model: its body, and its records before the input filter, as they are in the object."""

    body: bytes
    records: bytes


def build_requests(
    records: Iterator[bytes], processing: "Processing", split_type: str, most_bytes: int, *, single: bool
) -> Iterator[Request]:
    """The requests for the records of an object, one after the other: with as many as the limit allows, or one.

    Raises
    ------
    RecordError
        When a record cannot be read or filtered, or is larger than the limit.
    """
    separator = b"\n" if split_type == "Line" else b""
    bodies, originals = bytearray(), bytearray()
    is_empty = True
    for record in records:
        body = processing.filter_input(record)
        _check_size(len(body), most_bytes)
        if not is_empty and (single or len(bodies) + len(separator) + len(body) > most_bytes):
            yield Request(bytes(bodies), bytes(originals))
            bodies, originals = bytearray(), bytearray()
            is_empty = True
        if single and split_type == "RecordIO":
            body = _unwrap(body)
        bodies += body if is_empty else separator + body
        originals += record + separator
        is_empty = False
    if not is_empty:
        yield Request(bytes(bodies), bytes(originals))


def _unwrap(record: bytes) -> bytes:
    """The payload of a RecordIO record, without header and padding."""
    length = struct.unpack_from("<I", record, 4)[0] & ((1 << _LENGTH_BITS) - 1)
    return record[8 : 8 + length]


class Processing:
    """The DataProcessing of a transform job.

    Parameters
    ----------
    settings
        The DataProcessing, completed with defaults.
    content_type
        The media type of the input.
    """

    def __init__(self, settings: Mapping[str, str], content_type: str) -> None:
        self._input, self._output = settings["InputFilter"], settings["OutputFilter"]
        self._joins = settings["JoinSource"] == "Input"
        self._content_type = content_type

    @property
    def changes_output(self) -> bool:
        """False when the answers are stored unchanged."""
        return self._joins or not RecordPath(self._output).is_everything

    def filter_input(self, record: bytes) -> bytes:
        """The part of a record that the model gets."""
        return convert(self._input, (record, self._content_type)) if self._filters_input else record

    @cached_property
    def _filters_input(self) -> bool:
        return not RecordPath(self._input).is_everything

    def build_output(self, records: bytes, split_type: str, answer: bytes, answer_type: str) -> Iterator[bytes]:
        """The lines of the output of one request: filtered, and joined with the records.

        Raises
        ------
        RecordError
            When the answer does not fit the records.
        """
        if answer_type not in JOINED_TYPES:
            raise RecordError(f"the answer has the type {answer_type or '(none)'}; a filter or join needs CSV or JSON")
        answer_split = "None" if answer_type == JSON else "Line"
        answers = split(io.BytesIO(answer), answer_split)
        if not self._joins:
            yield from (convert(self._output, (one, answer_type)) for one in answers)
            return
        if (answer_type == CSV) != (self._content_type == CSV):
            raise RecordError(
                f"Fail to join data: mismatched MediaType: the input is {self._content_type}, the answer {answer_type}"
            )
        counts = _count(records, split_type), _count(answer, answer_split)
        if counts[0] != counts[1]:
            raise RecordError(f"Fail to join data: {counts[0]} records have {counts[1]} answers")
        for one, other in zip(split(io.BytesIO(records), split_type), answers, strict=True):
            yield convert(self._output, (one, self._content_type), (other, answer_type))


def _count(content: bytes, split_type: str) -> int:
    return sum(1 for _ in split(io.BytesIO(content), split_type))
