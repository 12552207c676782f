"""Resolves what people say by the samples of an interaction model: exactly, or one word away.

Alexa's own resolution is not public. This one is stricter: a word that no sample has counts as a difference, and a
custom slot takes only the values of its type, unless `is_open`.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from sagebuild.client.utterances import MODELS

FALLBACK = "AMAZON.FallbackIntent"
_SLOT = re.compile(r"\{(\w+)\}")
# A shorter utterance is one word away from too much.
_SHORTEST = {"words": 5, "characters": 8}
_DIGITS = re.compile(r"\d+")


class Sample(NamedTuple):
    """A sample of an intent, with the type of each slot in it."""

    intent: str
    parts: tuple[str, ...]
    slots: dict[str, str]


class SpokenModel:
    """The interaction model of a language.

    Parameters
    ----------
    language
        The model's file name: "en".
    is_open
        True if a custom slot takes any three words, as Alexa's custom slots may.
    """

    def __init__(self, language: str, *, is_open: bool = False) -> None:
        self.language, self.is_open = language, is_open
        self.by_character = language == "ja"
        model = json.loads((MODELS / "custom" / f"{language}.json").read_text(encoding="utf-8"))
        spoken = json.loads((MODELS / "builtIn" / f"{language}.json").read_text(encoding="utf-8"))
        self._model = model["interactionModel"]["languageModel"]
        numbers = {tuple(self.split(word)) for words in spoken["numbers"].values() for word in words}
        self._values = {"AMAZON.NUMBER": numbers} | {
            kind["name"]: {
                tuple(self.split(word))
                for value in kind["values"]
                for word in (value["name"]["value"], *value["name"].get("synonyms", []))
            }
            for kind in self._model["types"]
        }
        built_in = [{"name": name, "slots": [], "samples": said} for name, said in spoken["builtIn"].items()]
        self.samples = [sample for intent in (*self._model["intents"], *built_in) for sample in self._read(intent)]
        self.texts = [(intent["name"], intent["samples"]) for intent in self._model["intents"]]
        self._slotted = [sample for sample in self.samples if sample.slots]
        self._exact: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for sample in self.samples:
            if not sample.slots:
                self._exact[sample.parts].add(sample.intent)

    def split(self, text: str) -> list[str]:
        """Return the words of an utterance; in Japanese, which writes no spaces, its characters."""
        words = re.sub(r"[^\w\s'-]", " ", text).casefold().split()
        return list("".join(words)) if self.by_character else words

    def resolve(self, utterance: str) -> str:
        """Return the intent that the utterance resolves to; the fallback if none or several fit."""
        words, exact = tuple(self.split(utterance)), self.match(utterance)
        if exact:
            return exact.pop() if len(exact) == 1 else FALLBACK
        if len(words) < _SHORTEST["characters" if self.by_character else "words"]:
            return FALLBACK
        # Alexa matches built-in intents exactly: https://developer.amazon.com/en-US/docs/alexa/interaction-model-design/
        # tips-for-using-built-in-intents-for-your-skill.html
        near = {s.intent for s in self.samples if not s.intent.startswith("AMAZON.") and self._is_near(s, words)}
        return near.pop() if len(near) == 1 else FALLBACK

    def match(self, utterance: str) -> set[str]:
        """Return the intents with a sample that fits the utterance exactly."""
        words = tuple(self.split(utterance))
        slotted = {sample.intent for sample in self._slotted if self._fits(sample, words, 0)}
        return self._exact.get(words, set()) | slotted

    def _is_near(self, sample: Sample, words: tuple[str, ...]) -> bool:
        literal = [part for part in sample.parts if not _SLOT.fullmatch(part)]
        allowed = 2 if self.by_character else 1
        if len(literal) < 2 or sum(part not in words for part in literal) > allowed:
            return False
        return self._fits(sample, words, allowed)

    def _fits(self, sample: Sample, words: tuple[str, ...], allowed: int) -> bool:
        """Return True if the words differ from the sample by at most this many words (in Japanese, characters)."""
        parts, slots = sample.parts, sample.slots

        @cache
        def cost(part: int, word: int) -> int:
            if part == len(parts):
                return len(words) - word
            if word > len(words):
                return allowed + 1
            if slot := _SLOT.fullmatch(parts[part]):
                ends = self._end_slot(slots[slot[1]], words, word)
                return min((cost(part + 1, end) for end in ends), default=allowed + 1)
            if word < len(words) and parts[part] == words[word]:
                return cost(part + 1, word + 1)
            if allowed == 0:
                return 1
            skips = [cost(part + 1, word)]
            if word < len(words):
                skips += [cost(part, word + 1), cost(part + 1, word + 1)]
            return min(skips) + 1

        return cost(0, 0) <= allowed

    def _end_slot(self, kind: str, words: tuple[str, ...], begin: int) -> Iterator[int]:
        """Yield where a value of the type may end that begins at this word."""
        if kind == "AMAZON.SearchQuery":
            yield from range(begin + 1, len(words) + 1)
            return
        longest = 14 if self.by_character else 7
        for end in range(begin + 1, min(begin + longest, len(words)) + 1):
            value = words[begin:end]
            is_number = _DIGITS.fullmatch("".join(value)) is not None
            if kind == "AMAZON.FOUR_DIGIT_NUMBER":
                if (len("".join(value)) == 4 and is_number) or self._spells_digits(value):
                    yield end
            elif kind == "AMAZON.NUMBER":
                if is_number or value in self._values[kind]:
                    yield end
            elif value in self._values[kind] or (self.is_open and end - begin <= (6 if self.by_character else 3)):
                yield end

    def _spells_digits(self, value: tuple[str, ...]) -> bool:
        return len(value) == 4 and all((word,) in self._values["AMAZON.NUMBER"] for word in value)

    def _read(self, intent: dict[str, Any]) -> Iterator[Sample]:
        kinds = {slot["name"]: slot["type"] for slot in intent["slots"]}
        for text in intent["samples"]:
            parts: list[str] = []
            for piece in re.split(r"(\{\w+\})", text):
                parts += [piece] if _SLOT.fullmatch(piece) else self.split(piece)
            names = {name: kinds[name] for name in _SLOT.findall(text)}
            yield Sample(str(intent["name"]), tuple(parts), names)
