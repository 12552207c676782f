"""Parses JSON for all readers of parameters; refuses repeated names, and values that are JSON only in Python."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sagebuild.errors import ParameterError
from sagebuild.parameters.shown import Problem, join_sentences, show_path, show_value

# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
STANDARD_BYTES, ADVANCED_BYTES = 4096, 8192
DEEPEST = 20
DOCUMENT = "The parameter document"
# Windows editors and PowerShell put a byte order mark before the text; RFC 8259 lets a reader skip it.
_BYTE_ORDER_MARK = "\ufeff"


class _Object(dict[str, Any]):
    """A JSON object, with the names that its text repeats."""

    repeated: tuple[str, ...] = ()


def read_raw_document(text: str) -> dict[str, Any]:
    """Return the parameter document as it was written, without defaults; its values are not checked.

    Raises
    ------
    ParameterError
        With a line for each problem: the size, the JSON, a repeated name, a value that is not JSON.
    """
    check_size(text)
    return read_object(text)


def read_leniently(text: str) -> dict[str, Any]:
    """Return the document as `read_raw_document` does, or an empty one if that raises ParameterError."""
    try:
        return read_raw_document(text)
    except ParameterError:
        return {}


def read_framework(document: Mapping[str, Any], default: str = "") -> str:
    """Return the name of the document's framework in capitals; it need not be a framework."""
    return str(document.get("framework", default)).strip().upper()


def read_object(text: str, subject: str = DOCUMENT) -> dict[str, Any]:
    """Return the JSON object in a text of any size.

    Parameters
    ----------
    subject
        What the error message calls the text.

    Raises
    ------
    ParameterError
        With a line for each problem.
    """
    problems: list[Problem] = []
    content = copy_json(load_json(text, subject), (), problems, subject)
    return require_object(content, problems, subject)


def read_value(text: str, name: str) -> Any:
    """Return the value that the user typed for a parameter: JSON, or else the text itself.

    Parameters
    ----------
    name
        The parameter, as a dotted path for a part of one: ``hyperparameters.epochs``.

    Raises
    ------
    ParameterError
        The JSON repeats a name, nests too deeply or has a value that is not JSON.
    """
    try:
        value = _load(text, name)
    except json.JSONDecodeError:
        return text
    problems: list[Problem] = []
    content = copy_json(value, tuple(name.split(".")), problems)
    if problems:
        raise ParameterError(join_sentences(problem.sentence for problem in problems))
    return content


def format_document(document: Mapping[str, Any]) -> str:
    """Return the text to store for a document: indented, or compact if only that fits into an SSM parameter.

    Raises
    ------
    ParameterError
        Even the compact text is too large.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if _count_bytes(text) > ADVANCED_BYTES:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    check_size(text)
    return text


def check_size(text: str) -> None:
    """Raise ParameterError for a document that is too large for an SSM parameter."""
    if isinstance(text, str) and (size := _count_bytes(text)) > ADVANCED_BYTES:
        raise ParameterError(
            f"{DOCUMENT} has {size} bytes; an SSM parameter holds at most {ADVANCED_BYTES} (advanced tier) or "
            f"{STANDARD_BYTES} (standard tier)."
        )


def load_json(text: str, subject: str) -> Any:
    """Return the JSON value in a text; `copy_json` finds the names that its objects repeat.

    Raises
    ------
    ParameterError
        The text is not JSON.
    """
    if not isinstance(text, str):
        raise ParameterError(f"{subject} is a {type(text).__name__}; it must be JSON text.")
    try:
        return _load(text, subject)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ParameterError(f"{subject} is not JSON: {error.msg} at {place}.") from None


def copy_json(value: Any, path: tuple[int | str, ...], problems: list[Problem], subject: str = DOCUMENT) -> Any:
    """Return a copy of a JSON value; add a problem for each repeated name and each value that is not JSON."""
    reason = None
    if isinstance(value, Mapping | list | tuple) and len(path) >= DEEPEST:
        reason = f"nests deeper than {DEEPEST} levels"
    elif isinstance(value, Mapping):
        return _copy_object(value, path, problems)
    elif isinstance(value, list | tuple):
        return [copy_json(entry, (*path, index), problems) for index, entry in enumerate(value)]
    elif isinstance(value, str):
        if _has_surrogate(value):
            reason = "has an unpaired surrogate, which is not valid text"
    elif isinstance(value, float):
        reason = None if math.isfinite(value) else f"is {show_value(value)}, which is not a JSON number"
    elif isinstance(value, int):
        reason = None if abs(value) < 2**63 else "is a whole number of more than 64 bits"
    elif value is not None:
        reason = f"is a {type(value).__name__}, which is not a JSON value"
    if reason:
        problems.append(_describe_problem(path, reason, subject))
        return None
    return value


def require_object(content: Any, problems: list[Problem], subject: str = DOCUMENT) -> dict[str, Any]:
    """Return a copied value that is an object and has no problems.

    Raises
    ------
    ParameterError
        It has problems or is not an object.
    """
    sentences = [problem.sentence for problem in problems]
    if not isinstance(content, dict):
        sentences = sentences or [f"{subject} is {show_value(content)}; it must be a JSON object."]
    if sentences:
        raise ParameterError(join_sentences(sentences))
    return dict(content)


def _load(text: str, subject: str) -> Any:
    try:
        return json.loads(text.removeprefix(_BYTE_ORDER_MARK), object_pairs_hook=_read_pairs)
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python converts at most 4300 digits
        raise ParameterError(f"{subject} has a whole number of more than 64 bits.") from None
    except RecursionError:
        raise ParameterError(f"{subject} nests deeper than {DEEPEST} levels.") from None


def _read_pairs(pairs: list[tuple[str, Any]]) -> _Object:
    names = [name for name, _ in pairs]
    read = _Object(pairs)
    if len(read) < len(names):
        read.repeated = tuple(name for name, count in Counter(names).items() if count > 1)
    return read


def _copy_object(value: Mapping[Any, Any], path: tuple[int | str, ...], problems: list[Problem]) -> dict[str, Any]:
    for name in getattr(value, "repeated", ()):
        problems.append(Problem("", f"{show_path((*path, name))} is given more than once."))
    copied = {}
    for name, entry in value.items():
        if isinstance(name, str) and not _has_surrogate(name):
            copied[name] = copy_json(entry, (*path, name), problems)
        else:
            problems.append(_describe_problem((*path, str(name)), "is not a name; names must be text"))
    return copied


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _describe_problem(path: tuple[int | str, ...], reason: str, subject: str = DOCUMENT) -> Problem:
    return Problem(str(path[0]) if path else "", f"{show_path(path) or subject} {reason}.")


def _count_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def to_text(value: object) -> str:
    """Return a JSON value as text for AWS's string fields: a string unchanged, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
