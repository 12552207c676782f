"""The interaction models: fresh from their bases, alike in every language, and what Alexa accepts."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ask_sdk_core.serialize import DefaultSerializer

from sagebuild.client.say import LAUNCH, resolve
from sagebuild.voice.spoken_parameters import INSTANCE_TYPES, NUMBERS
from skill.intents import INTENTS
from skill.speech import LOCALES as CATALOGUES
from tests.alexa import ROOT
from tests.virtual_alexa import find_astray
from tools.generate_interaction_models import MODELS, expand, list_languages, read_base, write_models

PATHS = sorted((MODELS / "custom").glob("*.json"))
# The ones that the project promises.
PROMISED = {
    *("en-US", "en-GB", "en-CA", "en-AU", "en-IN", "de-DE", "fr-FR", "fr-CA", "es-ES", "es-MX", "es-US"),
    *("it-IT", "pt-BR", "ja-JP"),
}
# https://developer.amazon.com/docs/custom-skills/choose-the-invocation-name-for-a-custom-skill.html: no word that
# opens a skill or joins a request to its name, no article, and no name of Alexa's.
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


def test_the_models_are_what_their_bases_say() -> None:
    """After a change of a base: make models."""
    assert {path: path.read_text(encoding="utf-8") for path in PATHS} == write_models()


def test_every_promised_locale_has_a_model_and_its_language_a_catalogue() -> None:
    assert {path.stem for path in PATHS} == PROMISED
    assert set(list_languages()) == {path.stem for path in CATALOGUES.glob("*.json")}


def test_a_sample_stands_for_all_its_choices() -> None:
    assert list(expand("(|please )start (a|the) build")) == [
        *("start a build", "start the build", "please start a build", "please start the build"),
    ]


@for_each_model
def test_amazons_own_model_classes_lose_nothing_of_the_model(path: Path) -> None:
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

    assert skeleton(_language_model(path)) == skeleton(_language_model(MODELS / "custom" / "en-US.json"))


def test_virtual_alexa_takes_every_sample_with_every_value_for_its_own_intent() -> None:
    """In English, whose locales share one model; of other languages' slots it makes nothing."""
    english = [path for path in PATHS if path.stem.startswith("en-")]
    assert len({path.read_text(encoding="utf-8") for path in english}) == 1
    found = find_astray("en-US")
    assert found["astray"] == []
    assert found["count"] > 3000


@for_each_model
def test_the_model_has_exactly_the_intents_that_the_skill_handles(path: Path) -> None:
    assert sorted(intent["name"] for intent in _language_model(path)["intents"]) == sorted(INTENTS)


def test_the_parameters_and_outcomes_that_can_be_said_are_those_that_the_skill_knows() -> None:
    types = {kind["name"]: {value["id"] for value in kind["values"]} for kind in _language_model(PATHS[0])["types"]}
    assert types["BuildParameter"] == {*NUMBERS, *INSTANCE_TYPES}
    assert types["Outcome"] == {"succeeded", "failed", "stopped", "withheld"}
    assert types["ComparedBuild"] == {"live", "last"}
    assert all(re.fullmatch(r"ml\.[a-z0-9]+\.[a-z0-9]+", name) for name in types["InstanceType"])


@for_each_model
def test_the_invocation_name_is_one_that_alexa_accepts(path: Path) -> None:
    name = _language_model(path)["invocationName"]
    words = name.split(" ")
    assert 2 <= len(name) <= 50
    assert len(words) >= 2
    assert name == name.lower()
    assert all(re.fullmatch(r"[^\W\d_]+(\.|'s)?", word) for word in words)
    assert not (FORBIDDEN[path.stem[:2]] | NAMES_OF_ALEXA) & set(words)


@for_each_model
def test_every_intent_of_ours_has_rich_samples_and_no_built_in_has_any(path: Path) -> None:
    for intent in _language_model(path)["intents"]:
        assert intent.keys() == {"name", "slots", "samples"}
        if intent["name"].startswith("AMAZON."):
            assert intent["samples"] == intent["slots"] == []
        else:
            assert len(intent["samples"]) >= 15, intent["name"]
            assert re.fullmatch(r"([A-Z][a-z]+)+Intent", intent["name"])


@for_each_model
def test_no_sample_means_two_things(path: Path) -> None:
    samples = Counter(sample.casefold() for sample in _samples(path))
    built_in = {one for said in read_base(path.stem[:2])["builtIn"].values() for one in said}
    assert [sample for sample, count in samples.items() if count > 1] == []
    assert not built_in & set(samples)
    assert [sample for sample in samples if _language_model(path)["invocationName"] in sample] == []


@for_each_model
def test_no_word_stands_for_two_values(path: Path) -> None:
    for kind in _language_model(path)["types"]:
        words = [
            word for value in kind["values"] for word in (value["name"]["value"], *value["name"].get("synonyms", []))
        ]
        assert sorted(set(words)) == sorted(words), kind["name"]
        assert all(0 < len(word) <= 140 for word in words)
        assert all(re.fullmatch(r"[\w-]+(\.[\w-]+)*", value["id"]) for value in kind["values"])


@for_each_model
def test_samples_are_written_as_they_are_spoken(path: Path) -> None:
    """Letters, single spaces, apostrophes, hyphens, full stops of abbreviations and slots are all that Alexa takes."""
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


@for_each_model
def test_slots_are_told_apart_by_words_between_them(path: Path) -> None:
    assert [sample for sample in _samples(path) if re.search(r"\}\s*\{", sample)] == []
    names = [_SLOT.findall(sample) for sample in _samples(path)]
    assert [used for used in names if len(used) != len(set(used))] == []


@for_each_model
def test_free_text_is_alone_and_has_words_around_it(path: Path) -> None:
    """A sample with AMAZON.SearchQuery may have no other slot, and must have a word of its own."""
    for intent in _language_model(path)["intents"]:
        free = {slot["name"] for slot in intent["slots"] if slot["type"] == "AMAZON.SearchQuery"}
        for sample in intent["samples"]:
            slots = _SLOT.findall(sample)
            if free & set(slots):
                assert len(slots) == 1
                assert _SLOT.sub("", sample).strip()


@pytest.mark.parametrize("language", list_languages())
def test_whatever_the_skill_tells_people_to_say_is_understood(language: str) -> None:
    catalogue = json.loads((CATALOGUES / f"{language}.json").read_text(encoding="utf-8"))
    told = re.findall("「(.+?)」", catalogue["help"]) or re.split(
        r", (?:(?:or|oder|o|ou|oppure) )?", _cut(catalogue["help"])
    )
    assert len(told) == 6
    intents = [resolve(phrase, read_base(language)["locales"][0]).intent for phrase in told]
    assert intents == [
        *("StartBuildIntent", "CheckStatusIntent", "EstimateCostIntent"),
        *("ExplainFailureIntent", "ApproveBuildIntent", "RollBackIntent"),
    ]


def _cut(text: str) -> str:
    """What stands between the colon and the semicolon."""
    return text.partition(":")[2].partition(";")[0].strip()


def test_a_base_holds_nothing_but_what_is_used() -> None:
    for language in list_languages():
        base = read_base(language)
        assert base.keys() == {"locales", "invocationName", "samples", "types", "numbers", "builtIn"}
        assert {*base["samples"], *base["builtIn"]} - {LAUNCH} | {"AMAZON.FallbackIntent"} == set(INTENTS)
    assert (ROOT / "interactionModels" / "base" / "intents.json").exists()
