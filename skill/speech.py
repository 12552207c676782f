"""Turns sentences into words: the language's catalogue, plurals, numbers, and escaping of what others wrote."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

LOCALES = Path(__file__).parent / "locales"
DEFAULT_LANGUAGE = "en"

_SPOKEN_CHARACTERS = 240  # Of one value: about 15 s of speech; the card holds the rest.
_CARD_CHARACTERS = 2000  # Of one value: Alexa refuses a card of more than 8,000 in all.
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Quote(NamedTuple):
    """Words that are English in every language: AWS's, sagebuild's, the state machine's."""

    text: str


class Sentence:
    """A sentence of the catalogue and what fills its placeholders, in no language yet.

    Parameters
    ----------
    key
        The sentence's name in the catalogue.
    values
        One per placeholder; a value may be a sentence itself. `count` chooses between singular and plural.
    """

    def __init__(self, key: str, /, **values: "Value") -> None:
        self.key = key
        self.values = values

    def to_json(self) -> dict[str, Any]:
        """The sentence as the session keeps it."""
        values = {
            name: value.to_json()
            if isinstance(value, Sentence)
            else value._asdict()
            if isinstance(value, Quote)
            else value
            for name, value in self.values.items()
        }
        return {"key": self.key, "values": values}

    @classmethod
    def from_json(cls, kept: object) -> "Sentence | None":
        """The sentence that the session kept, or None if that is none."""
        match kept:
            case {"key": str(key), "values": dict(values)}:
                return cls(key, **{str(name): _read_value(value) for name, value in values.items()})
        return None


Value = str | int | Quote | Sentence
Catalogue = Mapping[str, str | dict[str, str]]


def speak(sentence: Sentence, locale: object) -> str:
    """The sentence as the inside of an SSML document."""
    language = choose_language(locale)
    foreign = "{}" if language == DEFAULT_LANGUAGE else '<lang xml:lang="en-US">{}</lang>'
    return _render(sentence, _load_catalogue(language), _escape_for_speech, foreign)


def write(sentence: Sentence, locale: object) -> str:
    """The sentence as plain text, for a card."""
    return _render(sentence, _load_catalogue(choose_language(locale)), _clean_for_card, "{}")


def can_say(sentence: Sentence) -> bool:
    """Whether the sentence has a place in the catalogue and all that fills it."""
    try:
        write(sentence, DEFAULT_LANGUAGE)
    except (KeyError, IndexError, ValueError):
        return False
    return True


def choose_language(locale: object) -> str:
    """The language to answer in: that of the locale if there is a catalogue for it, else English."""
    language = locale.partition("-")[0] if isinstance(locale, str) else ""
    return language if language in _list_languages() else DEFAULT_LANGUAGE


@cache
def _list_languages() -> frozenset[str]:
    return frozenset(path.stem for path in LOCALES.glob("*.json"))


@cache
def _load_catalogue(language: str) -> Catalogue:
    catalogue: Catalogue = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return catalogue


def _keep_value(value: Value) -> Any:
    if isinstance(value, Sentence):
        return value.to_json()
    return value._asdict() if isinstance(value, Quote) else value


def _read_value(value: object) -> Value:
    match value:
        case {"text": str(text)}:
            return Quote(text)
        case str() | int():
            return value
    return Sentence.from_json(value) or ""


def _render(sentence: Sentence, catalogue: Catalogue, clean: Callable[[str], str], foreign: str) -> str:
    template = catalogue[sentence.key]
    if isinstance(template, dict):
        template = template["one" if sentence.values["count"] == 1 else "other"]

    def fill(value: Value) -> str:
        if isinstance(value, Sentence):
            return _render(value, catalogue, clean, foreign)
        return foreign.format(clean(value.text)) if isinstance(value, Quote) else clean(str(value))

    return template.format_map({name: fill(value) for name, value in sentence.values.items()})


def _escape_for_speech(text: str) -> str:
    return _cut(text, _SPOKEN_CHARACTERS).translate(_MARKUP)


def _clean_for_card(text: str) -> str:
    return _cut(text, _CARD_CHARACTERS)


def _cut(text: str, characters: int) -> str:
    """The text on one line, without what XML forbids, and not longer than that many characters."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= characters else f"{line[: characters - 4]} ..."
