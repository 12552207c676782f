"""The buttons of a screen while a build waits for approval: the skill's own handler, on moto."""

import copy
import json
from typing import Any

import pytest

from sagebuild.builds.records import read_build
from skill import access
from skill.app import handler
from tests.alexa import Conversation, Envelope, check_response, load_request, read_speech
from tests.functional.conftest import Stack
from tests.functional.test_changes import add_waiting, make_live
from tests.functional.test_spoken_names import create_pipeline
from tests.functional.test_voice import write_access
from tools.generate_interaction_models import list_languages, read_language

SCREEN = {"Alexa.Presentation.APL": {"runtime": {"maxVersion": "2023.3"}}}


class Screen:
    """A device with a screen: it shows what the skill draws, and sends what its buttons hold."""

    def __init__(self) -> None:
        self.voice = Conversation(self._send)
        self.shown: dict[str, Any] = {}
        self._attributes: dict[str, Any] = {}

    def _send(self, envelope: Envelope) -> Envelope:
        envelope["context"]["System"]["device"]["supportedInterfaces"] = SCREEN
        response = handler(copy.deepcopy(envelope), None)
        self._attributes = response.get("sessionAttributes") or {}
        for directive in response["response"].get("directives", []):
            if directive["type"] == "Alexa.Presentation.APL.RenderDocument":
                self.shown = directive
        return response

    @property
    def labels(self) -> list[str]:
        """The labels of the buttons."""
        return [choice["label"] for choice in self.shown["datasources"]["question"]["choices"]]

    def press(self, answer: str) -> str:
        """Press a button; return what the person hears."""
        envelope = load_request("touch")
        question = self.shown["datasources"]["question"]
        assert answer in [choice["answer"] for choice in question["choices"]]
        # The names are those of the document's SendEvent.
        names = ("token", "number", "pipeline")
        envelope["request"]["arguments"] = [answer, *(question[name] for name in names)]
        envelope["session"] |= {"new": False, "attributes": self._attributes}
        response = self._send(envelope)
        check_response(response)
        return read_speech(response)


@pytest.fixture
def screen(alexa: Conversation) -> Screen:  # noqa: ARG001
    return Screen()


def find_events(part: Any) -> list[Any]:
    """The arguments of each SendEvent in a document."""
    if isinstance(part, list):
        return [found for one in part for found in find_events(one)]
    if not isinstance(part, dict):
        return []
    own = [part["arguments"]] if part.get("type") == "SendEvent" else []
    return own + [found for one in part.values() for found in find_events(one)]


def test_the_question_has_buttons(stack: Stack, screen: Screen) -> None:
    add_waiting(stack.service)
    asked = screen.voice.say("approve_build", number="1")
    assert screen.labels == ["Approve", "Reject"]
    assert screen.shown["datasources"]["question"]["text"] == asked
    (sent,) = find_events(screen.shown["document"])
    assert sent == ["${data.answer}", "${question.token}", "${question.number}", "${question.pipeline}"]


def test_a_device_without_a_screen_gets_none(stack: Stack, alexa: Conversation) -> None:
    add_waiting(stack.service)
    alexa.say("approve_build", number="1")
    kinds = [directive["type"] for directive in alexa.response["response"].get("directives", [])]
    assert "Alexa.Presentation.APL.RenderDocument" not in kinds


def test_the_button_approves_once(stack: Stack, screen: Screen) -> None:
    add_waiting(stack.service)
    screen.voice.say("approve_build", number="1")
    assert read_build(stack.service, 1).approval == ""
    assert screen.press("approve") == screen.press("approve")
    assert read_build(stack.service, 1).approval == "approved"


def test_a_button_of_an_old_question_approves_nothing(stack: Stack, screen: Screen) -> None:
    add_waiting(stack.service)
    screen.voice.say("approve_build", number="1")
    make_live(stack.service, "their-own")
    assert screen.press("approve").startswith("Something has changed since I asked.")
    assert read_build(stack.service, 1).approval == ""
    assert screen.press("approve").startswith("Build 1 is approved")


def test_the_button_asks_for_the_pin_as_a_yes_does(
    stack: Stack, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_access(stack.service, json.dumps({"pin": "4711"}))
    monkeypatch.setattr(access, "_access", None)
    add_waiting(stack.service)
    screen.voice.say("approve_build", number="1")
    assert "PIN" in screen.press("approve").upper()
    assert read_build(stack.service, 1).approval == ""


def test_a_reader_cannot_approve_with_the_button(stack: Stack, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    add_waiting(stack.service)
    screen.voice.say("approve_build", number="1")
    write_access(stack.service, json.dumps({"writers": ["amzn1.ask.person.OTHER"]}))
    monkeypatch.setattr(access, "_access", None)
    assert screen.press("approve").startswith("Sorry, you can't change anything here")
    assert read_build(stack.service, 1).approval == ""


def test_the_other_button_asks_whether_to_reject(stack: Stack, screen: Screen) -> None:
    add_waiting(stack.service)
    screen.voice.say("approve_build", number="1")
    assert "build 1" in screen.press("reject")
    assert read_build(stack.service, 1).approval == ""


def test_a_button_acts_on_the_pipeline_of_its_question(stack: Stack, screen: Screen) -> None:
    fraud = create_pipeline(stack.service, "fraud")
    add_waiting(fraud)
    screen.voice.say("approve_build", number="1", pipeline="fraud")
    assert screen.press("approve").startswith("Build 1 of fraud is approved")
    assert read_build(fraud, 1).approval == "approved"


@pytest.mark.parametrize("arguments", [[], ["approve"], ["approve", 1, "1", None], ["other", "", 1, ""]])
@pytest.mark.usefixtures("alexa")
def test_a_button_that_the_skill_does_not_know_changes_nothing(arguments: list[Any]) -> None:
    envelope = load_request("touch")
    envelope["request"]["arguments"] = arguments
    response = handler(envelope, None)
    check_response(response)
    assert "confirmation" not in response.get("sessionAttributes", {})


@pytest.mark.parametrize("language", list_languages())
def test_the_buttons_speak_the_language(stack: Stack, screen: Screen, language: str) -> None:
    add_waiting(stack.service)
    spoken = read_language(language)
    screen.voice.say("approve_build", spoken["locales"][0], number="1")
    assert screen.labels == [spoken["sentences"][f"button.{name}"] for name in ("approve", "reject")]
