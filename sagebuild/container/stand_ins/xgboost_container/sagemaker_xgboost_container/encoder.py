"""Makes XGBoost's matrices of requests."""

import csv
import json
from typing import Any

import numpy
import xgboost
from scipy.sparse import csr_matrix

_CSV = "text/csv"
_LIBSVM = ("text/libsvm", "text/x-libsvm")


class UnsupportedFormatError(Exception):
    """No matrix can be made of a content type."""


def csv_to_dmatrix(input: str | bytes, dtype: Any = None) -> Any:
    """Return the matrix of CSV without labels and without empty lines; an empty value is missing."""
    lines = _decode_text(input).split("\n")
    delimiter = csv.Sniffer().sniff(lines[0][:512]).delimiter
    delimiter = "," if delimiter.isalnum() else delimiter
    rows = [[value or "nan" for value in line.split(delimiter)] for line in lines]
    return xgboost.DMatrix(numpy.array(rows).astype(dtype))


def libsvm_to_dmatrix(string_like: str | bytes) -> Any:
    """Return the matrix of LIBSVM."""
    rows = [
        [pair.split(":") for pair in line.split() if ":" in pair]
        for line in _decode_text(string_like).strip().split("\n")
    ]
    entries = [(row, int(column), float(value)) for row, pairs in enumerate(rows) for column, value in pairs]
    if not entries:
        return xgboost.DMatrix(numpy.empty((0, 0)))
    numbers, columns, values = zip(*entries, strict=True)
    # LIBSVM may number the columns from 1; XGBoost numbers them from 0.
    first = 1 if min(columns) >= 1 else 0
    places = (numbers, [column - first for column in columns])
    return xgboost.DMatrix(csr_matrix((values, places), shape=(len(rows), max(columns) - first + 1)))


def json_to_jsonlines(json_data: Any) -> bytes:
    """Return the values of an object's only list as JSON lines."""
    content = json_data if isinstance(json_data, dict) else json.loads(json_data)
    if len(content) != 1:
        raise ValueError("JSON response is not compatible for conversion to jsonlines.")
    return "".join(f"{json.dumps(entry)}\n" for values in content.values() for entry in values).encode()


def decode(obj: str | bytes, content_type: str) -> Any:
    """Return the matrix of a request."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == _CSV:
        return csv_to_dmatrix(obj)
    if media_type in _LIBSVM:
        return libsvm_to_dmatrix(obj)
    raise UnsupportedFormatError(f"Content type {media_type} is not supported; it must be {_CSV} or {_LIBSVM[0]}.")


def _decode_text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode()
