"""What the intents that change something ask and do; fakes stand in for the functions of sagebuild."""

from dataclasses import replace
from typing import Any

import pytest

from sagebuild.changes.apply import Applied, ChangedSincePlanError
from sagebuild.changes.approval import Waiting
from sagebuild.changes.basis import Live
from sagebuild.changes.document import NewValues
from sagebuild.changes.rollback import Rollback
from sagebuild.changes.start import NextBuild
from sagebuild.changes.token import Action
from sagebuild.errors import BuildNotFoundError, NoApprovalPendingError
from sagebuild.promotion import requests
from tests.alexa import Conversation, load_request
from tests.unit.skill_domain import (
    APPROVED,
    COST,
    NEXT,
    REJECTED,
    ROLLBACK,
    ROLLED_BACK,
    SET,
    STARTED,
    VALUES,
    WAITING,
    Domain,
    a_record,
)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (
            NEXT,
            "Build 13 would train on one m5 large instance for up to 4 hours, and then replace what is live. "
            "Shall I start it?",
        ),
        (replace(NEXT, deploys=False), "for up to 4 hours, and leave what is live unchanged. Shall I start it?"),
        (replace(NEXT, instance_count=2, trainings=3), "would train on 6 m5 large instances for up to 4 hours"),
        (replace(NEXT, maximum_hours=0.5), "for up to 30 minutes"),
        (replace(NEXT, trains=False), "would deploy an earlier model, without training, in place of what is live"),
        (replace(NEXT, trains=False, deploys=False), "without training, and leave what is live unchanged"),
        (
            replace(NEXT, cost=COST),
            "4 hours, at most 46 cents, and then replace what is live. Shall I",
        ),
        (
            replace(NEXT, running=12),
            "Build 12 is still running. Build 13 would train on one m5 large instance for up to 4 hours",
        ),
        (replace(NEXT, running=12, trains=False), "Build 12 is still running. Shall I start it when that one ends?"),
        (replace(NEXT, running=12, waiting=2), "Build 12 is still running, and build 13 waits already. It would train"),
        (replace(NEXT, maximum_hours=2.5), "for up to 2 and a half hours, and then replace"),
        (replace(NEXT, maximum_hours=1), "for up to one hour, and then replace"),
        (replace(NEXT, asks_approval=True, gate="f1"), "for up to 4 hours, and then wait for your approval. Shall I"),
        (replace(NEXT, gate="f1"), "for up to 4 hours, and go live if its f1 is good enough. Shall I"),
        (replace(NEXT, trains=False, asks_approval=True), "without training, and wait for your approval. Shall I"),
        (
            replace(NEXT, processing_jobs=2, evaluates=True, cost=COST),
            "for up to 4 hours, at most 46 cents with the other jobs, and then replace what is live",
        ),
        (
            replace(NEXT, trains=False, deploys=False, transforms=True, cost=COST),
            "leave what is live unchanged. Its jobs would cost at most 46 cents. Shall I start it?",
        ),
        (
            replace(NEXT, trains=False, evaluates=True, cost=replace(COST, maximum=None)),
            "in place of what is live. I know no price for its jobs. Shall I start it?",
        ),
        (
            replace(NEXT, running=12, trains=False, transforms=True, cost=COST),
            "Build 12 is still running. The jobs of build 13 would cost at most 46 cents. Shall I start it when",
        ),
        (
            replace(NEXT, running=12, trains=False, transforms=True),
            "Build 12 is still running. I know no price for the jobs of build 13. Shall I start it when",
        ),
    ],
)
def test_a_start_describes_its_effect(alexa: Conversation, domain: Domain, build: NextBuild, said: str) -> None:
    domain.plan("start", build, STARTED)
    assert said in alexa.say("start_build")
    assert alexa.is_open


def test_the_first_build_replaces_nothing(alexa: Conversation, domain: Domain) -> None:
    domain.live = Live()
    domain.plan("start", NEXT)
    assert "and go live as the first model. Shall I start it?" in alexa.say("start_build")
    domain.plan("start", replace(NEXT, trains=False))
    assert "without training, as the first live model. Shall I" in alexa.say("start_build")


def test_the_question_has_both_values_before_a_parameter_is_set(alexa: Conversation, domain: Domain) -> None:
    domain.plan("set parameters", VALUES, SET)
    assert alexa.say("set_parameter") == (
        "That changes the training disk from 10 gigabytes to 20 gigabytes for every build from now on. Shall I do it?"
    )
    assert alexa.say("yes") == "Done: the training disk was 10 gigabytes and is now 20 gigabytes."
    assert domain.calls["plan_change"] == [("set parameters", None, {"trainvolumesize": 20})]
    assert domain.applied == ["set parameters"]


def test_a_question_is_asked_again_if_something_has_changed(alexa: Conversation, domain: Domain) -> None:
    domain.plan("set parameters", VALUES, ChangedSincePlanError([]))
    alexa.say("set_parameter", parameter="trainvolumesize", number="20")
    domain.plan("set parameters", NewValues({"trainvolumesize": 15}, {"trainvolumesize": 20}))
    assert alexa.say("yes") == (
        "Something has changed since I asked. That changes the training disk from 15 gigabytes to 20 gigabytes for "
        "every build from now on. Shall I do it?"
    )
    assert alexa.is_open
    domain.plan("set parameters", VALUES, SET)
    assert alexa.say("yes").startswith("Done: ")


def test_a_missing_parameter_or_value_is_asked_for(alexa: Conversation, domain: Domain) -> None:
    assert alexa.say("set_parameter", parameter="trainvolumesize") == "What should the training disk be, in gigabytes?"
    assert alexa.say("set_parameter", number="3").endswith("what shall I set?")
    domain.plan("set parameters", NewValues({"trainvolumesize": 20}, {"trainvolumesize": 20}))
    assert alexa.say("set_parameter", parameter="trainvolumesize", number="20").endswith("is 20 gigabytes already.")


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (ROLLBACK, "That would put build 11 back live, instead of build 12: shall I do it?"),
        (
            replace(ROLLBACK, replaces=None, live="their-own"),
            "That would put build 11 back live, instead of the live model: shall I do it?",
        ),
        (
            replace(ROLLBACK, replaces=None, live=""),
            "Nothing is live, and build 11 would go live again: shall I do it?",
        ),
        (BuildNotFoundError(), "There is no build 11."),
    ],
)
def test_a_rollback_describes_its_effect(
    alexa: Conversation, domain: Domain, plan: Rollback | Exception, said: str
) -> None:
    domain.plan("roll back", plan)
    assert alexa.say("roll_back").startswith(said)


def test_a_rollback_goes_to_the_build_of_the_question(alexa: Conversation, domain: Domain) -> None:
    domain.plan("roll back", ROLLBACK, ROLLED_BACK)
    alexa.say("roll_back")
    assert alexa.say("yes") == "Build 13 has started and puts build 11 back live."
    assert domain.calls["plan_change"] == [("roll back", 11, None)]
    assert domain.calls["apply_change"] == [("roll back", "voice", load_request("yes")["request"]["requestId"])]


@pytest.mark.parametrize(
    ("receivers", "record", "slots", "said"),
    [
        (["sagebuild-prod"], a_record(12), {}, "That would promote build 12 to prod: the model and its script move"),
        (["sagebuild-prod", "sagebuild-eu-test"], a_record(12), {}, "That would promote build 12 to prod: "),
        (
            ["sagebuild-eu-test", "sagebuild-staging"],
            a_record(12),
            {},
            "Build 12 can go to eu test and staging; say, for example: promote build 12 to eu test.",
        ),
        (["sagebuild-production"], a_record(12), {}, "That would promote build 12 to production: "),
        (
            ["sagebuild-eu-test"],
            a_record(12),
            {"number": "12", "stage": "test"},
            "That would promote build 12 to eu test: ",
        ),
        ([], a_record(12), {}, "No stack takes models from this one, so there is nowhere to promote to."),
        (["sagebuild-prod"], a_record(12, "failed"), {}, "Build 12 has no finished model, so I can't promote it."),
        (["sagebuild-prod"], BuildNotFoundError(), {}, "There is no build 12."),
    ],
)
def test_a_promotion_names_its_stack(
    alexa: Conversation, domain: Domain, receivers: list[str], record: Any, slots: dict[str, str], said: str
) -> None:
    domain(read_build=record)
    domain.fake(requests, "list_receivers", receivers)
    assert alexa.say("promote_build", **slots).startswith(said)


def test_a_promotion_is_requested_once_it_is_confirmed(alexa: Conversation, domain: Domain) -> None:
    domain(read_build=a_record(12))
    domain.fake(requests, "list_receivers", ["sagebuild-prod"])
    domain.fake(requests, "request_promotion", None)
    alexa.say("promote_build")
    assert domain.calls["request_promotion"] == []
    assert alexa.say("yes") == "Build 12 is on its way to prod, which deploys it when it passes there."
    (call,) = domain.calls["request_promotion"]
    assert call[:2] == (12, "sagebuild-prod")


def test_a_rollback_that_has_become_impossible_is_not_asked_again(alexa: Conversation, domain: Domain) -> None:
    domain.plan("roll back", ROLLBACK, ChangedSincePlanError([]))
    alexa.say("roll_back")
    domain.plan("roll back", BuildNotFoundError())
    assert alexa.say("yes") == "There is no build 11."
    assert not alexa.is_open


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        (
            WAITING,
            "Build 12 reached 0.97 for f1, and the live model has 0.95, and it has cost about 46 cents so far: ",
        ),
        (
            replace(WAITING, live=None, cost=replace(COST, spent=2.5)),
            "Build 12 reached 0.97 for f1, and it has cost about 2 dollars and 50 ",
        ),
        (
            replace(WAITING, live=None, cost=replace(COST, spent=None)),
            "Build 12 reached 0.97 for f1: shall I approve it",
        ),
        (
            replace(WAITING, metric="", value=None, live=None, cost=replace(COST, spent=0.001)),
            "Build 12 is waiting for your approval, and it has cost",
        ),
        (NoApprovalPendingError(), "Build 12 is not waiting for an answer."),
    ],
)
def test_an_approval_describes_the_waiting_build(
    alexa: Conversation, domain: Domain, waiting: Waiting | Exception, said: str
) -> None:
    domain.plan("approve", waiting)
    assert alexa.say("approve_build").startswith(said)


def test_an_approval_without_a_number_means_the_waiting_build(alexa: Conversation, domain: Domain) -> None:
    domain.plan("approve", NoApprovalPendingError())
    assert alexa.say("approve_build", number="") == "No build is waiting for approval."
    domain.plan("approve", WAITING)
    assert alexa.say("approve_build", number="").endswith("shall I approve it, so that it goes live?")
    assert "f1: 0.95, then 0.97\nIt is not deployed unless someone approves it by " in alexa.card


@pytest.mark.parametrize(
    ("request_name", "action", "done", "said"),
    [
        ("approve_build", "approve", APPROVED, "Build 12 is approved, and goes on to deployment."),
        ("reject_build", "reject", REJECTED, "Build 12 is rejected, and what is live stays live."),
    ],
)
def test_a_yes_approves_or_rejects_the_waiting_build(
    alexa: Conversation, domain: Domain, request_name: str, action: Action, done: Applied, said: str
) -> None:
    domain.plan(action, WAITING, done)
    alexa.say(request_name)
    assert alexa.say("yes") == said
    assert domain.calls["apply_change"] == [(action, "voice", "")]
    domain.plan(action, WAITING, NoApprovalPendingError())
    alexa.say(request_name)
    assert alexa.say("yes") == "Build 12 is not waiting for an answer."


@pytest.mark.parametrize(("request_name", "action"), [("approve_build", "approve"), ("reject_build", "reject")])
def test_a_no_leaves_the_build_waiting(alexa: Conversation, domain: Domain, request_name: str, action: Action) -> None:
    domain.plan(action, WAITING)
    alexa.say(request_name)
    assert alexa.say("no") == "All right, I changed nothing, and build 12 is still waiting."
    assert not domain.applied
    assert not alexa.is_open


def test_an_instance_type_is_marked_as_english_in_other_languages(alexa: Conversation, domain: Domain) -> None:
    domain.plan("start", NEXT)
    alexa.say("start_build", locale="de-DE")
    ssml = alexa.response["response"]["outputSpeech"]["ssml"]
    assert '<lang xml:lang="en-US">m5 large</lang>' in ssml
