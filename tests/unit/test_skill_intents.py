"""What the intents that read answer; fakes stand in for the functions of sagebuild."""

from dataclasses import replace

import pytest

from sagebuild.builds import records
from sagebuild.builds.lock import Pending, PipelineState
from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.builds.status import BuildStatus
from sagebuild.cost.spent import Cost
from sagebuild.errors import BuildNotFoundError
from sagebuild.voice.access import Access
from sagebuild.voice.comparison import Comparison
from sagebuild.voice.forecast import Estimate
from skill.app import handler
from tests.alexa import Conversation, load_request
from tests.unit.skill_domain import ENDED, NEXT, RUNNING, Domain, a_record


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (None, "No build is running right now."),
        (Estimate(12, None), "I can't tell, because no build has succeeded yet to compare it with."),
        (Estimate(12, 40.0), "About 40 seconds to go."),
        (Estimate(12, 275.0), "About 5 minutes to go."),
        (Estimate(12, 7300.0), "About 2 hours to go."),
        (Estimate(12, 40.0, awaits_approval=True), "That depends on you: the build is waiting for your approval."),
        (Estimate(12, -5.0), "It has already taken longer than usual, so it should be done any moment."),
    ],
)
def test_the_time_left_is_an_estimate(
    alexa: Conversation, domain: Domain, estimate: Estimate | None, said: str
) -> None:
    domain(estimate_time=estimate)
    assert alexa.say("estimate_time").startswith(said)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (RUNNING, "Build 12 is training. It started 3 hours ago."),
        (ENDED, "Build 12 succeeded 3 hours ago. It took 3 minutes."),
        (replace(ENDED, outcome="failed", step="Plan Build"), "Build 12 failed 3 hours ago at the step Plan Build."),
        (replace(ENDED, outcome="failed"), "Build 12 failed 3 hours ago, before its first step."),
        (
            replace(ENDED, outcome="stopped", step="Train Model"),
            "Build 12 was stopped 3 hours ago at the step Train Model.",
        ),
        (replace(ENDED, outcome="stopped"), "Build 12 was stopped 3 hours ago, before its first step."),
        (replace(RUNNING, step=None), "Build 12 started 3 hours ago and has not reached its first step."),
        (replace(ENDED, restores=11), "Build 11 went live again 3 hours ago."),
        (replace(ENDED, outcome="withheld"), "Build 12 ended 3 hours ago and was not deployed."),
        (replace(ENDED, outcome="lost"), "Build 12 ended 3 hours ago as lost."),
        (replace(RUNNING, awaits_approval=True), "Build 12 started 3 hours ago and is waiting for approval."),
        (None, "There is no build 12."),
    ],
)
def test_a_build_is_described(alexa: Conversation, domain: Domain, build: BuildStatus | None, said: str) -> None:
    domain(describe_build=build)
    assert alexa.say("describe_build") == said


def test_without_a_number_the_latest_build_is_described(alexa: Conversation, domain: Domain) -> None:
    domain(describe_latest_build=RUNNING)
    assert alexa.say("describe_build", number="").startswith("Build 12 is training.")
    domain(describe_latest_build=None)
    assert alexa.say("describe_build", number="") == "There has been no build yet."


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
def test_one_metric_is_said(alexa: Conversation, domain: Domain, records: list[BuildRecord], said: str) -> None:
    domain(list_builds=records)
    assert alexa.say("read_metrics") == said


def test_the_card_has_all_metrics(alexa: Conversation, domain: Domain) -> None:
    domain(list_builds=[a_record(11, metrics={"loss": 2.0, "accuracy": 0.97})])
    alexa.say("read_metrics")
    assert alexa.card == "Build 11\naccuracy: 0.97\nloss: 2"


@pytest.mark.parametrize(
    ("comparison", "other", "said"),
    [
        (Comparison(None, None, {}), "last", "There are no two builds with metrics yet that I could compare."),
        (Comparison(12, None, {}), "live", "None of the last builds with metrics is live, so I have nothing"),
        (Comparison(12, 12, {}), "live", "Build 12 is the live build."),
        (Comparison(12, 11, {}), "last", "Builds 12 and 11 have no metric in common."),
        (Comparison(12, 11, {"f1": (0.5, 0.75)}), "last", "For f1, build 12 is 0.25 higher than build 11."),
        (Comparison(12, 11, {"f1": (0.75, 0.5)}), "last", "For f1, build 12 is 0.25 lower than build 11."),
        (Comparison(12, 11, {"f1": (0.5, 0.5)}), "last", "For f1, builds 12 and 11 are the same."),
    ],
)
def test_builds_are_compared(
    alexa: Conversation, domain: Domain, comparison: Comparison, other: str, said: str
) -> None:
    domain(compare_builds=comparison)
    assert alexa.say("compare_builds", other=other).startswith(said)


def test_a_failure_is_explained(alexa: Conversation, domain: Domain) -> None:
    failed = replace(ENDED, number=11, outcome="failed", step="Train Model", reason="The script ended with 1.")
    domain(list_builds=[a_record(12), a_record(11, "failed")], describe_build=failed)
    assert (
        alexa.say("explain_failure") == "Build 11 failed 3 hours ago at the step Train Model: The script ended with 1."
    )
    domain(describe_build=replace(failed, step=None))
    assert (
        alexa.say("explain_failure") == "Build 11 failed 3 hours ago, before its first step: The script ended with 1."
    )
    domain(list_builds=[a_record(12)])
    assert alexa.say("explain_failure") == "None of the last builds has failed."


def test_a_withheld_build_is_not_reported_as_failed(alexa: Conversation, domain: Domain) -> None:
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
        ({"count": "3", "outcome": "stopped"}, "None of the last 3 builds was stopped."),
        ({"count": "", "outcome": "succeeded"}, "2 of the last 4 builds succeeded."),
        ({"count": "3", "outcome": "withheld"}, "None of the last 3 builds was held back."),
    ],
)
def test_builds_are_counted_by_outcome(alexa: Conversation, domain: Domain, slots: dict[str, str], said: str) -> None:
    domain(
        list_builds=[
            a_record(n, status) for n, status in ((4, "failed"), (3, "succeeded"), (2, "failed"), (1, "succeeded"))
        ]
    )
    assert alexa.say("list_builds", **slots) == said
    assert "4: failed, started " in alexa.card


def test_a_parameter_is_read(alexa: Conversation, domain: Domain) -> None:
    domain(read_parameter="ml.m5.large")
    assert alexa.say("read_parameter") == "The training disk is m5 large."
    assert alexa.say("read_parameter", parameter="weather").endswith("what did you mean?")


@pytest.mark.parametrize(
    ("count", "said"), [(0, "nobody gets a message yet"), (1, "one subscriber gets"), (3, "3 subscribers get")]
)
def test_the_number_of_subscribers_is_said(alexa: Conversation, domain: Domain, count: int, said: str) -> None:
    domain(count_listeners=count, estimate_time=None)
    answer = alexa.say("request_notice")
    assert answer.startswith("I can't call you myself")
    assert said in answer
    assert "--topic-arn arn:aws:sns:eu-west-1:123456789012:results" in alexa.card


COST = Cost(None, None, None, "2026-11-01", ("Storage is left out.",))


@pytest.mark.parametrize(
    ("ended", "cost", "said"),
    [
        (False, replace(COST, spent=0.12, maximum=0.46), "So far, build 12 has cost about 12 cents."),
        (
            False,
            replace(COST, spent=0.0, maximum=1.5),
            "Nothing so far, and build 12 will cost at most one dollar and 50",
        ),
        (False, replace(COST, spent=0.0, maximum=0.0), "Build 12 ran no paid jobs, so it cost nothing."),
        (False, COST, "I can't tell what build 12 costs, because I know no price for it."),
        (True, replace(COST, spent=123.4, maximum=200.0), "Build 12 cost about 123 dollars."),
        (True, replace(COST, spent=0.0, maximum=0.46), "Build 12 ran no paid jobs, so it cost nothing."),
        (True, COST, "I can't tell what build 12 costs, because I know no price for it."),
    ],
)
def test_the_cost_of_a_build_is_said(alexa: Conversation, domain: Domain, ended: bool, cost: Cost, said: str) -> None:
    record = a_record(12) if ended else a_record(12, "running", ended_at="")
    domain(read_build=record, describe_cost=cost)
    assert alexa.say("estimate_cost").startswith(said)
    assert alexa.card.endswith("Storage is left out.")


def test_the_card_has_every_known_cost(alexa: Conversation, domain: Domain) -> None:
    cost = replace(COST, spent=0.12, maximum=0.46, endpoint_hourly=1.25)
    domain(read_build=a_record(12), describe_cost=cost)
    alexa.say("estimate_cost")
    assert alexa.card == (
        "Build 12\nEstimated with prices of 2026-11-01\nJobs: about $0.12\nAt most: $0.46\n"
        "Endpoint: $1.25 an hour\nStorage is left out."
    )


def test_the_cost_of_a_build_that_does_not_exist(alexa: Conversation, domain: Domain) -> None:
    domain(read_build=BuildNotFoundError())
    assert alexa.say("estimate_cost") == "There is no build 12."
    domain.fake(records, "list_builds", [])
    assert alexa.say("estimate_cost", number="") == "There has been no build yet."


def test_without_a_number_the_cost_is_that_of_the_latest_build(alexa: Conversation, domain: Domain) -> None:
    domain.fake(records, "list_builds", [a_record(12)])
    domain(describe_cost=replace(COST, spent=0.12))
    assert alexa.say("estimate_cost", number="") == "Build 12 cost about 12 cents."


def test_english_text_is_marked_in_other_languages(alexa: Conversation, domain: Domain) -> None:
    domain(describe_latest_build=replace(ENDED, outcome="stopped", step="Train Model"))
    assert (
        alexa.say("check_status", locale="de-DE") == "Build 12 wurde vor 3 Stunden beim Schritt Train Model gestoppt."
    )
    assert '<lang xml:lang="en-US">Train Model</lang>' in alexa.response["response"]["outputSpeech"]["ssml"]
    assert "Schritt: Train Model" in alexa.card


@pytest.mark.parametrize(
    ("locale", "value"),
    [
        ("en-IN", "0.97"),
        ("de-DE", "0,97"),
        ("fr-CA", "0,97"),
        ("es-ES", "0,97"),
        ("es-MX", "0.97"),
        ("es-US", "0.97"),
        ("it-IT", "0,97"),
        ("pt-BR", "0,97"),
        ("ja-JP", "0.97"),
    ],
)
def test_numbers_have_the_decimal_sign_of_the_locale(
    alexa: Conversation, domain: Domain, locale: str, value: str
) -> None:
    domain(list_builds=[a_record(11, metrics={"f1": 0.97})])
    assert value in alexa.say("read_metrics", locale=locale)


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
def test_a_screen_shows_the_progress(domain: Domain, build: BuildStatus, states: list[str]) -> None:
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


def test_without_a_screen_there_is_no_picture(alexa: Conversation, domain: Domain) -> None:
    domain(describe_latest_build=RUNNING)
    alexa.say("check_status")
    assert "directives" not in alexa.response["response"]


def test_many_running_builds_are_counted(alexa: Conversation, domain: Domain) -> None:
    pending = Pending(Trigger("upload"), 1, "2026-01-01T00:00:00+00:00")
    states = [PipelineState(2, 2, pending, 1, pipeline=f"p{number}") for number in range(1, 8)]
    domain(list_states=[PipelineState(), *states])
    assert alexa.say("list_running") == (
        "7 builds are running: build 2 of p1, build 2 of p2, build 2 of p3, build 2 of p4, build 2 of p5 and 2 more."
    )
    assert alexa.card.startswith("Running builds\nbuild 2 of p1, and another one follows it\n")


def test_one_running_build_has_a_sentence_of_its_own(alexa: Conversation, domain: Domain) -> None:
    domain(list_states=[PipelineState(1), PipelineState(3, 3, None, 1, pipeline="fraud")])
    assert alexa.say("list_running") == "One build is running: build 3 of fraud."


def test_a_pipeline_is_chosen_for_the_request_that_waits(alexa: Conversation, domain: Domain) -> None:
    states = [PipelineState(version=1, pipeline=name) for name in ("churn", "fraud")]
    domain(list_states=[PipelineState(), *states], list_builds=[a_record(11, metrics={"f1": 0.97})])
    assert alexa.say("read_metrics") == "Which pipeline do you mean: churn or fraud?"
    assert alexa.say("choose_pipeline", pipeline="fraud") == "Build 11 of fraud reached 0.97 for f1."


def test_the_cost_of_the_next_build_is_the_maximum(alexa: Conversation, domain: Domain) -> None:
    domain.plan("start", replace(NEXT, cost=replace(COST, maximum=0.46)))
    assert alexa.say("estimate_next_cost") == "Build 13 would cost at most 46 cents."
    domain.plan("start", NEXT)
    assert alexa.say("estimate_next_cost") == "I can't tell what build 13 costs, because I know no price for it."
    scoring = replace(NEXT, trains=False, cost=replace(COST, maximum=0.3, has_steps=True))
    domain.plan("start", scoring)
    assert alexa.say("estimate_next_cost") == "Build 13 would cost at most 30 cents."
    domain.plan("start", replace(scoring, cost=replace(COST, maximum=None, has_steps=True)))
    assert alexa.say("estimate_next_cost") == "I can't tell what build 13 costs, because I know no price for it."
    domain.plan("start", replace(NEXT, trains=False))
    assert alexa.say("estimate_next_cost") == "Build 13 would run no paid jobs, so it costs nothing itself."
