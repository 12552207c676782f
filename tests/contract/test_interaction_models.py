"""The interaction models: freshly generated, alike in every language, and within Alexa's rules."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ask_sdk_core.serialize import DefaultSerializer

from sagebuild.client.utterances import LAUNCH, list_locales, resolve
from sagebuild.voice.spoken_parameters import HYPERPARAMETERS, INSTANCE_TYPES, NUMBERS
from skill.intents import INTENTS
from skill.parameter_slots import UNITS
from tests.virtual_alexa import find_misresolved
from tools.generate_interaction_models import MODELS, expand, list_languages, read_language, write_models

PATHS = sorted((MODELS / "custom").glob("*.json"))
# The locales that docs/alexa.md promises.
PROMISED = {
    *("en-US", "en-GB", "en-CA", "en-AU", "en-IN", "de-DE", "fr-FR", "fr-CA", "es-ES", "es-MX", "es-US"),
    *("it-IT", "pt-BR", "ja-JP"),
}
# https://developer.amazon.com/docs/custom-skills/choose-the-invocation-name-for-a-custom-skill.html: no word that
# opens a skill or joins a request to its name, no article, and no wake word.
FORBIDDEN = {
    "en": {
        *("launch", "ask", "tell", "load", "begin", "enable", "open", "start", "run", "play", "resume", "use"),
        *("to", "from", "in", "using", "with", "about", "for", "that", "by", "if", "and", "whether", "the", "a", "an"),
    },
    "de": {
        *("starte", "öffne", "frage", "frag", "sage", "sag", "lade", "spiele", "nutze", "beginne", "aktiviere"),
        *("nach", "mit", "von", "über", "für", "dass", "ob", "und", "der", "die", "das", "ein", "eine", "zu", "in"),
    },
    "fr": {
        *("lance", "ouvre", "demande", "dis", "joue", "démarre", "utilise", "active", "commence"),
        *("à", "de", "du", "avec", "pour", "que", "si", "et", "le", "la", "les", "un", "une", "dans", "sur", "par"),
    },
    "es": {
        *("abre", "lanza", "pide", "pregunta", "di", "inicia", "empieza", "usa", "activa", "juega"),
        *("a", "de", "con", "para", "que", "si", "y", "el", "la", "los", "las", "un", "una", "en", "sobre", "por"),
    },
    "it": {
        *("apri", "lancia", "chiedi", "di", "avvia", "inizia", "usa", "attiva", "gioca"),
        *("a", "da", "con", "per", "che", "se", "e", "il", "lo", "la", "le", "un", "una", "in", "su"),
    },
    "pt": {
        *("abra", "abrir", "peça", "pergunte", "diga", "inicie", "comece", "use", "ative", "jogue"),
        *("a", "de", "com", "para", "que", "se", "e", "o", "os", "as", "um", "uma", "em", "sobre", "por"),
    },
    "ja": {"開いて", "起動して", "使って", "始めて", "スタート", "を", "で", "に", "から", "スキル", "アレクサ"},
}
NAMES_OF_ALEXA = {"alexa", "amazon", "echo", "computer", "skill", "skills", "app", "ziggy"}

_SLOT = re.compile(r"\{(\w+)\}")

for_each_model = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@cache
def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _language_model(path: Path) -> dict[str, Any]:
    model: dict[str, Any] = _load(path)["interactionModel"]["languageModel"]
    return model


def _samples(path: Path) -> list[str]:
    return [sample for intent in _language_model(path)["intents"] for sample in intent["samples"]]


def test_the_models_are_freshly_generated() -> None:
    assert {path: path.read_text(encoding="utf-8") for path in MODELS.rglob("*.json")} == write_models(), (
        "run: make models"
    )


def test_every_promised_locale_has_a_model() -> None:
    assert list_locales().keys() == PROMISED
    assert {*list_locales().values()} == {path.stem for path in PATHS}


def test_a_sample_stands_for_all_its_choices() -> None:
    assert list(expand("(|please )start (a|the) build")) == [
        *("start a build", "start the build", "please start a build", "please start the build"),
    ]


@for_each_model
def test_amazons_model_classes_keep_the_whole_model(path: Path) -> None:
    serializer = DefaultSerializer()
    read = serializer.deserialize(
        path.read_text(encoding="utf-8"),
        "ask_smapi_model.v1.skill.interaction_model.interaction_model_data.InteractionModelData",
    )
    assert serializer.serialize(read) == _load(path)


@for_each_model
def test_every_locale_has_the_same_intents_slots_and_values(path: Path) -> None:
    def skeleton(model: dict[str, Any]) -> Any:
        intents = {intent["name"]: intent["slots"] for intent in model["intents"]}
        return intents, {kind["name"]: [value["id"] for value in kind["values"]] for kind in model["types"]}

    assert skeleton(_language_model(path)) == skeleton(_language_model(MODELS / "custom" / "en.json"))


def test_virtual_alexa_resolves_samples_and_every_value_to_their_own_intent() -> None:
    """In English; virtual-alexa does not resolve the slots of other languages."""
    found = find_misresolved("en-US")
    assert found["misresolved"] == []
    assert found["count"] > 500


@for_each_model
def test_the_model_has_exactly_the_intents_of_the_skill(path: Path) -> None:
    assert sorted(intent["name"] for intent in _language_model(path)["intents"]) == sorted(INTENTS)


def test_the_slot_types_have_the_parameters_and_outcomes_of_the_skill() -> None:
    types = {kind["name"]: {value["id"] for value in kind["values"]} for kind in _language_model(PATHS[0])["types"]}
    assert types["BuildParameter"] == {*NUMBERS, *INSTANCE_TYPES, *HYPERPARAMETERS}
    assert types["Outcome"] == {"succeeded", "failed", "stopped", "withheld"}
    assert types["ComparedBuild"] == {"live", "last"}
    assert all(re.fullmatch(r"ml\.[a-z0-9]+\.[a-z0-9]+", name) for name in types["InstanceType"])


@for_each_model
def test_alexa_accepts_the_invocation_name(path: Path) -> None:
    name = _language_model(path)["invocationName"]
    words = name.split(" ")
    assert 2 <= len(name) <= 50
    assert len(words) >= 2
    assert name == name.lower()
    assert all(re.fullmatch(r"[^\W\d_]+(\.|'s)?", word) for word in words)
    assert not (FORBIDDEN[path.stem] | NAMES_OF_ALEXA) & set(words)


@for_each_model
def test_our_intents_have_many_samples(path: Path) -> None:
    for intent in _language_model(path)["intents"]:
        assert intent.keys() == {"name", "slots", "samples"}
        if intent["name"].startswith("AMAZON."):
            assert intent["slots"] == []
        else:
            assert len(intent["samples"]) >= 15, intent["name"]
            assert re.fullmatch(r"([A-Z][a-z]+)+Intent", intent["name"])


@for_each_model
def test_each_sample_belongs_to_one_intent(path: Path) -> None:
    samples = Counter(sample.casefold() for sample in _samples(path))
    built_in = {one for said in read_language(path.stem)["builtIn"].values() for one in said}
    assert [sample for sample, count in samples.items() if count > 1] == []
    assert not built_in & set(samples)
    assert [sample for sample in samples if _language_model(path)["invocationName"] in sample] == []


@for_each_model
def test_each_word_stands_for_one_value(path: Path) -> None:
    for kind in _language_model(path)["types"]:
        words = [
            word for value in kind["values"] for word in (value["name"]["value"], *value["name"].get("synonyms", []))
        ]
        assert sorted(set(words)) == sorted(words), kind["name"]
        assert all(0 < len(word) <= 140 for word in words)
        assert all(re.fullmatch(r"[\w-]+(\.[\w-]+)*", value["id"]) for value in kind["values"])


@for_each_model
def test_samples_are_written_as_they_are_spoken(path: Path) -> None:
    """Alexa accepts only letters, single spaces, apostrophes, hyphens, full stops of abbreviations, and slots."""
    model = _language_model(path)
    types = {slot_type["name"] for slot_type in model["types"]}
    for intent in model["intents"]:
        slots = {slot["name"]: slot["type"] for slot in intent["slots"]}
        assert all(kind in types or kind.startswith("AMAZON.") for kind in slots.values()), intent["name"]
        assert {name for sample in intent["samples"] for name in _SLOT.findall(sample)} == set(slots), intent["name"]
        for sample in intent["samples"]:
            words = _SLOT.sub("slot", sample)
            assert words == words.lower() == " ".join(words.split()), sample
            assert all(character.isalpha() or character in " '.-" for character in words), sample
            assert len(sample) <= 200


# Amazon extends neither: https://developer.amazon.com/en-US/docs/alexa/custom-skills/standard-built-in-intents.html
UNEXTENDED = {"AMAZON.FallbackIntent", "AMAZON.NavigateHomeIntent"}


@for_each_model
def test_built_in_intents_are_extended(path: Path) -> None:
    """Alexa matches built-in intents exactly, so that their samples name every variant.

    https://developer.amazon.com/en-US/docs/alexa/interaction-model-design/tips-for-using-built-in-intents-for-your-skill.html
    """
    counts = {intent["name"]: len(intent["samples"]) for intent in _language_model(path)["intents"]}
    built_in = {name: count for name, count in counts.items() if name.startswith("AMAZON.")}
    assert {name for name, count in built_in.items() if not count} == UNEXTENDED
    assert all(count >= 10 for name, count in built_in.items() if name not in UNEXTENDED)


@for_each_model
def test_words_or_a_number_separate_the_slots_of_a_sample(path: Path) -> None:
    """Words show Alexa where a custom slot ends; a number ends by itself."""
    pairs = [pair for sample in _samples(path) for pair in re.findall(r"\{(\w+)\}\s*\{(\w+)\}", sample)]
    assert [pair for pair in pairs if not {*pair} & {"number", *UNITS}] == []
    names = [_SLOT.findall(sample) for sample in _samples(path)]
    assert [used for used in names if len(used) != len(set(used))] == []


@for_each_model
def test_free_text_is_the_only_slot_and_has_words_around_it(path: Path) -> None:
    """A sample with AMAZON.SearchQuery must have no other slot, and at least one word."""
    for intent in _language_model(path)["intents"]:
        free = {slot["name"] for slot in intent["slots"] if slot["type"] == "AMAZON.SearchQuery"}
        for sample in intent["samples"]:
            slots = _SLOT.findall(sample)
            if free & set(slots):
                assert len(slots) == 1
                assert _SLOT.sub("", sample).strip()


@pytest.mark.parametrize("language", list_languages())
def test_the_skill_understands_what_its_help_suggests(language: str) -> None:
    spoken = read_language(language)
    sentence = spoken["sentences"]["help"]
    phrases = re.findall("「(.+?)」", sentence) or re.split(r", (?:(?:or|oder|o|ou|oppure) )?", _cut(sentence))
    assert len(phrases) == 6
    intents = [resolve(phrase, spoken["locales"][0]).intent for phrase in phrases]
    assert intents == [
        *("StartBuildIntent", "CheckStatusIntent", "EstimateCostIntent"),
        *("ExplainFailureIntent", "ApproveBuildIntent", "RollBackIntent"),
    ]


def _cut(text: str) -> str:
    """Return the text between the colon and the semicolon."""
    return text.partition(":")[2].partition(";")[0].strip()


def test_a_language_has_only_known_keys_and_intents() -> None:
    for language in list_languages():
        spoken = read_language(language)
        assert spoken.keys() - {"regional"} == {
            *("locales", "carriers", "invocationName", "samples", "types", "numbers", "builtIn", "sentences"),
        }
        for locales, sentences in spoken.get("regional", {}).items():
            assert set(locales.split()) <= set(spoken["locales"])
            assert sentences.keys() <= spoken["sentences"].keys()
        assert {*spoken["samples"], *spoken["builtIn"]} - {LAUNCH} | {"AMAZON.FallbackIntent"} == set(INTENTS)
