"""Turns sentences into words: the locale's catalogue, plurals, relative times, and escaping of what others wrote."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

LOCALES = Path(__file__).parent / "locales"
DEFAULT_LOCALE = "en-US"

_SPOKEN_CHARACTERS = 240  # Of one value: about 15 s of speech; the card holds the rest.
_CARD_CHARACTERS = 2000  # Of one value: Alexa refuses a card of more than 8,000 in all.
_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86_400, 604_800
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Sentence:
    """A sentence of the catalogue and what fills its placeholders, in no language yet.

    Parameters
    ----------
    key
        The sentence's name in the catalogue.
    values
        One per placeholder; a value may be a sentence itself. `count` chooses between singular and plural.
    """

    def __init__(self, key: str, /, **values: "str | int | Sentence") -> None:
        self.key = key
        self.values = values


def speak(sentence: Sentence, locale: object) -> str:
    """The sentence as the inside of an SSML document."""
    return _render(sentence, _load_catalogue(choose_locale(locale)), _escape_for_speech)


def write(sentence: Sentence, locale: object) -> str:
    """The sentence as plain text, for a card."""
    return _render(sentence, _load_catalogue(choose_locale(locale)), _clean_for_card)


def choose_locale(asked: object) -> str:
    """The locale to answer in: the one asked for if there is a catalogue for it, else en-US."""
    return asked if isinstance(asked, str) and asked in _list_locales() else DEFAULT_LOCALE


def tell_time_since(moment: datetime, now: datetime) -> Sentence:
    """How long ago something happened, in the largest unit that fits."""
    seconds = int((now - moment).total_seconds())
    if seconds < 10:
        return Sentence("ago.now")
    if seconds < _MINUTE:
        return Sentence("ago.seconds", count=seconds)
    if seconds < _HOUR:
        return Sentence("ago.minutes", count=seconds // _MINUTE)
    if seconds < _DAY:
        return Sentence("ago.hours", count=seconds // _HOUR)
    if seconds < _WEEK:
        return Sentence("ago.days", count=seconds // _DAY)
    return Sentence("ago.weeks", count=seconds // _WEEK)


def write_time(moment: datetime) -> str:
    """A moment for a card, which is read long after it was written."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


Catalogue = dict[str, str | dict[str, str]]


@cache
def _list_locales() -> frozenset[str]:
    return frozenset(path.stem for path in LOCALES.glob("*.json"))


@cache
def _load_catalogue(locale: str) -> Catalogue:
    catalogue: Catalogue = json.loads((LOCALES / f"{locale}.json").read_text(encoding="utf-8"))
    return catalogue


def _render(sentence: Sentence, catalogue: Catalogue, escape_value: Callable[[str], str]) -> str:
    template = catalogue[sentence.key]
    if isinstance(template, dict):
        template = template["one" if sentence.values["count"] == 1 else "other"]
    return template.format_map(
        {
            name: _render(value, catalogue, escape_value) if isinstance(value, Sentence) else escape_value(str(value))
            for name, value in sentence.values.items()
        }
    )


def _escape_for_speech(text: str) -> str:
    return _cut(text, _SPOKEN_CHARACTERS).translate(_MARKUP)


def _clean_for_card(text: str) -> str:
    return _cut(text, _CARD_CHARACTERS)


def _cut(text: str, characters: int) -> str:
    """The text on one line, without what XML forbids, and not longer than that many characters."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= characters else f"{line[: characters - 4]} ..."
