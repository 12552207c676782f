"""A question stays open until it is answered or cancelled, whatever a person asks in between."""

from typing import Any

import pytest

from sagebuild.builds import records
from sagebuild.promotion import requests
from sagebuild.voice.comparison import Comparison
from sagebuild.voice.forecast import Estimate
from skill.intents import INTENTS
from tests.alexa import SLOTS, Conversation, name_request
from tests.unit.skill_domain import (
    APPROVED,
    COST,
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
    a_record,
)

# Every question that a yes answers: its request, the action of the yes, the plan and the result.
QUESTIONS: dict[str, tuple[Any, Any, Any]] = {
    "start_build": ("start", NEXT, STARTED),
    "stop_build": ("stop", STOP, STOPPED),
    "roll_back": ("roll back", ROLLBACK, ROLLED_BACK),
    "approve_build": ("approve", WAITING, APPROVED),
    "reject_build": ("reject", WAITING, REJECTED),
    "set_parameter": ("set parameters", VALUES, SET),
    "promote_build": ("promote", None, None),
}
# What answers no question: everything that only reads, and the intents of Alexa that settle nothing.
BETWEEN = sorted(
    name_request(intent.name)
    for intent in INTENTS.values()
    if not intent.settles and intent.needs != "write" and intent.name != "RequestNoticeIntent"
)


@pytest.fixture
def history(domain: Domain) -> Domain:
    """Builds to ask about."""
    domain(
        describe_latest_build=RUNNING,
        describe_build=ENDED,
        list_builds=[a_record(12, metrics={"f1": 0.9}), a_record(11, "failed")],
        compare_builds=Comparison(12, 11, {"f1": (0.5, 0.75)}),
        estimate_time=Estimate(12, 60.0),
        describe_cost=COST,
        read_parameter="10",
        read_build=a_record(12),
    )
    domain.fake(records, "list_builds", [a_record(12)])
    domain.fake(requests, "list_receivers", ["sagebuild-prod"])
    domain.fake(requests, "request_promotion", None)
    for action, effect, applied in QUESTIONS.values():
        domain.plan(action, effect, applied)
    return domain


def test_there_are_questions_for_every_change() -> None:
    changes = {name_request(intent.name) for intent in INTENTS.values() if intent.needs == "write" and intent.on_yes}
    assert changes == set(QUESTIONS)
    assert {"help", "fallback", "repeat", "check_status", "estimate_cost"} <= set(BETWEEN)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("between", BETWEEN)
def test_a_question_survives_what_does_not_answer_it(
    alexa: Conversation, history: Domain, question: str, between: str
) -> None:
    alexa.say(question)
    intent = next(intent.name for intent in INTENTS.values() if name_request(intent.name) == between)
    heard = alexa.say(between, **SLOTS.get(intent, {}))
    assert alexa.is_open
    assert heard.endswith("?")
    assert "confirmation" in alexa.response["sessionAttributes"]
    assert "hall I" in heard or "hall I" in alexa.say("repeat")
    alexa.say("yes")
    assert history.applied == [QUESTIONS[question][0]]


@pytest.mark.parametrize("question", QUESTIONS)
def test_after_an_answer_a_second_yes_does_nothing(alexa: Conversation, history: Domain, question: str) -> None:
    alexa.say("launch")
    alexa.say(question)
    alexa.say("yes")
    alexa.say("yes")
    assert history.applied == [QUESTIONS[question][0]]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("answer", ["no", "cancel", "stop"])
def test_after_a_no_a_yes_does_nothing(alexa: Conversation, history: Domain, question: str, answer: str) -> None:
    alexa.say("launch")
    alexa.say(question)
    alexa.say(answer)
    alexa.say("yes")
    assert history.applied == []
