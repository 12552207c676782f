"""Checks the body of a request against botocore's service model, before the request is sent.

botocore itself checks types, unknown and required members and minimum sizes. This module adds maximum sizes, patterns
and enumerations. It skips patterns in Java's syntax that Python cannot compile.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import Shape

_SHOWN = 60  # characters of a value that a sentence repeats
_MOST = 20  # sentences about one request: its values are compared with AWS's words, which takes long
_WORDS = 12  # a sentence lists an enumeration of at most this size


def find_violations(client: Any, operation: str, body: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each value in a request's body that the service model does not allow."""
    from botocore.validate import ParamValidator

    shape = client.meta.service_model.operation_model(operation).input_shape
    report = ParamValidator().validate(body, shape).generate_report()
    for line in report.splitlines():
        yield f"{operation}: {line.strip().rstrip('.')}."
    if not report:
        violations = _walk(shape, body, "")
        yield from (f"{operation}: {violation}" for violation in islice(violations, _MOST))
        if next(violations, None):
            yield f"{operation}: there are more values that the service model does not allow."


def _walk(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, entry in value.items():
            yield from _walk(shape.members[name], entry, f"{path}.{name}".lstrip("."))
    elif shape.type_name == "list":
        yield from _check_size(shape, len(value), path, "entries")
        for index, entry in enumerate(value):
            yield from _walk(shape.member, entry, f"{path}[{index}]")
    elif shape.type_name == "map":
        yield from _check_size(shape, len(value), path, "entries")
        for name, entry in value.items():
            yield from _walk(shape.key, name, f"a name in {path}")
            yield from _walk(shape.value, entry, f"{path}.{name}")
    elif shape.type_name == "string":
        yield from _check_text(shape, value, path)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _check_size(shape, value, path, "")


def _check_size(shape: Shape, size: float, path: str, unit: str) -> Iterator[str]:
    largest = shape.metadata.get("max")
    if largest is not None and size > largest:
        yield f"{path} {'has' if unit else 'is'} {size}{unit and f' {unit}'}; the maximum is {largest}."


def _check_text(shape: Shape, value: str, path: str) -> Iterator[str]:
    too_long = list(_check_size(shape, len(value), path, "characters"))
    if too_long:
        # A pattern that backtracks could take minutes on a long value.
        yield from too_long
        return
    shown = json.dumps(value, ensure_ascii=False)
    shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
    words = shape.metadata.get("enum", [])
    if words and value not in words:
        yield f"{path} is {shown}; {_advise(value, words)}"
    source = shape.metadata.get("pattern")
    pattern = _compile(source) if source else None
    if pattern and not pattern.fullmatch(value):
        yield f"{path} is {shown}; it must be of the form {source}."


def _advise(value: str, words: list[str]) -> str:
    if len(words) <= _WORDS:
        return f"it must be one of {', '.join(words)}."
    near = ", ".join(get_close_matches(value, words, n=3, cutoff=0.6))
    return f"it must be one of AWS's {len(words)} values{f', such as {near}' if near else ''}."


@cache
def _compile(source: str) -> re.Pattern[str] | None:
    try:
        with warnings.catch_warnings():
            # FutureWarning: Java and Python read the pattern differently.
            warnings.simplefilter("error", FutureWarning)
            return re.compile(source, re.ASCII)
    except (re.error, FutureWarning):
        return None
