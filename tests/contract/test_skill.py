"""The skill's code, its sentences, its picture and its recorded requests agree with one another."""

import ast
import json
import string
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from sagebuild.voice.spoken_parameters import SPOKEN
from skill.intents import CONFIRMABLE, INTENTS, REQUESTS
from skill.intents.parameters import NAMES
from skill.pictures import PHASES
from skill.speech import DEFAULT_LANGUAGE, LOCALES
from tests.alexa import EVENTS, QUESTION_MARKS, ROOT

CATALOGUES = sorted(LOCALES.glob("*.json"))

for_each_catalogue = pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)


@cache
def _load(path: Path) -> dict[str, Any]:
    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), f"{path.name} names one thing twice: {[name for name, _ in pairs]}"
        return dict(pairs)

    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=refuse_duplicates)
    return loaded


# Intents


def test_what_is_confirmed_needs_the_right_to_write() -> None:
    assert {name for name, intent in INTENTS.items() if intent.needs == "write"} == set(CONFIRMABLE)


def test_every_parameter_that_voice_may_name_has_a_spoken_name() -> None:
    assert sorted(NAMES) == sorted(SPOKEN)


def test_every_step_of_a_build_belongs_to_a_phase_of_its_picture() -> None:
    states: dict[str, Any] = json.loads((ROOT / "statemachine.asl.json").read_text(encoding="utf-8"))["States"]
    steps = [name for name, state in states.items() if state["Type"] in ("Task", "Wait")]
    words = [word for phase in PHASES for word in phase]
    assert [step for step in steps if not any(word in step for word in words)] == []


def test_without_a_skill_id_nothing_may_call_the_function() -> None:
    access = yaml.safe_load((ROOT / "resources" / "access.yml").read_text(encoding="utf-8"))
    permission = access["Resources"]["AlexaSkillPermission"]
    assert access["Parameters"]["AlexaSkillId"]["Default"] == "${param:alexaSkillId}"
    assert access["Conditions"][permission["Condition"]] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "AlexaSkillId"}, ""]}],
    }
    assert permission["Properties"]["EventSourceToken"] == {"Ref": "AlexaSkillId"}
    service = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
    assert service["params"]["default"]["alexaSkillId"] == ""
    assert "events" not in service["functions"]["alexaSkill"]


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
            filled = _placeholders(form) | ({"count"} if isinstance(sentence, dict) else set())
            assert _find_uses()[key] == {filled}, key
        if isinstance(sentence, dict):
            assert list(sentence) == ["one", "other"], key
            assert "count" in _placeholders(sentence["other"]), key


@for_each_catalogue
def test_every_sentence_is_sound_markup(path: Path) -> None:
    for key, sentence in _load(path).items():
        for form in _forms(sentence):
            assert form == form.strip() != "", key
            ElementTree.fromstring(f"<speak>{form}</speak>")


@for_each_catalogue
def test_every_language_says_the_same(path: Path) -> None:
    english = _load(LOCALES / f"{DEFAULT_LANGUAGE}.json")
    for key, sentence in _load(path).items():
        assert type(sentence) is type(english[key]), key
        for form, original in zip(_forms(sentence), _forms(english[key]), strict=True):
            # A singular may spell out its one.
            assert _placeholders(form) - {"count"} == _placeholders(original) - {"count"}, key
            assert form.endswith(QUESTION_MARKS) == original.endswith(QUESTION_MARKS), key
            assert form.count("\n") == original.count("\n"), key


@for_each_catalogue
def test_what_is_no_question_has_no_question_mark(path: Path) -> None:
    """An open session ends with a question, and a closed one holds none, which is py-ask-sdk-test's rule."""
    for key, sentence in _load(path).items():
        if not key.startswith("card."):
            for form in _forms(sentence):
                assert not any(mark in form for mark in QUESTION_MARKS) or form.endswith(QUESTION_MARKS), key


# Recorded requests


def test_there_is_a_recorded_request_of_every_kind() -> None:
    requests = [_load(path)["request"] for path in EVENTS.glob("*.json")]
    assert sorted(request.get("intent", {}).get("name", request["type"]) for request in requests) == sorted(
        [*INTENTS, *REQUESTS]
    )
