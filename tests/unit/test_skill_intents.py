"""What each intent answers, with the domain behind `skill.builds` a fake."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.builds.status import BuildStatus
from sagebuild.cost.spent import Cost
from sagebuild.launch.start import Launched
from sagebuild.voice.access import Access
from sagebuild.voice.approval import Waiting
from sagebuild.voice.comparison import Comparison
from sagebuild.voice.outlook import Estimate, NextBuild
from sagebuild.voice.rollback import RollbackPlan
from sagebuild.voice.spoken_parameters import Change
from skill import builds
from skill.app import handler
from skill.conversation import SpokenError
from skill.speech import Sentence
from tests.alexa import SKILL_ID, Conversation, load_request

# Hours ago, and not minutes, so that no suite takes long enough to change the words.
NOW = datetime.now(UTC)
RUNNING = BuildStatus(
    12, "running", "Train Model", NOW - timedelta(hours=3, minutes=3), None, None, "https://console.example/12"
)
ENDED = replace(RUNNING, outcome="succeeded", step=None, ended_at=NOW - timedelta(hours=3))
NEXT = NextBuild(13, None, True, True, "ml.m5.large", 1, 4, 1)

Answers = Callable[..., None]


@pytest.fixture
def alexa(monkeypatch: pytest.MonkeyPatch, socket_disabled: None) -> Conversation:  # noqa: ARG001
    monkeypatch.setenv("SKILL_ID", SKILL_ID)
    monkeypatch.setattr(builds, "read_access", Access)
    return Conversation(lambda envelope: handler(envelope, None))


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Makes functions of `skill.builds` give these answers."""

    def answer(**answers: Any) -> None:
        for name, value in answers.items():
            monkeypatch.setattr(builds, name, lambda *_given, value=value, **_named: value)

    return answer


def a_record(number: int, status: str = "succeeded", **values: Any) -> BuildRecord:
    times = {"created_at": NOW.isoformat(), "ended_at": NOW.isoformat()}
    return BuildRecord(number, Trigger("voice"), status=status, **times | values)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (NEXT, "Build 13 would train on one m5 large for at most 4 hours and then replace what is live: shall I"),
        (replace(NEXT, deploys=False), "for at most 4 hours and leave alone what is live: shall I start it?"),
        (replace(NEXT, instance_count=2, trainings=3), "would train on 6 times m5 large for at most 4 hours"),
        (replace(NEXT, maximum_hours=0.5), "for at most 30 minutes"),
        (replace(NEXT, trains=False), "would deploy an earlier model, without training, in place of what is live"),
        (replace(NEXT, trains=False, deploys=False), "without training, and leave alone what is live"),
        (
            replace(NEXT, cost_max=0.46),
            "4 hours, which costs at most 46 cents, and then replace what is live: shall I",
        ),
        (replace(NEXT, running=12), "Build 12 is still running: shall I start another one once it has ended?"),
    ],
)
def test_a_start_tells_what_it_would_do(alexa: Conversation, domain: Answers, build: NextBuild, said: str) -> None:
    domain(describe_next_build=build, start_build=Launched(13, started=True))
    assert said in alexa.say("start_build")
    assert alexa.is_open


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (None, "No build is running right now."),
        (Estimate(12, None), "I can't tell, because no build has succeeded yet to compare it with."),
        (Estimate(12, 40.0), "About 40 seconds to go."),
        (Estimate(12, 275.0), "About 5 minutes to go."),
        (Estimate(12, 7300.0), "About 2 hours to go."),
        (Estimate(12, 40.0, awaits_approval=True), "That depends on you, because the build waits for a yes before"),
        (Estimate(12, -5.0), "It should be done any moment, since it has already taken longer than builds usually do."),
    ],
)
def test_the_time_left_is_told_with_about(
    alexa: Conversation, domain: Answers, estimate: Estimate | None, said: str
) -> None:
    domain(estimate_time=estimate)
    assert alexa.say("estimate_time").startswith(said)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (RUNNING, "Build 12 is at the step Train Model and started 3 hours ago."),
        (ENDED, "Build 12 succeeded 3 hours ago, after 3 minutes."),
        (replace(ENDED, outcome="failed", step="Plan Build"), "Build 12 failed 3 hours ago at the step Plan Build."),
        (replace(ENDED, outcome="stopped"), "Build 12 was stopped 3 hours ago at the step not known yet."),
        (replace(ENDED, restores=11), "Done 3 hours ago: build 11 is live again."),
        (replace(ENDED, outcome="withheld"), "Build 12 ended 3 hours ago and was not deployed."),
        (replace(ENDED, outcome="lost"), "Build 12 ended 3 hours ago as lost."),
        (replace(RUNNING, awaits_approval=True), "Build 12 started 3 hours ago and waits for approval."),
        (None, "There is no build 12."),
    ],
)
def test_a_build_is_described(alexa: Conversation, domain: Answers, build: BuildStatus | None, said: str) -> None:
    domain(describe_build=build)
    assert alexa.say("describe_build") == said


def test_without_a_number_the_latest_build_is_described(alexa: Conversation, domain: Answers) -> None:
    domain(describe_latest_build=RUNNING)
    assert alexa.say("describe_build", number="?").startswith("Build 12 is at the step")
    domain(describe_latest_build=None)
    assert alexa.say("describe_build", number="?") == "There has been no build yet."


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "There has been no build yet."),
        ([a_record(12)], "No build has recorded a metric yet."),
        (
            [a_record(12), a_record(11, metrics={"loss": 2.0, "accuracy": 0.97125})],
            "Build 11 reached 0.9712 for accuracy.",
        ),
        ([a_record(11, metrics={"loss": 0.000012345})], "Build 11 reached 1.234e-05 for loss."),
        ([a_record(11, metrics={"loss": 1200000.0})], "Build 11 reached 1200000 for loss."),
    ],
)
def test_one_metric_is_told(alexa: Conversation, domain: Answers, records: list[BuildRecord], said: str) -> None:
    domain(list_builds=records)
    assert alexa.say("read_metrics") == said


def test_the_card_has_all_metrics(alexa: Conversation, domain: Answers) -> None:
    domain(list_builds=[a_record(11, metrics={"loss": 2.0, "accuracy": 0.97})])
    alexa.say("read_metrics")
    assert alexa.card == "Build 11\naccuracy: 0.97\nloss: 2"


@pytest.mark.parametrize(
    ("comparison", "other", "said"),
    [
        (Comparison(None, None, {}), "last", "There are no two builds with metrics yet that I could compare."),
        (Comparison(12, None, {}), "live", "None of the last builds with metrics is live, so I have nothing"),
        (Comparison(12, 12, {}), "live", "Build 12 is itself what is live."),
        (Comparison(12, 11, {}), "last", "Builds 12 and 11 have no metric in common."),
        (Comparison(12, 11, {"f1": (0.5, 0.75)}), "last", "For f1, build 12 is 0.25 higher than build 11."),
        (Comparison(12, 11, {"f1": (0.75, 0.5)}), "last", "For f1, build 12 is 0.25 lower than build 11."),
        (Comparison(12, 11, {"f1": (0.5, 0.5)}), "last", "For f1, builds 12 and 11 are the same."),
    ],
)
def test_builds_are_compared(
    alexa: Conversation, domain: Answers, comparison: Comparison, other: str, said: str
) -> None:
    domain(compare_builds=comparison)
    assert alexa.say("compare_builds", other=other).startswith(said)


def test_a_failure_is_explained(alexa: Conversation, domain: Answers) -> None:
    failed = replace(ENDED, number=11, outcome="failed", step="Train Model", reason="The script ended with 1.")
    domain(list_builds=[a_record(12), a_record(11, "failed")], describe_build=failed)
    assert (
        alexa.say("explain_failure") == "Build 11 failed 3 hours ago at the step Train Model: The script ended with 1."
    )
    domain(list_builds=[a_record(12)])
    assert alexa.say("explain_failure") == "None of the last builds has failed."


def test_a_build_that_was_not_deployed_is_no_failure(alexa: Conversation, domain: Answers) -> None:
    withheld = replace(ENDED, outcome="withheld", reason="accuracy 0.8 is below the minimum 0.9")
    domain(list_builds=[a_record(12, "withheld"), a_record(11, "failed")], describe_build=withheld)
    assert alexa.say("explain_failure") == (
        "Build 12 did not fail, but ended 3 hours ago and was not deployed: accuracy 0.8 is below the minimum 0.9."
    )
    assert "State: not deployed\nReason: accuracy 0.8" in alexa.card


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ({"count": "3", "outcome": "failed"}, "2 of the last 3 builds failed."),
        ({"count": "3", "outcome": "stopped"}, "0 of the last 3 builds were stopped."),
        ({"count": "?", "outcome": "succeeded"}, "2 of the last 4 builds succeeded."),
        ({"count": "3", "outcome": "withheld"}, "0 of the last 3 builds were not deployed."),
    ],
)
def test_builds_are_counted_by_outcome(alexa: Conversation, domain: Answers, slots: dict[str, str], said: str) -> None:
    domain(
        list_builds=[
            a_record(n, status) for n, status in ((4, "failed"), (3, "succeeded"), (2, "failed"), (1, "succeeded"))
        ]
    )
    assert alexa.say("list_builds", **slots) == said
    assert "4: failed, started " in alexa.card


def test_a_parameter_is_told(alexa: Conversation, domain: Answers) -> None:
    domain(read_parameter="ml.m5.large")
    assert alexa.say("read_parameter") == "the training disk in gigabytes is set to m5 large."
    assert alexa.say("read_parameter", parameter="weather").endswith("which one?")


def test_a_parameter_is_set_after_both_values_were_read_back(
    alexa: Conversation, domain: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[tuple[str, ...]] = []
    domain(propose_change=Change("trainvolumesize", "10", "20"))

    def apply_change(*given: str) -> bool:
        applied.append(given)
        return True

    monkeypatch.setattr(builds, "apply_change", apply_change)
    assert (
        alexa.say("set_parameter")
        == "That changes the training disk in gigabytes from 10 to 20 for every build from now on: shall I do it?"
    )
    assert alexa.say("yes") == "Done: the training disk in gigabytes was 10 and is now 20."
    assert applied == [("trainvolumesize", "10", "20")]


def test_a_parameter_that_changed_meanwhile_is_left_alone(alexa: Conversation, domain: Answers) -> None:
    domain(propose_change=Change("trainvolumesize", "10", "20"), apply_change=False)
    alexa.say("set_parameter")
    assert alexa.say("yes").startswith("Somebody else has changed")


def test_half_a_setting_is_asked_for(alexa: Conversation, domain: Answers) -> None:
    assert alexa.say("set_parameter", parameter="trainvolumesize").endswith("what shall I set?")
    assert alexa.say("set_parameter", number="3").endswith("what shall I set?")
    domain(propose_change=Change("trainvolumesize", "20", "20"))
    assert alexa.say("set_parameter", parameter="trainvolumesize", number="20").endswith("is 20 already.")


@pytest.mark.parametrize(
    ("count", "said"), [(0, "nobody gets a message yet"), (1, "one subscriber gets"), (3, "3 subscribers get")]
)
def test_who_is_told_is_said_honestly(alexa: Conversation, domain: Answers, count: int, said: str) -> None:
    domain(count_listeners=(count, "arn:aws:sns:eu-west-1:123456789012:results"))
    answer = alexa.say("request_notice")
    assert answer.startswith("I can't call you myself")
    assert said in answer
    assert "--topic-arn arn:aws:sns:eu-west-1:123456789012:results" in alexa.card


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (RollbackPlan(11, 12, "sagebuild-12"), "That puts build 11 back in place of build 12: shall I do it?"),
        (RollbackPlan(11, None, "their-own"), "That puts build 11 back in place of what is live: shall I do it?"),
        (RollbackPlan(11, None, ""), "Nothing is live, and that makes build 11 live again: shall I do it?"),
        (None, "There is no build 11."),
    ],
)
def test_a_rollback_says_what_it_would_change(
    alexa: Conversation, domain: Answers, plan: RollbackPlan | None, said: str
) -> None:
    domain(plan_rollback=plan)
    assert alexa.say("roll_back") == said


def test_a_rollback_goes_to_the_build_that_was_asked_about(
    alexa: Conversation, domain: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[Any, ...]] = []
    domain(plan_rollback=RollbackPlan(11, 12, "sagebuild-12"))

    def roll_back(*given: Any) -> Launched:
        done.append(given)
        return Launched(13, started=True)

    monkeypatch.setattr(builds, "roll_back", roll_back)
    alexa.say("roll_back", number="?")
    assert alexa.say("yes") == "Build 13 has started, and it puts build 11 back."
    assert done == [(11, "sagebuild-12", load_request("yes")["request"]["requestId"])]


def test_a_rollback_is_not_done_to_what_has_become_live_meanwhile(alexa: Conversation, domain: Answers) -> None:
    domain(plan_rollback=RollbackPlan(11, 12, "sagebuild-12"), roll_back=None)
    alexa.say("roll_back")
    assert alexa.say("yes") == "Something else is live by now, so I left it alone."


WAITING = Waiting(12, "f1", 0.97, 0.95, 0.461, NOW + timedelta(hours=20))


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        (
            WAITING,
            "Build 12 reached 0.97 for f1, against 0.95 of what is live, and it has cost about 46 cents so far: ",
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
def test_an_approval_says_what_would_go_live(
    alexa: Conversation, domain: Answers, waiting: Waiting | None, said: str
) -> None:
    domain(find_waiting=waiting)
    assert alexa.say("approve_build").startswith(said)


def test_without_a_number_whichever_build_waits_is_answered(alexa: Conversation, domain: Answers) -> None:
    domain(find_waiting=None)
    assert alexa.say("approve_build", number="?") == "No build is waiting for approval."
    domain(find_waiting=WAITING)
    assert alexa.say("approve_build", number="?").endswith("shall I approve it, so that it goes live?")
    assert "f1: 0.95, then 0.97\nWithout an answer until " in alexa.card


@pytest.mark.parametrize(
    ("request_name", "approved", "said"),
    [
        ("approve_build", True, "Build 12 is approved, and goes on to deployment."),
        ("reject_build", False, "Build 12 is rejected, and what is live stays live."),
    ],
)
def test_a_build_that_waits_is_answered(
    alexa: Conversation, domain: Answers, monkeypatch: pytest.MonkeyPatch, request_name: str, approved: bool, said: str
) -> None:
    answers: list[tuple[int, bool]] = []
    domain(find_waiting=WAITING)

    def answer(number: int, *, approved: bool) -> bool:
        answers.append((number, approved))
        return True

    monkeypatch.setattr(builds, "answer_approval", answer)
    alexa.say(request_name)
    assert alexa.say("yes") == said
    assert answers == [(12, approved)]
    domain(answer_approval=False)
    alexa.say(request_name)
    assert alexa.say("yes") == "Build 12 is not waiting for an answer."


@pytest.mark.parametrize("request_name", ["approve_build", "reject_build"])
def test_a_no_leaves_the_build_waiting(
    alexa: Conversation, domain: Answers, monkeypatch: pytest.MonkeyPatch, request_name: str
) -> None:
    domain(find_waiting=WAITING)
    monkeypatch.setattr(builds, "answer_approval", lambda **_given: pytest.fail("an answer was given"))
    alexa.say(request_name)
    assert alexa.say("no") == "All right, I changed nothing, and build 12 goes on waiting."
    assert not alexa.is_open


COST = Cost(None, None, None, "2026-11-01", ("Storage is left out.",))


@pytest.mark.parametrize(
    ("ended", "cost", "said"),
    [
        (False, replace(COST, spent=0.12, maximum=0.46), "So far, the training of build 12 has cost about 12 cents."),
        (
            False,
            replace(COST, spent=0.0, maximum=1.5),
            "Nothing yet, and the training of build 12 costs at most 1.50 doll",
        ),
        (False, replace(COST, spent=0.0, maximum=0.0), "Build 12 has paid for no training."),
        (False, COST, "I can't tell what build 12 costs, because I know no price for it."),
        (True, replace(COST, spent=123.4, maximum=200.0), "The training of build 12 cost about 123 dollars."),
        (True, replace(COST, spent=0.0, maximum=0.46), "Build 12 has paid for no training."),
        (True, COST, "I can't tell what build 12 costs, because I know no price for it."),
    ],
)
def test_what_a_build_costs_is_told(alexa: Conversation, domain: Answers, ended: bool, cost: Cost, said: str) -> None:
    record = a_record(12) if ended else a_record(12, "running", ended_at="")
    domain(describe_cost=(record, cost))
    assert alexa.say("estimate_cost").startswith(said)
    assert alexa.card.endswith("Storage is left out.")


def test_the_card_has_all_that_is_known_of_a_cost(alexa: Conversation, domain: Answers) -> None:
    domain(describe_cost=(a_record(12), replace(COST, spent=0.12, maximum=0.46, endpoint_hourly=1.25)))
    alexa.say("estimate_cost")
    assert alexa.card == (
        "Build 12\nEstimated with prices of 2026-11-01\nTraining: about 12 cents\nAt most: 46 cents\n"
        "Endpoint: 1.25 dollars an hour\nStorage is left out."
    )


def test_the_cost_of_no_build_is_told_so(alexa: Conversation, domain: Answers) -> None:
    domain(describe_cost=None)
    assert alexa.say("estimate_cost") == "There is no build 12."
    assert alexa.say("estimate_cost", number="?") == "There has been no build yet."


# Other languages and screens


def test_what_is_english_is_marked_so_in_other_languages(alexa: Conversation, domain: Answers) -> None:
    domain(describe_latest_build=RUNNING)
    assert alexa.say("check_status", locale="de-DE").startswith(
        "Er läuft noch: Dein Build ist beim Schritt Train Model"
    )
    assert '<lang xml:lang="en-US">Train Model</lang>' in alexa.response["response"]["outputSpeech"]["ssml"]
    assert "Schritt: Train Model" in alexa.card


def test_numbers_have_the_decimal_sign_of_the_language(alexa: Conversation, domain: Answers) -> None:
    domain(list_builds=[a_record(11, metrics={"f1": 0.97})])
    assert alexa.say("read_metrics", locale="de-DE") == "Build 11 kommt bei f1 auf 0,97."


@pytest.mark.parametrize(
    ("build", "states"),
    [
        (RUNNING, ["done", "running", "ahead", "ahead"]),
        (ENDED, ["done", "done", "done", "done"]),
        (replace(ENDED, outcome="failed", step="Check Endpoint"), ["done", "done", "failed", "ahead"]),
        (replace(ENDED, outcome="stopped", step="Plan Build"), ["failed", "ahead", "ahead", "ahead"]),
        (replace(ENDED, outcome="withheld", step="Ask For Approval"), ["done", "done", "withheld", "ahead"]),
        (replace(RUNNING, step="Ask For Approval", awaits_approval=True), ["done", "done", "running", "ahead"]),
    ],
)
def test_a_screen_shows_the_progress(
    monkeypatch: pytest.MonkeyPatch, domain: Answers, build: BuildStatus, states: list[str]
) -> None:
    monkeypatch.setenv("SKILL_ID", SKILL_ID)
    domain(describe_latest_build=build, read_access=Access())
    envelope = load_request("check_status")
    envelope["context"]["System"]["device"]["supportedInterfaces"] = {
        "Alexa.Presentation.APL": {"runtime": {"maxVersion": "2023.3"}}
    }
    (directive,) = handler(envelope, None)["response"]["directives"]
    assert directive["type"] == "Alexa.Presentation.APL.RenderDocument"
    assert directive["datasources"]["build"]["title"] == "Build 12"
    assert [phase["state"] for phase in directive["datasources"]["build"]["phases"]] == states
    assert directive["document"]["type"] == "APL"


def test_without_a_screen_there_is_no_picture(alexa: Conversation, domain: Answers) -> None:
    domain(describe_latest_build=RUNNING)
    alexa.say("check_status")
    assert "directives" not in alexa.response["response"]


# Who may speak

ACCOUNT, PERSON = "amzn1.ask.account.AEXAMPLEUSER", "amzn1.ask.person.P"
READS = ["check_status", "estimate_time", "describe_build", "read_metrics", "compare_builds", "explain_failure"]
READS += ["list_builds", "read_parameter", "request_notice", "estimate_cost"]
WRITES = ["start_build", "stop_build", "set_parameter", "roll_back", "approve_build", "reject_build"]


@pytest.mark.parametrize("request_name", READS + WRITES)
def test_who_is_on_no_list_hears_nothing(alexa: Conversation, domain: Answers, request_name: str) -> None:
    domain(read_access=Access(readers=(PERSON,)))
    assert alexa.say(request_name).startswith("Sorry, I don't know this voice, so I can't tell you")


@pytest.mark.parametrize("request_name", WRITES)
def test_an_unknown_voice_may_only_read(alexa: Conversation, domain: Answers, request_name: str) -> None:
    domain(read_access=Access(writers=(PERSON,)), describe_latest_build=ENDED)
    assert "you may ask how the build is going" in alexa.say(request_name)
    assert alexa.say("check_status").startswith("Done")


def test_a_known_voice_may_write(monkeypatch: pytest.MonkeyPatch, domain: Answers) -> None:
    monkeypatch.setenv("SKILL_ID", SKILL_ID)

    def send(envelope: dict[str, Any]) -> dict[str, Any]:
        envelope["context"]["System"]["person"] = {"personId": PERSON}
        return handler(envelope, None)

    domain(read_access=Access(writers=(PERSON,)), describe_next_build=NEXT, start_build=Launched(13, started=True))
    alexa = Conversation(send)
    alexa.say("start_build")
    assert alexa.say("yes") == "Build 13 has started."


def test_a_yes_of_another_voice_does_nothing(
    alexa: Conversation, domain: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain(describe_next_build=NEXT)
    monkeypatch.setattr(builds, "start_build", lambda *_given: pytest.fail("a build was started"))
    alexa.say("start_build")
    domain(read_access=Access(writers=(PERSON,)))
    assert alexa.say("yes").startswith("Sorry, I don't know this voice")


def test_nothing_is_allowed_while_aws_does_not_tell_who_may(
    alexa: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Access:
        raise SpokenError(Sentence("error.access"))

    monkeypatch.setattr(builds, "read_access", fail)
    assert "I let nobody in" in alexa.say("check_status")
    assert alexa.say("help").endswith("which shall it be?")


def test_logs_hold_no_id_of_a_person(alexa: Conversation, domain: Answers, caplog: pytest.LogCaptureFixture) -> None:
    domain(describe_latest_build=RUNNING)
    alexa.say("check_status")
    assert "CheckStatusIntent" in caplog.text
    assert "AEXAMPLE" not in caplog.text


# The PIN


@pytest.fixture
def guarded(alexa: Conversation, domain: Answers) -> None:  # noqa: ARG001
    domain(
        read_access=Access(pin="4711"),
        propose_change=Change("trainvolumesize", "10", "20"),
        apply_change=True,
        plan_rollback=RollbackPlan(11, 12, "sagebuild-12"),
        roll_back=Launched(13, started=True),
        find_waiting=WAITING,
        answer_approval=True,
    )


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("request_name", "done"),
    [("set_parameter", "Done:"), ("roll_back", "Build 13 has started"), ("approve_build", "Build 12 is approved")],
)
def test_the_pin_follows_the_yes(alexa: Conversation, domain: Answers, request_name: str, done: str) -> None:
    domain(check_pin=None)
    alexa.say(request_name)
    assert alexa.say("yes") == "That needs your PIN: what are its four digits?"
    assert "4711" not in str(alexa.response)
    assert alexa.say("give_pin").startswith(done)


@pytest.mark.usefixtures("guarded")
def test_a_wrong_pin_changes_nothing(alexa: Conversation, domain: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "apply_change", lambda *_given: pytest.fail("the parameter was set"))
    alexa.say("set_parameter")
    alexa.say("yes")
    domain(check_pin=2)
    assert alexa.say("give_pin").startswith("That is not the PIN, and you have 2 more tries")
    domain(check_pin=1)
    assert alexa.say("give_pin").startswith("That is not the PIN, and you have one more try")
    domain(check_pin=0)
    assert alexa.say("give_pin").startswith("There were too many wrong PINs")
    assert not alexa.is_open


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("request_name", ["yes", "fallback", "repeat"])
def test_only_a_pin_answers_the_question_for_it(
    alexa: Conversation, monkeypatch: pytest.MonkeyPatch, request_name: str
) -> None:
    monkeypatch.setattr(builds, "apply_change", lambda *_given: pytest.fail("the parameter was set"))
    alexa.say("set_parameter")
    alexa.say("yes")
    assert alexa.say(request_name).endswith("?")


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("request_name", ["stop", "cancel", "no"])
def test_a_stop_at_the_pin_changes_nothing(
    alexa: Conversation, monkeypatch: pytest.MonkeyPatch, request_name: str
) -> None:
    monkeypatch.setattr(builds, "apply_change", lambda *_given: pytest.fail("the parameter was set"))
    alexa.say("set_parameter")
    alexa.say("yes")
    assert alexa.say(request_name).startswith("All right, I changed nothing")
    assert not alexa.is_open


def test_a_pin_that_nobody_asked_for_is_not_looked_at(alexa: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "check_pin", lambda _given: pytest.fail("an attempt was counted"))
    assert alexa.say("give_pin").startswith("I asked for no PIN")


def test_a_yes_after_a_stray_pin_is_no_yes_to_the_question_before_it(
    alexa: Conversation, domain: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain(describe_next_build=NEXT)
    monkeypatch.setattr(builds, "start_build", lambda *_given: pytest.fail("a build was started"))
    alexa.say("start_build")
    alexa.say("give_pin")
    assert alexa.say("yes").startswith("Gladly, but which is it")


@pytest.mark.usefixtures("guarded")
def test_what_changes_nothing_live_needs_no_pin(alexa: Conversation, domain: Answers) -> None:
    domain(describe_next_build=NEXT, start_build=Launched(13, started=True))
    alexa.say("start_build")
    assert alexa.say("yes") == "Build 13 has started."
    alexa.say("reject_build")
    assert alexa.say("yes").startswith("Build 12 is rejected")
