"""The skill's intents, sentences and picture agree with one another and with the state machine."""

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
from skill.intents import INTENTS
from skill.intents import REQUESTS as SESSION_REQUESTS
from skill.pictures import PHASES
from skill.speech import DEFAULT_LANGUAGE, LANGUAGES
from skill.words import PARAMETERS
from tests.alexa import EVENTS, QUESTION_MARKS, REQUESTS, ROOT, load_request, name_request

CATALOGUES = sorted(LANGUAGES.glob("*.json"))

for_each_catalogue = pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)


@cache
def _load(path: Path) -> dict[str, Any]:
    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), f"{path.name} names one thing twice: {[name for name, _ in pairs]}"
        return dict(pairs)

    loaded = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=refuse_duplicates)
    sentences: dict[str, Any] = loaded["sentences"]
    return sentences


# Intents


def test_exactly_the_intents_that_change_something_ask_first() -> None:
    for intent in INTENTS.values():
        # A reminder is made in Alexa, and changes nothing in the stack.
        asks = intent.needs == "write" or intent.name == "RequestNoticeIntent"
        assert asks == (intent.on_yes is not None), intent.name
        assert intent.on_yes or not (intent.on_no or intent.asks_pin), intent.name


def test_every_spoken_parameter_has_a_name() -> None:
    assert sorted(PARAMETERS) == sorted(SPOKEN)


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
    """Find every sentence that the skill's code uses, with the placeholders that it fills."""
    uses: dict[str, set[frozenset[str]]] = {}
    for path in sorted((ROOT / "skill").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Sentence":
                (key,) = node.args
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                assert isinstance(key, ast.Constant), f"{where}: write the sentence's key as a literal"
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
            # Those without a number have a verb that agrees with what they name.
            assert _placeholders(sentence["other"]) & {"count", "builds", "span"}, key


@for_each_catalogue
def test_every_sentence_is_valid_markup(path: Path) -> None:
    for key, sentence in _load(path).items():
        for form in _forms(sentence):
            assert form == form.strip() != "", key
            ElementTree.fromstring(f"<speak>{form}</speak>")


@for_each_catalogue
def test_every_language_has_the_same_placeholders_and_questions(path: Path) -> None:
    english = _load(LANGUAGES / f"{DEFAULT_LANGUAGE}.json")
    for key, sentence in _load(path).items():
        assert type(sentence) is type(english[key]), key
        for form, original in zip(_forms(sentence), _forms(english[key]), strict=True):
            # A singular may spell out its one.
            assert _placeholders(form) - {"count"} == _placeholders(original) - {"count"}, key
            assert form.endswith(QUESTION_MARKS) == original.endswith(QUESTION_MARKS), key
            assert form.count("\n") == original.count("\n"), key


@for_each_catalogue
def test_only_questions_have_a_question_mark(path: Path) -> None:
    """py-ask-sdk-test's rule: an open session ends with a question, and a closed session holds none."""
    for key, sentence in _load(path).items():
        if not key.startswith("card."):
            for form in _forms(sentence):
                assert not any(mark in form for mark in QUESTION_MARKS) or form.endswith(QUESTION_MARKS), key


# Requests of the tests


def test_there_is_a_request_of_every_kind() -> None:
    requests = [load_request(name)["request"] for name in REQUESTS]
    assert sorted(request.get("intent", {}).get("name", request["type"]) for request in requests) == sorted(
        [*INTENTS, "SessionEndedRequest", *(request.name for request in SESSION_REQUESTS)]
    )
    assert {path.stem for path in EVENTS.glob("*.json")} == {"intent", *REQUESTS} - {*map(name_request, INTENTS)}
