"""Evaluates IAM's Condition blocks for a request."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

# Keys that a request may lack; any other missing key is one that this engine does not derive.
_OPTIONAL_KEYS = (
    *("aws:requesttag/", "aws:tagkeys", "dynamodb:leadingkeys", "iam:passedtoservice", "kms:", "lambda:"),
    *("s3:delimiter", "s3:prefix", "ssm:overwrite", "states:statemachinequalifier", "sts:externalid"),
)

# A value of None is one that AWS does not document.
Context = dict[str, str | list[str] | None]


class UndecidedError(Exception):
    """A policy uses a feature that this engine does not evaluate; the message names it."""


@cache
def glob(pattern: str, ignore_case: bool = False) -> "re.Pattern[str]":
    """A regular expression for IAM's wildcards: ``*`` for any characters, ``?`` for one."""
    translated = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile(translated, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """False when a value does not match a pattern with IAM's wildcards."""
    return glob(pattern, ignore_case).fullmatch(value) is not None


def _arn_like(pattern: str, value: str) -> bool:
    expected, actual = pattern.split(":", 5), value.split(":", 5)
    return len(expected) == len(actual) and all(map(matches, expected, actual))


# Each operator's test of one value; an operator with Not is its negation.
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda expected, actual: expected == actual,
    "StringEqualsIgnoreCase": lambda expected, actual: expected.lower() == actual.lower(),
    "StringLike": matches,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda expected, actual: expected.lower() == actual.lower(),
}


def hold(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """False when a condition of a statement does not hold.

    Raises
    ------
    UndecidedError
        For an operator or a condition key that this engine does not support.
    """
    return all(
        _holds(operator, key, _strings(expected), context)
        for operator, keys in conditions.items()
        for key, expected in keys.items()
    )


def _holds(operator: str, key: str, expected: list[str], context: Context) -> bool:
    if operator == "Null":
        return (_read_key(key, context) is None) == (expected[0].lower() == "true")
    quantifier, _, plain = operator.rpartition(":")
    if_exists, plain = plain.endswith("IfExists"), plain.removesuffix("IfExists")
    negated = "Not" in plain
    test = _TESTS.get(plain.replace("Not", ""))
    if test is None or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UndecidedError(f"condition operator {operator}")
    actual = _read_key(key, context)
    expected = [substitute(value, context) for value in expected]
    if actual is None:
        return if_exists or quantifier == "ForAllValues" or (negated and not quantifier)
    matched = [any(test(value, one) for value in expected) != negated for one in actual]
    return any(matched) if quantifier == "ForAnyValue" else all(matched)


def _read_key(key: str, context: Context) -> list[str] | None:
    named = [context[name] for name in context if name.lower() == key.lower()]
    if named == [None]:
        raise UndecidedError(f"condition key {key}, whose value AWS does not document")
    value = named[0] if named else None
    is_tag = key.lower().startswith("aws:resourcetag/") and "aws:ResourceTag" in context
    if value is None and not is_tag and not key.lower().startswith(_OPTIONAL_KEYS):
        raise UndecidedError(f"condition key {key}")
    return None if value is None else _strings(value)


def substitute(text: str, context: Context) -> str:
    """A policy's text with its variables, such as ``${aws:PrincipalAccount}``, replaced by their values."""

    def fill(found: "re.Match[str]") -> str:
        if found[1] in ("*", "?", "$"):
            raise UndecidedError(f"policy variable {found[0]}")
        value = _read_key(found[1], context)
        if value is None or len(value) != 1:
            raise UndecidedError(f"policy variable {found[0]}")
        return value[0]

    return re.sub(r"\$\{([^}]+)\}", fill, text)


def _strings(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
