"""Arrays to and from JSON, CSV and NPY."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import numpy

from . import content_types, errors


def array_to_npy(array_like: Any) -> bytes:
    """Return the NPY file of an array."""
    buffer = io.BytesIO()
    numpy.save(buffer, array_like)
    return buffer.getvalue()


def npy_to_numpy(npy_array: bytes) -> Any:
    """Return the array of an NPY file; unlike the package, not one of pickled objects, which could run code."""
    return numpy.load(io.BytesIO(npy_array))


def array_to_json(array_like: Any) -> str:
    """Return an array, or an object of arrays, as JSON."""
    return json.dumps(array_like, default=lambda value: value.tolist())


def json_to_numpy(string_like: str, dtype: Any = None) -> Any:
    """Return the array of a JSON list."""
    return numpy.array(json.loads(string_like), dtype=dtype)


def csv_to_numpy(string_like: str, dtype: Any = None) -> Any:
    """Return the array of CSV without dimensions of one; texts if they are no numbers and no type is given."""
    try:
        array = numpy.array(list(csv.reader(io.StringIO(string_like), strict=True))).squeeze()
    except (csv.Error, ValueError) as error:
        raise errors.ClientError(f"Error while decoding csv: {error}") from error
    try:
        return array.astype(dtype)
    except ValueError as error:
        if dtype is None:
            return array
        raise errors.ClientError(f"Error while writing numpy array: {error}. dtype is: {dtype}") from error


def array_to_csv(array_like: Any) -> str:
    """Return an array as CSV; one of one dimension is a column."""
    array = numpy.array(array_like)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(array.reshape(-1, 1) if array.ndim == 1 else array)
    return text.getvalue()


_ENCODERS: dict[str, Callable[[Any], Any]] = {
    content_types.NPY: array_to_npy,
    content_types.CSV: array_to_csv,
    content_types.JSON: array_to_json,
}
_DECODERS: dict[str, Callable[[Any], Any]] = {
    content_types.NPY: npy_to_numpy,
    content_types.CSV: csv_to_numpy,
    content_types.JSON: json_to_numpy,
}


def encode(array_like: Any, content_type: str) -> Any:
    """Return an array in a content type."""
    if content_type not in _ENCODERS:
        raise errors.UnsupportedFormatError(content_type)
    return _ENCODERS[content_type](array_like)


def decode(obj: Any, content_type: str) -> Any:
    """Return the array of a content type."""
    if content_type not in _DECODERS:
        raise errors.UnsupportedFormatError(content_type)
    return _DECODERS[content_type](obj)
