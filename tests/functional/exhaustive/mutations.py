"""Changes valid input at random, so that most of it still has the shape that the code expects."""

from __future__ import annotations

import copy
import json
import re
from random import Random
from typing import Any

_STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, -0.0, 0.1, 1e308, 2**63, 10**30, float("nan"), float("inf"), "", " ", "0", "-1", "1e999",
    "null", "\ud800", "\x00", "\u202e\u2028", "a" * 5000, "../../x", "s3://", "s3://b/", "s3://a b/c", "arn:aws:::",
    "{{x}}", "%s %d {0}", "<b>&amp;", "\n\n", "[", "[[1]", "(a+)+$", "9" * 400, [], {}, [[]], [None], {"": ""},
    {"a": {"b": {}}}, ["x"] * 300, "\u0661\u0662", "a" * 60_000, "\x1b[31m", "/etc/passwd", "2026-13-45T99:99:99Z",
    "9999-12-31T23:59:59.999999+14:00", "0001-01-01T00:00:00-14:00", "====", "aGk", "\U0001f600" * 100,
)  # fmt: skip
_DEPTHS = (5, 40, 3000)


def mutate(random: Random, value: Any, others: list[Any]) -> Any:
    """Return a copy with one to four changes; ``others`` are values whose parts may take the place of its own."""
    changed = copy.deepcopy(value)
    for _ in range(random.randint(1, 4)):
        changed = _change(random, changed, others)
    return changed


def _change(random: Random, value: Any, others: list[Any]) -> Any:
    """Return the value with one change, at a random depth."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        _change_object(random, value, others)
        return value
    if isinstance(value, list) and value and random.random() < 0.85:
        place = random.randrange(len(value))
        if random.random() < 0.2:
            return value + value[place:] * random.choice((1, 2, 60))
        value[place] = _change(random, value[place], others)
        return value
    if isinstance(value, str) and random.random() < 0.5:
        return mutate_text(random, value)
    if random.random() < 0.05:
        for _ in range(random.choice(_DEPTHS)):
            value = [value] if random.random() < 0.5 else {"a": value}
        return value
    return copy.deepcopy(random.choice(_STRANGE))


def _change_object(random: Random, value: dict[str, Any], others: list[Any]) -> None:
    """Remove, rename, change or add one member."""
    key = random.choice([*value])
    match random.randrange(6):
        case 0:
            del value[key]
        case 1:
            value[random.choice([key.upper(), f"{key} ", f"{key}.x", key[:-1], "\ud800", "x" * 300])] = value[key]
        case 2:
            donor = random.choice(others)
            if isinstance(donor, dict) and donor:
                other = random.choice([*donor])
                value[other] = copy.deepcopy(donor[other])
        case _:
            value[key] = _change(random, value[key], others)


def mutate_text(random: Random, text: str) -> str:
    """Return the text with a part cut, repeated or replaced."""
    start, end = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
    middle = random.choice(
        ["", text[start:end] * 2, "\ud800", "\x00", ",", '"', "}", "\ufeff", "\\u", "\U0001f600", "9"]
    )
    return text[:start] + middle + text[end:]


def mutate_bytes(random: Random, content: bytes) -> bytes:
    """Return the content with some bytes flipped, or a part cut, repeated or put elsewhere."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 8)):
        place = random.randrange(len(changed) + 1)
        match random.randrange(4):
            case 0:
                changed[place : place + random.choice((1, 16, 512))] = b""
            case 1:
                changed[place:place] = changed[place : place + random.choice((1, 16, 512))]
            case 2:
                changed[place : place + 1] = bytes([random.randrange(256)])
            case _:
                changed[place : place + 8] = random.choice((b"\0" * 8, b"\xff" * 8, b"77777777", b"-1      "))
    return bytes(changed)


def to_json(random: Random, value: Any) -> str:
    """Return the value as JSON, sometimes as JSON that is broken, or that few programs write."""
    try:
        text = json.dumps(value)
    except RecursionError:
        text = "[" * 100_000
    chance = random.random()
    if chance < 0.15:
        return mutate_text(random, text)
    return _rewrite(random, text) if chance < 0.2 else text


def _rewrite(random: Random, text: str) -> str:
    """Return JSON with something that `json.dumps` never writes."""
    match random.randrange(7):
        case 0:  # names that are given twice
            names = [f"{number}" for number in range(random.choice((1, 30, 10_000)))] * 2
            return text.replace("{", "{" + "".join(f'"{name}":1,' for name in names), 1)
        case 1:  # more digits than Python converts
            return re.sub(r"\d+", "9" * 5000, text, count=1)
        case 2:
            return text.replace('"', "'")
        case 3:
            return text.replace("}", ",}")
        case 4:
            return f"{text}\n{text}"
        case 5:
            return f"{random.choice(('#', '//', '```json'))} parameters\n{text}"
    return json.dumps(text)
