"""The interaction models understand what people say, in every language, and leave small talk alone.

utterances.json holds sentences by the intent that they mean; those of AMAZON.FallbackIntent mean none.
"""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from skill.bare_answers import ELICITED
from skill.intents import INTENTS
from tests.spoken import FALLBACK, SpokenModel
from tools.generate_interaction_models import MODELS, list_languages, read_language

UTTERANCES: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("utterances.json").read_text(encoding="utf-8")
)
# Grammar that a product of alternatives easily breaks: a missing elision, a wrong article or a doubled verb.
UNGRAMMATICAL = {
    "de": (
        r"\b(den|dem|der|die) (mein|meinem|meinen)\b",
        r"\bdie build\b(?! (liste|historie))",
        r"\b(das|der|den) training \w+ den build",
        r"\b(kostet|kostete) .*gekostet$",
        r"^ob .* (fertig|erfolgreich)$",
        r"\bein (build|training) .* \1",
    ),
    "en": (
        r"\ba [aeio]\w+",
        r"\bis (it|the build|my build) be\b",
        r"\b(?!no|bye)(\w+) \1\b",
        r"\ban [bcdfgjkptvwz]\w+",
    ),
    "es": (r"\b(el|un) (instancia|máquina|versión)\b", r"\bde el\b", r"\ba el\b", r"\bal (build|modelo) es\b"),
    "fr": (
        r"\b(de le|de les|à le|à les)\b",
        r"\b(que|si|le|la|de|ne|je|me|te|se) (il|ils|elle|on|entraînement|état|ancien|instance)\b",
        r"\b(du|de le) (mon|le|entraînement)\b",
    ),
    "it": (r"\b(la|una) (addestramento|modello)\b", r"\b(il|un|lo) (build|versione)\b", r"\b(lo|gli|i) \{parameter\}"),
    "ja": (r"(ました|ます)の$", r"(エラー|保留)した$", r"(ました|ます)かか$"),
    "pt": (r"\b(o|um) (instância|versão)\b", r"\b(a|minha) (o|código|pin)\b", r"\bde o\b", r"\bqual é os\b"),
}
# The sizes that Amazon's API refused to exceed: https://github.com/alexa/ask-cli/issues/9 (characters of a model) and
# https://github.com/m0ngr31/kanzi/issues/263 (characters of a slot's value).
LONGEST_MODEL = 1_000_000
LONGEST_VALUE = 140


@cache
def load_model(language: str, *, is_open: bool = False) -> SpokenModel:
    return SpokenModel(language, is_open=is_open)


for_each_language = pytest.mark.parametrize("language", list_languages())


@for_each_language
def test_people_are_understood(language: str) -> None:
    model = load_model(language)
    misunderstood = {
        utterance: (intent, resolved)
        for intent, utterances in UTTERANCES[language].items()
        for utterance in utterances
        if intent != FALLBACK and (resolved := model.resolve(utterance)) != intent
    }
    assert misunderstood == {}


@for_each_language
def test_small_talk_matches_nothing_although_custom_slots_are_open(language: str) -> None:
    closed, opened = load_model(language), load_model(language, is_open=True)
    caught = {talk: closed.resolve(talk) for talk in UTTERANCES[language][FALLBACK]}
    assert {talk: intent for talk, intent in caught.items() if intent != FALLBACK} == {}
    exact = {talk: opened.match(talk) for talk in UTTERANCES[language][FALLBACK]}
    # "what is the weather" fits "what is the {parameter}", and no sample for "what is the time limit" could differ.
    caught_open = {talk: intents - {"ReadParameterIntent"} for talk, intents in exact.items()}
    assert {talk: intents for talk, intents in caught_open.items() if intents} == {}


@for_each_language
def test_no_two_intents_share_a_sample(language: str) -> None:
    owners: dict[tuple[str, ...], set[str]] = {}
    for sample in load_model(language).samples:
        owners.setdefault(sample.parts, set()).add(sample.intent)
    assert {parts: intents for parts, intents in owners.items() if len(intents) > 1} == {}


@for_each_language
def test_samples_are_grammatical(language: str) -> None:
    samples = [
        (name, text)
        for name, texts in load_model(language).texts
        for text in texts
        if any(re.search(pattern, text) for pattern in UNGRAMMATICAL[language])
    ]
    assert samples == []


@for_each_language
def test_no_sample_is_a_slot_alone(language: str) -> None:
    """It would match everything that a person says; the skill asks Alexa to listen for such answers."""
    texts = [text for _, texts in load_model(language).texts for text in texts if "{" in text]
    assert [text for text in texts if len(re.sub(r"\{\w+\}|\W", "", text)) < 2] == []
    spoken = json.loads((MODELS / "custom" / f"{language}.json").read_text(encoding="utf-8"))["interactionModel"]
    alone = {
        (intent["name"], slot["name"])
        for intent in spoken["languageModel"]["intents"]
        for slot in intent["slots"]
        if slot.get("samples")
    }
    assert alone == {*ELICITED}
    asked = {name for name, intent in INTENTS.items() if intent.slots and not intent.settles}
    assert {intent["name"] for intent in spoken["dialog"]["intents"]} == asked | {name for name, _ in ELICITED}


@for_each_language
def test_the_model_is_within_amazons_limits(language: str) -> None:
    assert len((MODELS / "custom" / f"{language}.json").read_text(encoding="utf-8")) < LONGEST_MODEL
    values = [word for kind in read_language(language)["types"].values() for words in kind.values() for word in words]
    assert max(map(len, values)) <= LONGEST_VALUE


@pytest.mark.parametrize(
    ("utterance", "intent"),
    [
        ("stop that build", "StopBuildIntent"),
        ("kindly stop the running build", "StopBuildIntent"),  # one word more
        ("kindly stop the build", "AMAZON.FallbackIntent"),  # too short for that
        ("how is the build faring", "CheckStatusIntent"),  # another word
        ("kindly stop the running tap", "AMAZON.FallbackIntent"),  # two words
        ("describe build 12", "DescribeBuildIntent"),
        ("describe build twelve", "DescribeBuildIntent"),
        ("describe build dozen", "AMAZON.FallbackIntent"),
        ("my pin is 4711", "GivePinIntent"),
        ("my pin is four seven one one", "GivePinIntent"),
        ("my pin is 471", "AMAZON.FallbackIntent"),
        ("yes absolutely not", "AMAZON.FallbackIntent"),  # built-in intents match exactly
    ],
)
def test_the_matcher_of_these_tests_is_strict(utterance: str, intent: str) -> None:
    assert load_model("en").resolve(utterance) == intent
