"""The records of a transform job: splits objects into requests, and builds an output object from the answers."""

import csv
import io
import json
import struct
from collections.abc import Iterator
from typing import Any

from local.sagemaker.resources import Json
from local.sagemaker.transform_paths import PathError, RecordPath

_CSV, _JSON, _LINES = "text/csv", "application/json", "application/jsonlines"
JOINED_TYPES = (_CSV, _JSON, _LINES)
_RECORDIO_MAGIC = 0xCED7230A
csv.field_size_limit(100 * 1024 * 1024)  # MaxPayloadInMB in botocore's model; Python's own limit is 128 KB
_LENGTH_BITS = 29  # the three others mark the parts of a divided record: dmlc-core's recordio.h


class RecordError(Exception):
    """An object or an answer cannot be used; the message says why."""


def media_type(header: str | None) -> str:
    """The media type in a Content-Type or Accept."""
    return (header or "").partition(";")[0].strip().lower()


def split(content: bytes, split_type: str) -> list[bytes]:
    """The records of an object.

    Parameters
    ----------
    split_type
        ``None`` for one record, ``Line`` or ``RecordIO``.
    """
    if split_type == "Line":
        return content.removesuffix(b"\n").split(b"\n") if content else []
    return list(_split_recordio(content)) if split_type == "RecordIO" else [content]


def unwrap(record: bytes) -> bytes:
    """The payload of a RecordIO record, without header and padding."""
    length = struct.unpack_from("<I", record, 4)[0] & ((1 << _LENGTH_BITS) - 1)
    return record[8 : 8 + length]


def _split_recordio(content: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(content):
        if len(content) < position + 8:
            raise RecordError("the object is not in RecordIO format")
        magic, length = struct.unpack_from("<II", content, position)
        if magic != _RECORDIO_MAGIC or length >> _LENGTH_BITS:
            raise RecordError(
                "the object is not in RecordIO format, or has divided records, which local/ does not read"
            )
        end = position + 8 + length + -length % 4
        if end > len(content):
            raise RecordError("the object ends within a RecordIO record")
        yield content[position:end]
        position = end


def batch(records: list[bytes], separator: bytes, most_bytes: int, *, single: bool) -> list[list[bytes]]:
    """The records of each request: as many as the limit allows, or one.

    Raises
    ------
    RecordError
        When a record is larger than the limit.
    """
    batches: list[list[bytes]] = []
    size = 0
    for record in records:
        if len(record) > most_bytes:
            raise RecordError(f"a record of {len(record)} bytes is larger than MaxPayloadInMB")
        if single or not batches or size + len(separator) + len(record) > most_bytes:
            batches.append([])
            size = -len(separator)
        batches[-1].append(record)
        size += len(separator) + len(record)
    return batches


class Processing:
    """The DataProcessing of a transform job.

    Parameters
    ----------
    settings
        The DataProcessing, completed with defaults.
    content_type
        The media type of the input.
    """

    def __init__(self, settings: Json, content_type: str) -> None:
        self._input, self._output = RecordPath(settings["InputFilter"]), RecordPath(settings["OutputFilter"])
        self._joins = settings["JoinSource"] == "Input"
        self._content_type = content_type

    @property
    def changes_output(self) -> bool:
        """False when the answers are stored unchanged."""
        return self._joins or not self._output.is_everything

    def filter_input(self, record: bytes) -> bytes:
        """The part of a record that the model gets."""
        if self._input.is_everything:
            return record
        return _write(_select(self._input, _read(record, self._content_type)), self._content_type)

    def build_output(self, records: list[bytes], answer: bytes, answer_type: str) -> bytes:
        """The output of one request: filtered, and joined with the records.

        Raises
        ------
        RecordError
            When the answer does not fit the records.
        """
        if answer_type not in JOINED_TYPES:
            raise RecordError(f"the answer has the type {answer_type or '(none)'}; a filter or join needs CSV or JSON")
        answers = split(answer, "None" if answer_type == _JSON else "Line")
        if not self._joins:
            selected = [_select(self._output, _read(one, answer_type)) for one in answers]
            return b"\n".join(_write(one, answer_type) for one in selected)
        if (answer_type == _CSV) != (self._content_type == _CSV):
            raise RecordError(
                f"Fail to join data: mismatched MediaType: the input is {self._content_type}, the answer {answer_type}"
            )
        if len(answers) != len(records):
            raise RecordError(f"Fail to join data: {len(records)} records have {len(answers)} answers")
        pairs = zip(records, answers, strict=True)
        joined = [_join(_read(one, self._content_type), _read(other, answer_type), answer_type) for one, other in pairs]
        return b"\n".join(_write(_select(self._output, one), answer_type) for one in joined)


def _read(record: bytes, kind: str) -> Any:
    try:
        if kind == _CSV:
            return next(csv.reader(io.StringIO(record.decode()), strict=True), [])
        return json.loads(record)
    except (ValueError, csv.Error) as error:
        # No line breaks in CSV: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
        raise RecordError(f"a record is not valid {kind} on one line: {error}") from error


def _write(value: Any, kind: str) -> bytes:
    if kind != _CSV:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(value if isinstance(value, list) else [value])
    return text.getvalue().encode()


def _select(path: RecordPath, value: Any) -> Any:
    try:
        return path.select(value)
    except PathError as error:
        raise RecordError(str(error)) from error


def _join(record: Any, answer: Any, kind: str) -> Any:
    if kind == _CSV:
        return [*record, *answer]
    if isinstance(record, dict):
        return {**record, "SageMakerOutput": answer}
    return {"SageMakerInput": record, "SageMakerOutput": answer}
