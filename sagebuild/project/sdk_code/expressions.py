"""Evaluates operators and common functions of Python on known values; NotImplemented stands for an unknown result."""

from __future__ import annotations

import ast
import operator
import posixpath
import re
from typing import Any

_ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_LARGEST = 10**15
_PLAIN = (str, int, float, bool)
# The methods of dict and list that change nothing.
READING = frozenset({"copy", "count", "get", "index", "items", "keys", "values"})


def combine(symbol: ast.operator, left: Any, right: Any) -> Any:
    """Return the result of an operator such as +."""
    if isinstance(symbol, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
        return left | right
    function = _ARITHMETIC.get(type(symbol))
    are_numbers = _is_number(left) and _is_number(right)
    are_joined = isinstance(symbol, ast.Add) and type(left) is type(right) and isinstance(left, str | list)
    if isinstance(symbol, ast.Div) and isinstance(left, str) and isinstance(right, str):  # of pathlib
        return posixpath.join(left, right)
    if function is None or not (are_numbers or are_joined):
        return NotImplemented
    try:
        result = function(left, right)
    except (ArithmeticError, ValueError):
        return NotImplemented
    return result if not are_numbers or abs(result) < _LARGEST else NotImplemented


def compare(symbol: ast.cmpop, left: Any, right: Any) -> Any:
    """Return the result of a comparison of two plain values."""
    function = _COMPARISONS.get(type(symbol))
    are_plain = all(value is None or isinstance(value, _PLAIN) for value in (left, right))
    if function is None or not are_plain:
        return NotImplemented
    try:
        return function(left, right)
    except TypeError:
        return NotImplemented


def subscript(container: Any, key: Any) -> Any:
    """Return an entry of a dict or list."""
    if isinstance(container, dict) and isinstance(key, str | int):
        return container.get(key, NotImplemented)
    if isinstance(container, list) and isinstance(key, int) and -len(container) <= key < len(container):
        return container[key]
    return NotImplemented


def call_builtin(text: str, owner: Any, method: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Return the result of a function or method of Python."""
    are_plain = all(isinstance(value, _PLAIN) for value in (*arguments, *keywords.values()))
    if text == "dict" and len(arguments) <= 1 and all(isinstance(one, dict) for one in arguments):
        return {**(arguments[0] if arguments else {}), **keywords}
    if isinstance(owner, dict) and method == "copy":
        return dict(owner)
    if isinstance(owner, dict) and method == "get" and arguments:
        return owner.get(arguments[0], *arguments[1:2]) if isinstance(arguments[0], str) else NotImplemented
    if isinstance(owner, str) and method == "join" and len(arguments) == 1 and isinstance(arguments[0], list):
        return owner.join(arguments[0]) if all(isinstance(one, str) for one in arguments[0]) else NotImplemented
    if not are_plain:
        return NotImplemented
    return _call_on_texts(text, owner, method, arguments, keywords)


def change_container(owner: dict[Any, Any] | list[Any], method: str, arguments: list[Any], keywords: Any) -> Any:
    """Return what a method that changes a dict or list returns; NotImplemented if its effect is not known."""
    result: Any = None
    match owner, method, arguments:
        case dict(), "update", []:
            owner.update(keywords)
        case dict(), "update", [dict() as entries]:
            owner.update({**entries, **keywords})
        case dict(), "setdefault", [str() as key, value]:
            result = owner.setdefault(key, value)
        case dict(), "pop", [str() as key, *_] if key in owner:
            result = owner.pop(key)
        case list(), "append", [value]:
            owner.append(value)
        case list(), "extend", [list() as values]:
            owner.extend(values)
        case _:
            result = NotImplemented
    return result


def _call_on_texts(text: str, owner: Any, method: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    texts = [str(one) for one in arguments]
    if text in ("os.path.join", "posixpath.join", "path.join", "Path", "pathlib.Path") and texts:
        return posixpath.join(*texts)
    if text in ("str", "int", "float") and len(arguments) == 1:
        try:
            return {"str": str, "int": int, "float": float}[text](arguments[0])
        except ValueError:
            return NotImplemented
    if isinstance(owner, str) and method == "format" and not re.search(r"\{\w*[^\w}]", owner):
        try:
            return owner.format(*arguments, **keywords)
        except (LookupError, ValueError):
            return NotImplemented
    if isinstance(owner, str) and method in ("lower", "upper", "strip", "rstrip", "lstrip", "replace"):
        try:
            return getattr(owner, method)(*texts)
        except TypeError:
            return NotImplemented
    return NotImplemented


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
