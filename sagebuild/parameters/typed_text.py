"""Reads the text that a user typed for a parameter, by the kind of value that the parameter takes."""

from __future__ import annotations

import json
import re
from typing import Any

from sagebuild.parameters.json_text import read_value
from sagebuild.parameters.kinds import Flag, Kind, read_number
from sagebuild.parameters.places import Place, find_place
from sagebuild.parameters.text_kinds import JsonText, TypedScalar

# A number of JSON: RFC 8259, section 6.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)


def read_typed(path: str, text: str) -> Any:
    """Return the value that a user typed for a parameter.

    Text stays text where the parameter takes text: 1.10 is a version, not a number. Where it takes any JSON value, as
    a hyperparameter does, text that is not JSON stays text, and so does a number that JSON would write in another way,
    such as 1.10. Quotation marks make any JSON string.

    Parameters
    ----------
    path
        The parameter, as a dotted name: ``hyperparameters.epochs``.

    Returns
    -------
    Any
        A JSON value. If the parameter does not take it, the check of the document says what is allowed.

    Raises
    ------
    ParameterError
        The JSON repeats a name, nests too deeply or has a value that is not JSON.
    """
    place = find_place(path.split(".")) or Place(JsonText(0))
    if place.kind is None:
        return read_value(text, path)
    if isinstance(place.kind, JsonText | TypedScalar):
        return _read_any(path, text)
    if place.optional and text.strip() == "null":
        return None
    return _read_kind(place, path, _unquote(text))


def _read_kind(place: Place, path: str, text: str) -> Any:
    kind: Kind = place.kind  # type: ignore[assignment]
    if place.optional and text == "none":
        return text
    try:
        return kind.read(text)
    except ValueError:
        # The check of the document refuses it, and shows it as it was typed.
        return text if isinstance(kind, Flag) or _NUMBER.fullmatch(text) is None else _read_any(path, text)


def _read_any(path: str, text: str) -> Any:
    bare = text.strip()
    if bare in ("NaN", "Infinity", "-Infinity"):  # numbers only in Python
        return text
    return _read_number(bare) if _NUMBER.fullmatch(bare) else read_value(text, path)


def _read_number(text: str) -> int | float | str:
    """Return a number, or the text if the number would be written in another way; an exponent is always a number."""
    try:
        value = read_number(text)
    except ValueError:  # infinite, or too long
        return text
    if "e" in text.lower():
        return value
    exact: int | float = json.loads(text)
    return exact if json.dumps(exact) == text and abs(exact) < 2**63 else text


def _unquote(text: str) -> str:
    """Return the string that a JSON string stands for; any other text unchanged."""
    if text.strip()[:1] != '"':
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text
