"""The skill's code, its sentences, its interaction models and its recorded requests agree with one another."""

import ast
import json
import re
import string
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ask_sdk_core.serialize import DefaultSerializer

from skill.intents import INTENTS, REQUESTS
from skill.intents.confirmation import CONFIRMABLE
from skill.speech import DEFAULT_LOCALE, LOCALES
from tests.alexa import EVENTS, ROOT

MODELS = sorted((ROOT / "interactionModels" / "custom").glob("*.json"))
CATALOGUES = sorted(LOCALES.glob("*.json"))

# The lists that Alexa's documentation gives for its built-in intents, and near misses of them.
BUILT_IN_UTTERANCES = {
    *("stop", "off", "shut up", "stop it", "stop that", "exit", "quit", "end"),
    *("cancel", "never mind", "forget it", "cancel it", "cancel that"),
    *("help", "help me", "can you help me"),
    *("yes", "yes please", "sure", "okay", "ok", "yeah"),
    *("no", "no thanks", "nope"),
    *("repeat", "say that again", "repeat that"),
    *("go home", "home", "start over", "next", "previous", "pause", "resume"),
}
# Words by which a person opens a skill or joins a request to its name, and names of Alexa itself: an invocation name
# that holds one is refused in certification.
FORBIDDEN_IN_INVOCATION_NAME = {
    *("launch", "ask", "tell", "load", "begin", "enable", "open", "start", "run", "play", "resume", "use"),
    *("to", "from", "in", "using", "with", "about", "for", "that", "by", "if", "and", "whether", "the", "a", "an"),
    *("alexa", "amazon", "echo", "computer", "skill", "app", "ziggy"),
}


_SLOT = re.compile(r"\{(\w+)\}")


def _name(path: Path) -> str:
    return path.stem


for_each_model = pytest.mark.parametrize("path", MODELS, ids=_name)
for_each_catalogue = pytest.mark.parametrize("path", CATALOGUES, ids=_name)


@cache
def _load(path: Path) -> dict[str, Any]:
    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), f"{path.name} names one thing twice: {[name for name, _ in pairs]}"
        return dict(pairs)

    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=refuse_duplicates)
    return loaded


def _language_model(path: Path) -> dict[str, Any]:
    model: dict[str, Any] = _load(path)["interactionModel"]["languageModel"]
    return model


# Interaction models


@for_each_model
def test_amazons_own_model_classes_lose_nothing_of_the_model(path: Path) -> None:
    serializer = DefaultSerializer()
    read = serializer.deserialize(
        path.read_text(encoding="utf-8"),
        "ask_smapi_model.v1.skill.interaction_model.interaction_model_data.InteractionModelData",
    )
    assert serializer.serialize(read) == _load(path)


@for_each_model
def test_the_model_has_exactly_the_intents_that_the_skill_handles(path: Path) -> None:
    names = [intent["name"] for intent in _language_model(path)["intents"]]
    assert sorted(names) == sorted(INTENTS)


def test_only_intents_are_confirmable() -> None:
    assert set(CONFIRMABLE) <= set(INTENTS)


@for_each_model
def test_the_invocation_name_is_one_that_alexa_accepts(path: Path) -> None:
    words = _language_model(path)["invocationName"].split(" ")
    assert len(words) >= 2
    assert all(re.fullmatch(r"[a-z]+(\.|'s)?", word) for word in words)
    assert not FORBIDDEN_IN_INVOCATION_NAME & set(words)


@for_each_model
def test_every_intent_of_ours_has_rich_samples_and_no_built_in_has_any(path: Path) -> None:
    for intent in _language_model(path)["intents"]:
        if intent["name"].startswith("AMAZON."):
            assert intent["samples"] == []
        else:
            assert len(intent["samples"]) >= 15, intent["name"]


@for_each_model
def test_no_sample_means_two_things(path: Path) -> None:
    samples = Counter(
        " ".join(sample.split()).casefold()
        for intent in _language_model(path)["intents"]
        for sample in intent["samples"]
    )
    assert [sample for sample, count in samples.items() if count > 1] == []
    assert not BUILT_IN_UTTERANCES & set(samples)
    invocation_name = _language_model(path)["invocationName"]
    assert [sample for sample in samples if invocation_name in sample] == []


@for_each_model
def test_samples_are_written_as_they_are_spoken(path: Path) -> None:
    """Letters, single spaces, apostrophes, full stops of abbreviations and slots are all that Alexa takes."""
    model = _language_model(path)
    types = {slot_type["name"] for slot_type in model["types"]}
    for intent in model["intents"]:
        slots = {slot["name"]: slot["type"] for slot in intent.get("slots", [])}
        assert all(kind in types or kind.startswith("AMAZON.") for kind in slots.values()), intent["name"]
        assert {name for sample in intent["samples"] for name in _SLOT.findall(sample)} == set(slots), intent["name"]
        for sample in intent["samples"]:
            words = _SLOT.sub("slot", sample)
            assert words == words.lower() == " ".join(words.split()), sample
            assert all(character.isalpha() or character in " '." for character in words), sample


# Sentences


@cache
def _find_uses() -> dict[str, set[frozenset[str]]]:
    """Every sentence that the skill's code uses, with the placeholders it fills."""
    uses: dict[str, set[frozenset[str]]] = {}
    for path in sorted((ROOT / "skill").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Sentence":
                (key,) = node.args
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                assert isinstance(key, ast.Constant), f"{where}: a sentence's name is written out, so that it is found"
                assert isinstance(key.value, str), where
                uses.setdefault(key.value, set()).add(frozenset(str(keyword.arg) for keyword in node.keywords))
    return uses


def _forms(sentence: str | dict[str, str]) -> list[str]:
    return list(sentence.values()) if isinstance(sentence, dict) else [sentence]


def _placeholders(form: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(form) if name is not None)


@for_each_catalogue
def test_the_catalogue_holds_exactly_the_sentences_that_are_used(path: Path) -> None:
    assert sorted(_load(path)) == sorted(_find_uses())


@for_each_catalogue
def test_every_sentence_has_the_placeholders_that_the_code_fills(path: Path) -> None:
    for key, sentence in _load(path).items():
        for form in _forms(sentence):
            assert _find_uses()[key] == {_placeholders(form)}, key
        if isinstance(sentence, dict):
            assert set(sentence) == {"one", "other"}, key
            assert "count" in _placeholders(sentence["other"]), key


@for_each_catalogue
def test_every_sentence_is_sound_markup(path: Path) -> None:
    for key, sentence in _load(path).items():
        for form in _forms(sentence):
            assert form == form.strip() != "", key
            ElementTree.fromstring(f"<speak>{form}</speak>")


def test_the_default_locale_has_a_catalogue_and_a_model() -> None:
    assert DEFAULT_LOCALE in {path.stem for path in CATALOGUES} & {path.stem for path in MODELS}


# Recorded requests


def test_there_is_a_recorded_request_of_every_kind() -> None:
    requests = [_load(path)["request"] for path in EVENTS.glob("*.json")]
    assert sorted(request.get("intent", {}).get("name", request["type"]) for request in requests) == sorted(
        [*INTENTS, *REQUESTS]
    )
