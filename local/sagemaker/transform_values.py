"""The values in the records of a transform job: filters them, and joins them with the answers of the model.

Python's parsers work on a text in one step, during which no other thread runs. So a program of this module, which
imports nothing slow, does the work for a large record.
"""

import csv
import io
import json
import pickle  # nosec B403: between this process and its child
import subprocess  # nosec B404: of this module
import sys
from functools import cache
from pathlib import Path
from typing import Any

from local.sagemaker.transform_paths import PathError, RecordPath

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"
LARGEST_BYTES = 100 * 1024 * 1024  # of a record: MaxPayloadInMB in botocore's model
csv.field_size_limit(LARGEST_BYTES)  # Python's own limit is 128 KB
_MOST_BYTES_HERE = 1024 * 1024
_DONE, _FAILED = b"+", b"-"  # the first byte of the program's answer


class RecordError(Exception):
    """An object or an answer cannot be used; the message says why."""


def convert(path: str, *parts: tuple[bytes, str]) -> bytes:
    """Read a record, or a record and its answer, which are joined; write what a filter selects of it.

    Parameters
    ----------
    path
        The filter.
    parts
        The record, or the record and its answer, with their media types; the last one is that of the result.

    Raises
    ------
    RecordError
        When a part cannot be read, or lacks what the filter selects.
    """
    if sum(len(content) for content, _ in parts) <= _MOST_BYTES_HERE:
        return _convert(path, *parts)
    program = [sys.executable, "-m", __name__]
    given, folder = pickle.dumps((path, parts)), Path(__file__).parents[2]
    done = subprocess.run(program, input=given, stdout=subprocess.PIPE, cwd=folder, check=False)  # nosec B603
    if done.stdout[:1] == _DONE:
        return done.stdout[1:]
    reason = done.stdout[1:].decode() or f"its program ended with exit code {done.returncode}"
    raise RecordError(reason)


def _convert(path: str, *parts: tuple[bytes, str]) -> bytes:
    value, *answers = [_read(*part) for part in parts]
    kind = parts[-1][1]
    for answer in answers:
        value = _join(value, answer, kind)
    try:
        selected = _parse(path).select(value)
    except PathError as error:
        raise RecordError(str(error)) from error
    return _write(selected, kind)


@cache
def _parse(path: str) -> RecordPath:
    return RecordPath(path)


def _read(record: bytes, kind: str) -> Any:
    try:
        if kind == CSV:
            return next(csv.reader(io.StringIO(record.decode()), strict=True), [])
        return json.loads(record)
    except (ValueError, csv.Error) as error:
        # No line breaks in CSV: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
        raise RecordError(f"a record is not valid {kind} on one line: {error}") from error


def _write(value: Any, kind: str) -> bytes:
    if kind != CSV:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(value if isinstance(value, list) else [value])
    return text.getvalue().encode()


def _join(record: Any, answer: Any, kind: str) -> Any:
    if kind == CSV:
        return [*record, *answer]
    if isinstance(record, dict):
        return {**record, "SageMakerOutput": answer}
    return {"SageMakerInput": record, "SageMakerOutput": answer}


def _answer() -> None:
    """Do the work of `convert` in the program."""
    path, parts = pickle.load(sys.stdin.buffer)  # nosec B301: written by `convert`
    try:
        answer = _DONE + _convert(path, *parts)
    except RecordError as error:
        answer = _FAILED + str(error).encode()
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    _answer()
