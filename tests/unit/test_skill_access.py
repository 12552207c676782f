"""Who may speak to the skill, and when it asks for the PIN."""

from typing import Any

import pytest

from sagebuild.voice.access import Access
from skill.app import handler
from skill.conversation import SpokenError
from skill.intents import INTENTS
from skill.speech import Sentence
from tests.alexa import Conversation, name_request
from tests.unit.skill_domain import (
    APPROVED,
    ENDED,
    NEXT,
    REJECTED,
    ROLLBACK,
    ROLLED_BACK,
    RUNNING,
    SET,
    STARTED,
    STOP,
    STOPPED,
    VALUES,
    WAITING,
    Domain,
)

ACCOUNT, PERSON = "amzn1.ask.account.AEXAMPLEUSER", "amzn1.ask.person.P"


READS = [name_request(name) for name, intent in INTENTS.items() if intent.needs == "read"]


WRITES = [name_request(name) for name, intent in INTENTS.items() if intent.needs == "write"]


@pytest.mark.parametrize("request_name", READS + WRITES)
def test_a_speaker_who_is_not_a_reader_hears_nothing(alexa: Conversation, domain: Domain, request_name: str) -> None:
    domain(read_access=Access(readers=(PERSON,)))
    assert alexa.say(request_name).startswith("Sorry, I'm not allowed to tell you")


@pytest.mark.parametrize("request_name", WRITES)
def test_an_unknown_voice_may_only_read(alexa: Conversation, domain: Domain, request_name: str) -> None:
    domain(read_access=Access(writers=(PERSON,)), describe_latest_build=ENDED)
    assert "you may ask how the build is going" in alexa.say(request_name)
    assert alexa.say("check_status").startswith("Build 12 succeeded")


def test_a_known_voice_may_write(domain: Domain) -> None:
    def send(envelope: dict[str, Any]) -> dict[str, Any]:
        envelope["context"]["System"]["person"] = {"personId": PERSON}
        return handler(envelope, None)

    domain(read_access=Access(writers=(PERSON,)))
    domain.plan("start", NEXT, STARTED)
    alexa = Conversation(send)
    alexa.say("start_build")
    assert alexa.say("yes") == "Build 13 has started."


def test_a_yes_of_another_voice_does_nothing(alexa: Conversation, domain: Domain) -> None:
    domain.plan("start", NEXT, STARTED)
    alexa.say("start_build")
    domain(read_access=Access(writers=(PERSON,)))
    assert alexa.say("yes").startswith("Sorry, you can't change anything here")
    assert not domain.applied


def test_nothing_is_allowed_while_the_access_document_is_unreadable(alexa: Conversation, domain: Domain) -> None:
    domain(read_access=SpokenError(Sentence("error.access")))
    assert "I refuse everyone" in alexa.say("check_status")
    assert alexa.say("help").endswith("which shall it be?")


def test_logs_have_no_id_of_a_person(alexa: Conversation, domain: Domain, caplog: pytest.LogCaptureFixture) -> None:
    domain(describe_latest_build=RUNNING)
    alexa.say("check_status")
    assert "CheckStatusIntent" in caplog.text
    assert "AEXAMPLE" not in caplog.text


@pytest.fixture
def guarded(alexa: Conversation, domain: Domain) -> None:  # noqa: ARG001
    domain(read_access=Access(pin="4711"))
    domain.plan("start", NEXT, STARTED)
    domain.plan("set parameters", VALUES, SET)
    domain.plan("roll back", ROLLBACK, ROLLED_BACK)
    domain.plan("approve", WAITING, APPROVED)
    domain.plan("reject", WAITING, REJECTED)


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("request_name", "done"),
    [
        ("start_build", "Build 13 has started"),
        ("set_parameter", "Done:"),
        ("roll_back", "Build 13 has started"),
        ("approve_build", "Build 12 is approved"),
    ],
)
def test_the_pin_follows_the_yes(alexa: Conversation, domain: Domain, request_name: str, done: str) -> None:
    domain(check_pin=None)
    alexa.say(request_name)
    assert alexa.say("yes") == "That needs your PIN: what are its four digits?"
    assert "4711" not in str(alexa.response)
    assert alexa.say("give_pin").startswith(done)


@pytest.mark.usefixtures("guarded")
def test_a_wrong_pin_changes_nothing(alexa: Conversation, domain: Domain) -> None:
    alexa.say("set_parameter")
    alexa.say("yes")
    domain(check_pin=2)
    assert alexa.say("give_pin").startswith("That is not the PIN, and you have 2 more tries")
    domain(check_pin=1)
    assert alexa.say("give_pin").startswith("That is not the PIN, and you have one more try")
    domain(check_pin=0)
    assert alexa.say("give_pin").startswith("There were too many wrong PINs")
    assert not alexa.is_open
    assert not domain.applied


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("request_name", ["yes", "fallback", "repeat"])
def test_only_a_pin_answers_the_question_for_the_pin(alexa: Conversation, domain: Domain, request_name: str) -> None:
    alexa.say("set_parameter")
    alexa.say("yes")
    assert alexa.say(request_name).endswith("?")
    assert not domain.applied


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("request_name", ["stop", "cancel", "no"])
def test_a_stop_at_the_pin_changes_nothing(alexa: Conversation, domain: Domain, request_name: str) -> None:
    alexa.say("set_parameter")
    alexa.say("yes")
    assert alexa.say(request_name).startswith("All right, I changed nothing")
    assert not alexa.is_open
    assert not domain.applied


def test_a_pin_without_a_question_is_not_checked(alexa: Conversation, domain: Domain) -> None:
    domain(check_pin=2)
    assert alexa.say("give_pin").startswith("I asked for no PIN")
    assert not domain.calls["check_pin"]


def test_an_unexpected_pin_leaves_the_question_open(alexa: Conversation, domain: Domain) -> None:
    domain.plan("start", NEXT, STARTED)
    alexa.say("start_build")
    assert alexa.say("give_pin") == "Sorry, I did not get that. Shall I start build 13, yes or no?"
    assert alexa.say("yes") == "Build 13 has started."


@pytest.mark.usefixtures("guarded")
def test_what_leaves_the_live_model_alone_needs_no_pin(alexa: Conversation, domain: Domain) -> None:
    """The rule of docs/alexa.md: a PIN for every change after which another model may be live."""
    domain(describe_latest_build=RUNNING)
    domain.plan("stop", STOP, STOPPED)
    alexa.say("reject_build")
    assert alexa.say("yes").startswith("Build 12 is rejected")
    alexa.say("stop_build")
    assert alexa.say("yes").startswith("Build 12 is stopped")


PERSONS = Access(writers=(PERSON,))


@pytest.mark.parametrize(
    ("access", "person", "said"),
    [
        (PERSONS, {}, "Build 13 would train"),
        (PERSONS, {"authenticationConfidenceLevel": {"level": 300}}, "Build 13 would train"),
        (PERSONS, {"authenticationConfidenceLevel": {"level": 100}}, "Sorry, you can't change anything here"),
        (Access(writers=(PERSON,), confidence=400), {}, "Sorry, you can't change anything here"),
        (
            Access(writers=(PERSON,), confidence=400),
            {"authenticationConfidenceLevel": {"level": 400}},
            "Build 13 would train",
        ),
        (PERSONS, {"authenticationConfidenceLevel": {"level": "high"}}, "Build 13 would train"),
    ],
)
def test_a_voice_counts_only_if_alexa_is_sure_of_it(
    domain: Domain, access: Access, person: dict[str, Any], said: str
) -> None:
    def send(envelope: dict[str, Any]) -> dict[str, Any]:
        envelope["context"]["System"]["person"] = {"personId": PERSON, **person}
        return handler(envelope, None)

    domain(read_access=access)
    domain.plan("start", NEXT, STARTED)
    assert Conversation(send).say("start_build").startswith(said)
