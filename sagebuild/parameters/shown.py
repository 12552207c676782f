"""Shows names and values of a document in a sentence: short, on one line, with every character visible."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")
SHOWN = 60  # characters of a value or name that a sentence shows
MOST_SENTENCES = 20  # of one error


class Problem(NamedTuple):
    """A sentence about a parameter, and the parameter's name."""

    name: str
    sentence: str


def join_sentences(sentences: Iterable[str]) -> str:
    """Return a line for each of the first twenty sentences, and how many more there are."""
    shown, more = split_shown([*sentences])
    return "\n".join([*shown, *more])


def split_shown(problems: Sequence[T]) -> tuple[Sequence[T], list[str]]:
    """Return the first twenty problems, and a sentence about the others; a single other one is shown itself."""
    more = len(problems) - MOST_SENTENCES
    return (problems[:MOST_SENTENCES], [f"There are {more} more problems."]) if more > 1 else (problems, [])


def show_path(location: Iterable[int | str]) -> str:
    """Return a place in the document as a dotted path: channels.train.uri, metrics[0].Name."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{show_name(part)}" for part in location]
    return "".join(parts).removeprefix(".")


def show_name(name: str) -> str:
    """Return a name in a document, shortened and on one line."""
    return _shorten("".join(_escape(character) for character in name[: SHOWN + 1]))


def show_value(value: object) -> str:
    """Return a value in a document as JSON, shortened and on one line."""
    return _shorten(
        "".join(_escape(character) for character in json.dumps(value, ensure_ascii=False, default=str)[: SHOWN + 1])
    )


def _escape(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _shorten(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
