"""Writes data as the body of an endpoint's request, by content type."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sagebuild.client.content_types import (
    BY_SUFFIX,
    BYTES,
    CSV,
    JSON,
    JSON_LINES,
    NPY,
    PARQUET,
    explain_missing_library,
    find_type,
    split_type,
)
from sagebuild.errors import InputError

# A text with these characters is data, not the name of a file.
_DATA = re.compile(r"[\n\r,;{}\[\]\"<>]")
_SPLIT = "pandas-split"  # MLflow's name: {"columns": [...], "index": [...], "data": [...]}


def encode(data: Any, content_type: str | None = None, *, header: bool = False) -> tuple[bytes, str]:
    """Return a request's bytes and their content type; see `Pipeline.predict`.

    AWS's containers read CSV without a header, and JSON as nested lists or as a list of objects, so the names of a
    table's columns are sent as JSON, JSON lines and parquet, and as CSV on request.

    Raises
    ------
    InputError
        The data cannot be written in that content type.
    """
    if isinstance(data, str):
        data = _find_file(data)
    if isinstance(data, Path):
        return _read_file(data, content_type)
    if isinstance(data, bytes | bytearray | memoryview | str):
        body = _encode_text(data) if isinstance(data, str) else bytes(data)
        return body, content_type or (CSV if isinstance(data, str) else BYTES)
    given = content_type or (CSV if hasattr(data, "__array__") else JSON)
    kind, options = split_type(given)
    has_names = _has_names(data)
    if kind == CSV:
        return _write_csv(data, header or options.get("header") == "present"), given
    if kind == JSON:
        return _write_json(data, options.get("format", ""), has_names).encode(), given
    if kind == JSON_LINES:
        rows = data if isinstance(data, list | tuple) else json.loads(_write_json(data, "", has_names))
        lines = (_write_json(row, "", has_names=False) for row in (rows if isinstance(rows, list | tuple) else [rows]))
        return "".join(f"{line}\n" for line in lines).encode(), given
    if kind == NPY:
        return _write_npy(data), given
    if kind == PARQUET:
        return _write_parquet(data), given
    raise InputError(
        f"A {type(data).__name__} cannot be sent as {given}; use {JSON}, {JSON_LINES}, {CSV}, {NPY} or {PARQUET}, or "
        "pass bytes."
    )


def _encode_text(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"The text cannot be sent: {error.object[error.start]!r} is no character.") from None


def _find_file(text: str) -> str | Path:
    """Return the path of the file that a text names; the text itself if it is data."""
    if not text or _DATA.search(text) or "\0" in text:
        return text
    try:
        is_file = os.path.isfile(text)
    except ValueError:
        return text
    if is_file:
        warnings.warn(f"{text!r} is a file, so its content is sent; pass bytes to send the text.", stacklevel=5)
        return Path(text)
    looks_like_path = Path(text).suffix.lower() in BY_SUFFIX and (os.sep in text or " " not in text)
    if looks_like_path:
        raise InputError(f"There is no file {text}; to send this text as the request, pass it as bytes.")
    return text


def _read_file(path: Path, content_type: str | None) -> tuple[bytes, str]:
    kind = content_type or find_type(path)
    try:
        return path.read_bytes(), kind
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None


def _has_names(data: Any) -> bool:
    """Return True for a pandas table whose columns have names, instead of the numbers that pandas gives them."""
    columns = getattr(data, "columns", None)
    return columns is not None and hasattr(data, "to_json") and list(columns) != list(range(len(columns)))


def _write_json(data: Any, layout: str, has_names: bool) -> str:
    if hasattr(data, "to_json") and hasattr(data, "columns"):
        orient = "split" if layout == _SPLIT else "records" if has_names else "values"
        try:
            return str(data.to_json(orient=orient, date_format="iso"))
        except ValueError as error:
            raise InputError(f"The table cannot be sent as {JSON}: {error}.") from None
    try:
        return json.dumps(data, default=_to_plain)
    except (RecursionError, TypeError, ValueError) as error:
        raise InputError(f"{error}; pass numpy, pandas, text, bytes, or values that JSON can hold.") from None


def _to_plain(value: Any) -> Any:
    """Return numpy's arrays and numbers as Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _write_csv(data: Any, header: bool) -> bytes:
    names: Sequence[Any] | None = list(data.columns) if hasattr(data, "columns") else None
    if hasattr(data, "__array__"):
        rows = _read_rows(data)
    elif isinstance(data, list | tuple) and data and all(isinstance(row, dict) for row in data):
        names = list(dict.fromkeys(name for row in data for name in row))
        rows = [[row.get(name, "") for name in names] for row in data]
    elif isinstance(data, list | tuple):
        rows = [list(row) if isinstance(row, list | tuple) else _read_rows(row)[0] for row in data]
    else:
        raise InputError(f"A {type(data).__name__} cannot be written as {CSV}; pass a list of rows.")
    if header and names is None:
        raise InputError(f"A {type(data).__name__} has no column names for the header; pass a table or objects.")
    text = io.StringIO()
    try:
        csv.writer(text, lineterminator="\n").writerows([names, *rows] if header and names is not None else rows)
    except RecursionError:
        raise InputError(f"The data nest too deeply to be written as {CSV}; pass a list of rows.") from None
    return _encode_text(text.getvalue())


def _read_rows(data: Any) -> list[list[Any]]:
    if not hasattr(data, "__array__"):
        return [[data]]
    import numpy

    array = numpy.asarray(data)
    if array.ndim > 2:
        raise InputError(
            f"An array of {array.ndim} dimensions cannot be sent as {CSV}; {NPY} and {JSON} accept any number "
            f"of dimensions, {CSV} one or two."
        )
    return list(numpy.atleast_2d(array).tolist())


def _write_npy(data: Any) -> bytes:
    import numpy

    file = io.BytesIO()
    try:
        numpy.save(file, numpy.asarray(data), allow_pickle=False)
    except ValueError as error:
        raise InputError(f"A {type(data).__name__} cannot be sent as {NPY}: {error}.") from None
    return file.getvalue()


def _write_parquet(data: Any) -> bytes:
    file = io.BytesIO()
    try:
        import pandas

        table = data if hasattr(data, "to_parquet") else pandas.DataFrame(data)
        table = table.rename(columns=str)  # parquet has no numbers as names
        table.to_parquet(file)
    except ImportError as error:
        raise explain_missing_library(error) from None
    except (TypeError, ValueError) as error:
        raise InputError(f"A {type(data).__name__} cannot be sent as {PARQUET}: {error}.") from None
    return file.getvalue()
