"""Resolves utterances by the skill's interaction models, as Alexa would."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sagebuild.errors import SagebuildError

# A wheel has the models inside the package, a clone beside it.
_HERE = Path(__file__).parent
MODELS = next(
    folder for folder in (_HERE / "interactionModels", _HERE.parents[1] / "interactionModels") if folder.is_dir()
)
LAUNCH = "LaunchRequest"
# The type of the slot for a pipeline's name. It also takes words that are none of its values, as custom types do.
PIPELINE = "Pipeline"
# The type of the slot for a parameter's name.
PARAMETER = "BuildParameter"

_SLOT = re.compile(r"\{(\w+)\}")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
# A space beside a Japanese character.
_NOT_WRITTEN = re.compile(rf"(?<={_JAPANESE.pattern}) | (?={_JAPANESE.pattern})")
_FREE_SLOTS = {
    "AMAZON.NUMBER": r"\d+",
    "AMAZON.FOUR_DIGIT_NUMBER": r"\d{4}",
    "AMAZON.SearchQuery": r"\S.*",
    PIPELINE: r"\S+(?: \S+){0,3}",
}


class UnknownLocaleError(SagebuildError):
    """The skill has no interaction model for the locale."""


@dataclass(frozen=True)
class Resolved:
    """An utterance as Alexa would resolve it.

    Parameters
    ----------
    intent
        An intent, or LaunchRequest.
    slots
        The value of each slot: the id of a value of the slot's type. A pipeline is in the words that were said.
    pipeline
        The id of the pipeline's value; empty if it is none of the type's values.
    """

    intent: str
    slots: dict[str, str]
    pipeline: str = ""


def resolve(
    utterance: str,
    locale: str,
    entities: Mapping[str, str] | None = None,
    elicited: tuple[str, str] | None = None,
    *,
    parameters: Collection[str] = (),
) -> Resolved:
    """Resolve an utterance by the sample utterances of the locale's interaction model, as Alexa would.

    Parameters
    ----------
    entities
        The pipelines that the skill has sent as dynamic entities: the id of each word.
    elicited
        The intent and its slot that the skill has asked for: then the slot's value alone is an answer.
    parameters
        What people say for the hyperparameters that the skill has sent as dynamic entities.
    """
    resolved = _resolve(utterance, locale, entities or {}, elicited)
    if resolved.slots.get("parameter"):
        return resolved
    return _find_hyperparameter(utterance, locale, entities or {}, parameters) or resolved


def _find_hyperparameter(
    utterance: str, locale: str, entities: Mapping[str, str], parameters: Collection[str]
) -> Resolved | None:
    """Resolve an utterance that names a hyperparameter, as if it named a parameter of the model in its place."""
    stand_in, stand_in_id = _choose_parameter(locale)
    words = _normalize(utterance)
    for said in sorted(map(_normalize, parameters), key=len, reverse=True):
        # Japanese writes no spaces.
        whole = re.escape(said) if locale.startswith("ja") else rf"(?<!\w){re.escape(said)}(?![\w'])"
        replaced = re.sub(whole, lambda _: stand_in, words, count=1)
        if replaced == words:
            continue
        resolved = _resolve(replaced, locale, entities, None)
        if resolved.slots.get("parameter") == stand_in_id:
            return replace(resolved, slots={**resolved.slots, "parameter": said})
    return None


@cache
def _choose_parameter(locale: str) -> tuple[str, str]:
    """Return a word for a parameter that takes a number, and its id."""
    model = _read_locale(locale)[1]
    kind = next(kind for kind in model["types"] if kind["name"] == PARAMETER)
    value = next(value for value in kind["values"] if not value["id"].endswith("type"))
    return _normalize(value["name"]["value"]), value["id"]


def _resolve(utterance: str, locale: str, entities: Mapping[str, str], elicited: tuple[str, str] | None) -> Resolved:
    """Resolve an utterance by the samples alone."""
    patterns, invocation_name, carriers = _load_patterns(locale)
    words = _normalize(utterance)
    # Japanese writes no spaces.
    if invocation := re.search(re.escape(invocation_name).replace(r"\ ", " ?"), words):
        words = words[invocation.end() :].strip()
        if not words:
            return Resolved(LAUNCH, {})
    # "ask sage build TO start a build": the samples begin after this word.
    candidates = [words, *(_drop(words, carrier) for carrier in carriers if invocation and _drop(words, carrier))]
    dynamic = {_normalize(word): pipeline for word, pipeline in entities.items()}
    matches = [[*_list_matches(candidate, patterns, dynamic)] for candidate in candidates]
    # Words that are no known pipeline match almost any sample, so known ones come first.
    for is_known in (True, False):
        for found in matches:
            if fitting := [match for match in found if match.is_known is is_known]:
                return max(fitting, key=lambda match: match.pattern.literal_length).resolved
    if elicited and (answers := [*_list_matches(words, _load_answers(locale, *elicited), dynamic)]):
        return answers[0].resolved
    return Resolved("AMAZON.FallbackIntent", {})


def _drop(words: str, carrier: str) -> str:
    """Return the words after a carrier word; empty if they do not begin with it."""
    rest = words.removeprefix(carrier)
    # Japanese writes no spaces.
    is_whole = rest[:1] == " " or carrier.endswith("'") or not carrier.isascii()
    return rest.strip() if rest != words and is_whole else ""


def resolve_slot(utterance: str, locale: str, intent: str, slot: str, parameters: Collection[str] = ()) -> str | None:
    """Resolve the answer to a question for one slot of an intent; None if it is no value of the slot.

    Parameters
    ----------
    parameters
        As of `resolve`.
    """
    words = _normalize(utterance)
    if slot == "parameter" and words in map(_normalize, parameters):
        return words
    for patterns in _load_patterns(locale)[0].values():
        for pattern in patterns:
            if pattern.intent == intent and (kind := pattern.kinds.get(slot)):
                known = pattern.ids.get(slot, {}).get(words)
                free = _FREE_SLOTS.get(kind)
                return known or (words if free and re.fullmatch(free, words) else None)
    return None


@dataclass(frozen=True)
class _Pattern:
    """A sample of an intent; `begin` is its words before the first slot."""

    intent: str
    begin: str
    expression: str
    literal_length: int
    ids: dict[str, dict[str, str]]
    kinds: dict[str, str]
    is_answer: bool = False

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        # A model has a thousand samples; compiling all of them takes half a second.
        return re.compile(self.expression)


@dataclass(frozen=True)
class _Match:
    """A sample that an utterance matches; `is_known` is False if its pipeline is none of the type's values."""

    pattern: _Pattern
    resolved: Resolved
    is_known: bool


def _list_matches(words: str, patterns: dict[str, list[_Pattern]], dynamic: Mapping[str, str]) -> Iterator[_Match]:
    possible = (pattern for length in range(len(words) + 1) for pattern in patterns.get(words[:length], ()))
    for pattern in possible:
        if match := pattern.compiled.fullmatch(words):
            found = match.groupdict()
            ids = {name: pattern.ids.get(name, {}).get(value, value) for name, value in found.items()}
            if (said := found.get("pipeline")) is None:
                yield _Match(pattern, Resolved(pattern.intent, ids), is_known=True)
                continue
            pipeline = dynamic.get(said) or pattern.ids["pipeline"].get(said, "")
            if pipeline or pattern.literal_length > 1 or pattern.is_answer:
                resolved = Resolved(pattern.intent, ids | {"pipeline": said}, pipeline)
                yield _Match(pattern, resolved, is_known=bool(pipeline))


@cache
def list_locales() -> dict[str, str]:
    """Return the language of every locale of the skill."""
    languages = sorted(path.stem for path in (MODELS / "builtIn").glob("*.json"))
    return {locale: language for language in languages for locale in _read("builtIn", language)["locales"]}


def _read(kind: str, language: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((MODELS / kind / f"{language}.json").read_text(encoding="utf-8"))
    return content


@cache
def _load_patterns(locale: str) -> tuple[dict[str, list[_Pattern]], str, list[str]]:
    """Return the samples of a locale by their beginning, the invocation name, and the words between the two."""
    spoken, model = _read_locale(locale)
    built_in = ({"name": name, "slots": [], "samples": samples} for name, samples in spoken["builtIn"].items())
    values = _list_values(spoken, model)
    patterns: dict[str, list[_Pattern]] = {}
    for intent in (*model["intents"], *built_in):
        for pattern in _build_patterns(intent, values):
            patterns.setdefault(pattern.begin, []).append(pattern)
    return patterns, model["invocationName"], spoken["carriers"]


@cache
def _load_answers(locale: str, intent: str, slot: str) -> dict[str, list[_Pattern]]:
    """Return the samples of a slot that the skill asks for."""
    spoken, model = _read_locale(locale)
    found = next(one for one in model["intents"] if one["name"] == intent)
    samples = next(one["samples"] for one in found["slots"] if one["name"] == slot)
    answers = [
        replace(pattern, is_answer=True)
        for pattern in _build_patterns(found | {"samples": samples}, _list_values(spoken, model))
    ]
    return {answer.begin: [answer] for answer in answers}


def _read_locale(locale: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the words of the built-in intents and numbers, and the language model of a locale."""
    known = list_locales()
    if locale not in known:
        raise UnknownLocaleError(
            f"The skill does not support the locale {locale!r}; use one of {', '.join(sorted(known))}."
        )
    return _read("builtIn", known[locale]), _read("custom", known[locale])["interactionModel"]["languageModel"]


def _list_values(spoken: dict[str, Any], model: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the value's id for every word of each slot type."""
    numbers = {word: number for number, words in spoken["numbers"].items() for word in words}
    return {kind["name"]: _name_values(kind) for kind in model["types"]} | {"AMAZON.NUMBER": numbers}


def _build_patterns(intent: dict[str, Any], values: dict[str, dict[str, str]]) -> Iterator[_Pattern]:
    kinds = {slot["name"]: slot["type"] for slot in intent["slots"]}
    ids = {slot: values[kind] for slot, kind in kinds.items() if kind in values}

    def write_slot(match: re.Match[str]) -> str:
        slot = match[1]
        choices = sorted(map(re.escape, ids.get(slot, ())), key=len, reverse=True)
        free = [_FREE_SLOTS[kinds[slot]]] if kinds[slot] in _FREE_SLOTS else []
        return f"(?P<{slot}>{'|'.join(choices + free)})"

    for sample in intent["samples"]:
        words = _normalize(sample)
        begin, length = words.partition("{")[0], len(_SLOT.sub("", words))
        if _JAPANESE.search(words):
            words = words.replace("} {", "} ?{")
        yield _Pattern(intent["name"], begin, _SLOT.sub(write_slot, words), length, ids, kinds)


def _name_values(kind: dict[str, Any]) -> dict[str, str]:
    """Return the value's id for every name and synonym of a slot type's values."""
    return {
        _normalize(word): value["id"]
        for value in kind["values"]
        for word in (value["name"]["value"], *value["name"].get("synonyms", []))
    }


def _normalize(text: str) -> str:
    """Return the words in lower case and without punctuation, as the models write them.

    Japanese has no spaces between words, but people and the samples write some, so they do not count.
    """
    straight = unicodedata.normalize("NFKC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    words = " ".join(re.sub(r"[^\w\s'{}-]", " ", straight).casefold().split())
    return _NOT_WRITTEN.sub("", words) if _JAPANESE.search(words) else words
