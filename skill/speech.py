"""Renders sentences in a language: its catalogue, singular and plural, and the escaping of quoted text."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

LANGUAGES = Path(__file__).parent / "languages"
DEFAULT_LANGUAGE = "en"

_SPOKEN_CHARACTERS = 240  # per value, about 15 s of speech; the card holds the rest
_CARD_CHARACTERS = 2000  # per value; Alexa refuses a card of more than 8,000 in total
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Quote(NamedTuple):
    """Text that is English in every language: messages of AWS and sagebuild, names of steps and metrics."""

    text: str


class Sentence:
    """A sentence of the catalogue and the values of its placeholders, before it is rendered in a language.

    Parameters
    ----------
    key
        The sentence's name in the catalogue.
    values
        One per placeholder; a value may be a sentence itself. `count` selects singular or plural.
    """

    def __init__(self, key: str, /, **values: "Value") -> None:
        self.key = key
        self.values = values

    def replace(self, values: "Mapping[str, Value]") -> "Sentence":
        """Return the sentence with other values."""
        return type(self)(self.key, **values)

    def to_json(self) -> dict[str, Any]:
        """Return the sentence as the session keeps it."""
        return {"key": self.key, "values": {name: _value_to_json(value) for name, value in self.values.items()}}

    @classmethod
    def from_json(cls, kept: object) -> "Sentence | None":
        """Return the sentence that the session kept; None if it is malformed."""
        match kept:
            case {"key": str(key), "values": dict(values)}:
                return cls(key, **{str(name): _value_from_json(value) for name, value in values.items()})
        return None


Value = str | int | Quote | Sentence
Catalogue = Mapping[str, str | dict[str, str]]


def speak(sentence: Sentence, locale: object) -> str:
    """Render the sentence as the content of an SSML document."""
    foreign = "{}" if choose_language(locale) == DEFAULT_LANGUAGE else '<lang xml:lang="en-US">{}</lang>'
    text = _render(sentence, _find_catalogue(locale), _escape_for_speech, foreign)
    # It may begin with a parameter's name. In Japanese, Latin letters only occur in names.
    return text if choose_language(locale) == "ja" else text[:1].upper() + text[1:]


def write(sentence: Sentence, locale: object) -> str:
    """Render the sentence as plain text, for a card."""
    return _render(sentence, _find_catalogue(locale), _clean_for_card, "{}")


def _find_catalogue(locale: object) -> Catalogue:
    return _load_catalogue(locale if isinstance(locale, str) else DEFAULT_LANGUAGE)


def can_say(sentence: Sentence) -> bool:
    """Return False if the catalogue lacks the sentence, or if the sentence lacks a value."""
    try:
        write(sentence, DEFAULT_LANGUAGE)
    except (KeyError, IndexError, ValueError):
        return False
    return True


def choose_language(locale: object) -> str:
    """Return the language of the locale if there is a catalogue for it, else English."""
    language = locale.partition("-")[0] if isinstance(locale, str) else ""
    return language if language in _list_languages() else DEFAULT_LANGUAGE


@cache
def _list_languages() -> frozenset[str]:
    return frozenset(path.stem for path in LANGUAGES.glob("*.json"))


@cache
def _load_catalogue(locale: str) -> Catalogue:
    """Return the sentences of a locale: those of its language, some of them in the locale's own form."""
    language = json.loads((LANGUAGES / f"{choose_language(locale)}.json").read_text(encoding="utf-8"))
    own = [said for locales, said in language.get("regional", {}).items() if locale in locales.split()]
    return {key: text for said in (language["sentences"], *own) for key, text in said.items()}


def _value_to_json(value: Value) -> Any:
    if isinstance(value, Sentence):
        return value.to_json()
    return value._asdict() if isinstance(value, Quote) else value


def _value_from_json(value: object) -> Value:
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
    """Put the text on one line, without the characters that XML forbids, and cut it to the length."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= characters else f"{line[: characters - 4]} ..."
