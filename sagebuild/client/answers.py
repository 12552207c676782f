"""Reads the body of an endpoint's response, by content type. Any bytes may come back."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from sagebuild.client.content_types import CSV, JSON, JSON_LINES, NPY, PARQUET, explain_missing_library, split_type
from sagebuild.errors import EndpointError

_SHOWN = 80  # bytes
_JSON_LINES = frozenset({JSON_LINES, "application/jsonl", "application/x-jsonlines"})


def decode(body: bytes, content_type: str) -> Any:
    """Return a response as Python values.

    Returns
    -------
    Any
        JSON's value; the values of JSON lines as a list; CSV's rows; npy's array; parquet's pandas table; the text of
        text/*; else the bytes.

    Raises
    ------
    EndpointError
        The body is not of that content type; the message has its first bytes.
    InputError
        It is parquet, and pandas or pyarrow is not installed.
    """
    kind, options = split_type(content_type)
    charset = options.get("charset", "utf-8")
    try:
        return _decode(body, kind, charset)
    except (ValueError, LookupError, EOFError, OSError, csv.Error, RecursionError) as error:
        shown = f"it begins with {body[:_SHOWN]!r}" if body else "it is empty"
        raise EndpointError(
            f"The endpoint answered {len(body)} bytes as {content_type}, and they are not: {error}; {shown}. raw=True "
            "(on the command line --raw) returns the bytes as they are."
        ) from None


def _decode(body: bytes, kind: str, charset: str) -> Any:
    if kind == JSON or kind.endswith("+json"):
        return json.loads(body.decode(charset))
    if kind in _JSON_LINES:
        return [json.loads(line) for line in body.decode(charset).splitlines() if line.strip()]
    if kind == CSV:
        return [[_to_number(cell) for cell in row] for row in csv.reader(io.StringIO(body.decode(charset)))]
    if kind == NPY:
        import numpy

        return numpy.load(io.BytesIO(body), allow_pickle=False)
    if kind == PARQUET:
        return _read_parquet(body)
    return body.decode(charset) if kind.startswith("text/") else body


def _read_parquet(body: bytes) -> Any:
    try:
        import pandas

        return pandas.read_parquet(io.BytesIO(body))
    except ImportError as error:
        raise explain_missing_library(error) from None


def _to_number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell
