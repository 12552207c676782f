"""What the intents that change something ask and do; fakes stand in for the functions of sagebuild."""

from dataclasses import replace

import pytest

from sagebuild.builds.records import Trigger
from sagebuild.errors import BuildNotFoundError, NoApprovalPendingError
from sagebuild.launch.start import Launched
from sagebuild.voice.approval import Waiting
from sagebuild.voice.forecast import NextBuild
from sagebuild.voice.rollback import RollbackPlan
from sagebuild.voice.spoken_parameters import Change
from tests.alexa import Conversation, load_request
from tests.unit.skill_domain import NEXT, WAITING, Domain


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (
            NEXT,
            "Build 13 would train on one m5 large instance for up to 4 hours and then replace what is live: shall I",
        ),
        (replace(NEXT, deploys=False), "for up to 4 hours and leave what is live unchanged: shall I start it?"),
        (replace(NEXT, instance_count=2, trainings=3), "would train on 6 m5 large instances for up to 4 hours"),
        (replace(NEXT, maximum_hours=0.5), "for up to 30 minutes"),
        (replace(NEXT, trains=False), "would deploy an earlier model, without training, in place of what is live"),
        (replace(NEXT, trains=False, deploys=False), "without training, and leave what is live unchanged"),
        (
            replace(NEXT, cost_max=0.46),
            "4 hours, which costs at most 46 cents, and then replace what is live: shall I",
        ),
        (replace(NEXT, running=12), "Build 12 is still running: shall I start another one once it has ended?"),
    ],
)
def test_a_start_describes_its_effect(alexa: Conversation, domain: Domain, build: NextBuild, said: str) -> None:
    domain(describe_next_build=build, launch_build=Launched(13, started=True))
    assert said in alexa.say("start_build")
    assert alexa.is_open


def test_the_question_has_both_values_before_a_parameter_is_set(alexa: Conversation, domain: Domain) -> None:
    change = Change("trainvolumesize", "10", "20")
    domain(propose_change=change, apply_change=True)
    assert (
        alexa.say("set_parameter")
        == "That changes the training disk in gigabytes from 10 to 20 for every build from now on: shall I do it?"
    )
    assert alexa.say("yes") == "Done: the training disk in gigabytes was 10 and is now 20."
    assert domain.calls["apply_change"] == [(change,)]


def test_a_parameter_that_changed_since_the_question_is_not_set(alexa: Conversation, domain: Domain) -> None:
    domain(propose_change=Change("trainvolumesize", "10", "20"), apply_change=False)
    alexa.say("set_parameter")
    assert alexa.say("yes").startswith("Someone else has changed")


def test_a_missing_parameter_or_value_is_asked_for(alexa: Conversation, domain: Domain) -> None:
    assert alexa.say("set_parameter", parameter="trainvolumesize").endswith("what shall I set?")
    assert alexa.say("set_parameter", number="3").endswith("what shall I set?")
    domain(propose_change=Change("trainvolumesize", "20", "20"))
    assert alexa.say("set_parameter", parameter="trainvolumesize", number="20").endswith("is 20 already.")


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (
            RollbackPlan(11, 12, "sagebuild-12"),
            "That would put build 11 back live, instead of build 12: shall I do it?",
        ),
        (
            RollbackPlan(11, None, "their-own"),
            "That would put build 11 back live, instead of the live model: shall I do it?",
        ),
        (RollbackPlan(11, None, ""), "Nothing is live, and build 11 would go live again: shall I do it?"),
        (BuildNotFoundError(), "There is no build 11."),
    ],
)
def test_a_rollback_describes_its_effect(
    alexa: Conversation, domain: Domain, plan: RollbackPlan | Exception, said: str
) -> None:
    domain(plan_rollback=plan)
    assert alexa.say("roll_back") == said


def test_a_rollback_goes_to_the_build_of_the_question(alexa: Conversation, domain: Domain) -> None:
    domain(plan_rollback=RollbackPlan(11, 12, "sagebuild-12"), apply_rollback=Launched(13, started=True))
    alexa.say("roll_back", number="?")
    assert alexa.say("yes") == "Build 13 has started, and it puts build 11 back."
    trigger = Trigger("voice", load_request("yes")["request"]["requestId"])
    assert domain.calls["plan_rollback"] == [("previous",)]
    assert domain.calls["apply_rollback"] == [(11, "sagebuild-12", trigger)]


def test_a_rollback_does_not_start_if_the_live_build_has_changed(alexa: Conversation, domain: Domain) -> None:
    domain(plan_rollback=RollbackPlan(11, 12, "sagebuild-12"), apply_rollback=None)
    alexa.say("roll_back")
    assert alexa.say("yes") == "Something else is live by now, so I left it alone."


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        (
            WAITING,
            "Build 12 reached 0.97 for f1, and the live model has 0.95, and it has cost about 46 cents so far: ",
        ),
        (replace(WAITING, live=None, spent=2.5), "Build 12 reached 0.97 for f1, and it has cost about 2.50 dollars so"),
        (replace(WAITING, live=None, spent=None), "Build 12 reached 0.97 for f1: shall I approve it, so that it goes"),
        (
            replace(WAITING, metric="", value=None, live=None, spent=0.001),
            "Build 12 waits for approval, and it has cost",
        ),
        (None, "Build 12 is not waiting for an answer."),
        (replace(WAITING, number=13), "Build 12 is not waiting for an answer."),
    ],
)
def test_an_approval_describes_the_waiting_build(
    alexa: Conversation, domain: Domain, waiting: Waiting | None, said: str
) -> None:
    domain(describe_waiting=waiting)
    assert alexa.say("approve_build").startswith(said)


def test_an_approval_without_a_number_means_the_waiting_build(alexa: Conversation, domain: Domain) -> None:
    domain(describe_waiting=None)
    assert alexa.say("approve_build", number="?") == "No build is waiting for approval."
    domain(describe_waiting=WAITING)
    assert alexa.say("approve_build", number="?").endswith("shall I approve it, so that it goes live?")
    assert "f1: 0.95, then 0.97\nIt is not deployed unless someone approves it by " in alexa.card


@pytest.mark.parametrize(
    ("request_name", "approved", "said"),
    [
        ("approve_build", True, "Build 12 is approved, and goes on to deployment."),
        ("reject_build", False, "Build 12 is rejected, and what is live stays live."),
    ],
)
def test_a_yes_approves_or_rejects_the_waiting_build(
    alexa: Conversation, domain: Domain, request_name: str, approved: bool, said: str
) -> None:
    domain(describe_waiting=WAITING, answer_approval=None)
    alexa.say(request_name)
    assert alexa.say("yes") == said
    assert domain.calls["answer_approval"] == [(approved, "voice", 12)]
    domain(answer_approval=NoApprovalPendingError())
    alexa.say(request_name)
    assert alexa.say("yes") == "Build 12 is not waiting for an answer."


@pytest.mark.parametrize("request_name", ["approve_build", "reject_build"])
def test_a_no_leaves_the_build_waiting(alexa: Conversation, domain: Domain, request_name: str) -> None:
    domain(describe_waiting=WAITING, answer_approval=None)
    alexa.say(request_name)
    assert alexa.say("no") == "All right, I changed nothing, and build 12 is still waiting."
    assert not domain.calls["answer_approval"]
    assert not alexa.is_open
