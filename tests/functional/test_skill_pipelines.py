"""Conversations with the skill about a stack with several pipelines, on moto."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import read_build, update_build
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.parameters.store import read_document
from sagebuild.service import Service
from skill.speech import Sentence, write
from tests.alexa import Conversation
from tests.functional.conftest import Stack
from tests.functional.test_pipelines import VOICE, create
from tests.functional.test_spoken_names import DOCUMENT, create_pipeline
from tools.generate_interaction_models import list_languages, read_language


@pytest.fixture
def fraud(stack: Stack) -> Service:
    """The pipeline fraud, which people also call "card fraud"."""
    return create_pipeline(stack.service, "fraud", "card fraud")


@pytest.fixture
def churn(stack: Stack) -> Service:
    """The pipeline customer-churn, which people also call "churn"."""
    return create_pipeline(stack.service, "customer-churn", "churn")


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count the AWS calls of the skill, by operation."""
    calls: Counter[str] = Counter()
    skill = Service.from_environment()
    clients = (skill.dynamodb, skill.ssm, skill.stepfunctions, skill.sagemaker)

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    for client in clients:
        client.meta.events.register("before-call", count)
    yield calls
    for client in clients:
        client.meta.events.unregister("before-call", count)


def fail_build(bound: Service) -> int:
    """A build that failed."""
    number = launch_build(bound, VOICE).number
    finish_build(bound, number, Ending("FAILED", cause="The script ended with 1."), lambda _: None)
    return number


# A named pipeline


@pytest.mark.usefixtures("churn", "fraud")
@pytest.mark.parametrize("said", ["fraud", "Fraud", "card fraud"])
def test_a_named_pipeline_is_started(stack: Stack, alexa: Conversation, said: str) -> None:
    question = alexa.say("start_build", pipeline=said)
    assert question.startswith("Build 1 of fraud would train on one m5 large instance for up to 4 hours")
    assert alexa.say("yes") == "Build 1 of fraud has started."
    assert alexa.card.startswith("Build 1 of fraud\n")
    assert stack.executions() == ["build-fraud_1"]


def test_hyphens_are_spoken_as_spaces(alexa: Conversation, churn: Service) -> None:
    launch_build(churn, VOICE)
    assert alexa.say("stop_build", pipeline="customer churn").startswith("If I stop build 1 of customer churn, its")


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-GB", "Build 1 of fraud failed just now, before its first step: The script ended with 1."),
        ("de-DE", "Build 1 von fraud ist gerade eben vor dem ersten Schritt fehlgeschlagen"),
        ("es-ES", "El build 1 de fraud"),
        ("fr-FR", "Le build 1 de fraud"),
        ("it-IT", "La build 1 di fraud"),
        ("ja-JP", "ビルド、fraudの1番は"),
    ],
)
def test_answers_name_the_pipeline_in_the_language(alexa: Conversation, fraud: Service, locale: str, said: str) -> None:
    fail_build(fraud)
    assert alexa.say("check_status", locale, pipeline="fraud").startswith(said)
    assert alexa.say("explain_failure", locale, pipeline="fraud").startswith(said)


@pytest.mark.parametrize("language", list_languages())
def test_every_language_names_the_pipeline(alexa: Conversation, fraud: Service, language: str) -> None:
    (locale, *_) = read_language(language)["locales"]
    fail_build(fraud)
    assert write(Sentence("build.of", number=1, pipeline="fraud"), locale) in alexa.say(
        "check_status", locale, pipeline="fraud"
    )
    assert "fraud" in alexa.say("estimate_time", locale, pipeline="fraud")
    assert "fraud" in alexa.say("start_build", locale, pipeline="fraud")
    assert "fraud" in alexa.say("yes", locale)
    assert "fraud" in alexa.say("list_running", locale)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-US", "About fraud: No build is running right now."),
        ("de-DE", "Zu fraud: "),
        ("es-MX", "Sobre fraud: "),
        ("fr-CA", "Pour fraud : "),
        ("it-IT", "Per fraud: "),
        ("ja-JP", "fraudについて。"),
    ],
)
@pytest.mark.usefixtures("fraud")
def test_answers_without_a_number_begin_with_the_pipeline(alexa: Conversation, locale: str, said: str) -> None:
    assert alexa.say("estimate_time", locale, pipeline="fraud").startswith(said)


@pytest.mark.usefixtures("fraud")
def test_the_default_pipeline_has_a_name_too(alexa: Conversation, stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    assert alexa.say("check_status", pipeline="default").startswith("Build 1 started just now")
    assert alexa.say("check_status", "de-DE", pipeline="default").startswith("Build 1 hat gerade eben begonnen")


def test_parameters_belong_to_the_pipeline(stack: Stack, alexa: Conversation, fraud: Service) -> None:
    stack.service.ssm.put_parameter(Name=stack.service.settings.access_name, Value='{"pin": "4711"}', Type="String")
    slots = {"parameter": "trainvolumesize", "number": "20"}
    assert alexa.say("set_parameter", pipeline="fraud", **slots).startswith("About fraud: That changes the training")
    assert alexa.say("yes").startswith("That needs your PIN")
    assert alexa.say("give_pin", pin="4711").startswith("About fraud: Done: the training disk")
    assert json.loads(read_document(fraud))["trainvolumesize"] == 20
    assert "trainvolumesize" not in json.loads(read_document(stack.service))


def test_an_error_names_the_pipeline(alexa: Conversation, fraud: Service) -> None:
    launch_build(fraud, VOICE)
    assert alexa.say("roll_back", pipeline="fraud") == (
        "About fraud: A build is still running, so please stop it first, or ask again when it has ended."
    )


@pytest.mark.usefixtures("fraud")
def test_a_notice_is_limited_to_the_pipeline(alexa: Conversation) -> None:
    alexa.say("request_notice", pipeline="fraud")
    assert alexa.card.startswith("Messages about builds of fraud\n")
    assert """--attributes '{"FilterPolicy": "{\\"pipeline\\": [\\"fraud\\"]}"}'""" in alexa.card


def test_an_approval_answers_for_the_pipeline(alexa: Conversation, stack: Stack, fraud: Service) -> None:
    for bound in (stack.service, fraud):
        launch_build(bound, VOICE)
        waiting: dict[str, Any] = {"approval_until": "2030-01-01T00:00:00+00:00", "approval_token": "token"}
        update_build(bound, 1, status="running", parameters=json.dumps(DOCUMENT | {"approval": "manual"}), **waiting)
    assert alexa.say("reject_build", pipeline="fraud", number="1").startswith("Rejecting build 1 of fraud ends it")
    assert alexa.say("no") == "All right, I changed nothing, and build 1 of fraud is still waiting."
    alexa.say("reject_build", pipeline="fraud", number="1")
    alexa.say("yes")
    assert read_build(fraud, 1).approval == "rejected"
    assert read_build(stack.service, 1).approval != "rejected"


# A conversation


def test_a_conversation_stays_with_its_pipeline(stack: Stack, alexa: Conversation, fraud: Service) -> None:
    launch_build(stack.service, VOICE)
    fail_build(fraud)
    alexa.say("launch")
    assert alexa.say("check_status", pipeline="fraud").startswith("Build 1 of fraud failed")
    assert alexa.say("describe_build", number="1").startswith("Build 1 of fraud failed")
    assert alexa.say("start_build").startswith("Build 2 of fraud would train")
    assert alexa.say("repeat").startswith("Build 2 of fraud would train")
    assert alexa.say("yes").startswith("Build 2 of fraud has started.")
    assert alexa.say("check_status", pipeline="default").startswith("Build 1 started just now")
    assert alexa.say("check_status").startswith("Build 1 started just now")
    assert stack.executions() == ["build-1", "build-fraud_1", "build-fraud_2"]


def test_a_yes_acts_on_the_pipeline_of_the_question(
    stack: Stack, alexa: Conversation, fraud: Service, churn: Service
) -> None:
    for bound in (stack.service, fraud, churn):
        launch_build(bound, VOICE)
    alexa.say("launch")
    alexa.say("check_status", pipeline="fraud")
    alexa.say("stop_build", pipeline="churn")
    alexa.say("fallback")
    assert "build 1 of customer churn" in alexa.say("yes").replace("Build", "build")
    running = stack.service.stepfunctions.list_executions(
        stateMachineArn=stack.service.settings.state_machine_arn, statusFilter="RUNNING"
    )["executions"]
    assert sorted(execution["name"] for execution in running) == ["build-1", "build-fraud_1"]


@pytest.mark.usefixtures("fraud", "churn")
def test_a_question_survives_a_change_of_subject(stack: Stack, alexa: Conversation) -> None:
    alexa.say("launch")
    alexa.say("start_build", pipeline="fraud")
    heard = alexa.say("check_status", pipeline="churn")
    assert heard.startswith("About customer churn: There has been no build yet.")
    assert heard.endswith("Shall I start build 1 of fraud, yes or no?")
    assert alexa.say("yes").startswith("Build 1 of fraud has started.")
    assert stack.executions() == ["build-fraud_1"]


def test_a_pipeline_that_is_removed_before_the_yes_is_not_started(
    stack: Stack, alexa: Conversation, fraud: Service
) -> None:
    alexa.say("start_build", pipeline="fraud")
    state = read_state(fraud)
    change_state(fraud, state, replace(state, removed_at="2026-01-01T00:00:00+00:00"))
    assert alexa.say("yes").startswith("About fraud: That did not work: ")
    assert stack.executions() == []
    assert alexa.say("check_status", pipeline="fraud").startswith("I know no pipeline fraud: there is only the default")


# Without a name


@pytest.mark.usefixtures("fraud", "churn")
def test_without_a_name_the_skill_asks_which_pipeline(stack: Stack, alexa: Conversation) -> None:
    slots = {"parameter": "trainvolumesize", "number": "20"}
    assert alexa.say("start_build", **slots) == "Which pipeline do you mean: customer churn or fraud?"
    assert alexa.say("repeat") == "Which pipeline do you mean: customer churn or fraud?"
    question = alexa.say("choose_pipeline", pipeline="churn")
    assert question.startswith("Build 1 of customer churn would train on one m5 large")
    assert question.endswith("that's a 20 gigabyte training disk. Shall I start it?")
    assert alexa.say("yes") == "Build 1 of customer churn has started."
    assert stack.executions() == ["build-customer-churn_1"]


@pytest.mark.usefixtures("fraud", "churn")
def test_a_request_that_waited_for_the_pipeline_still_asks_for_its_value(alexa: Conversation) -> None:
    assert alexa.say("set_parameter", parameter="trainvolumesize").startswith("Which pipeline do you mean")
    assert alexa.say("choose_pipeline", pipeline="fraud").endswith("What should the training disk be, in gigabytes?")
    found = alexa.response["response"]["directives"]
    (asked,) = [directive for directive in found if directive["type"] == "Dialog.ElicitSlot"]
    assert asked["slotToElicit"] == "number"
    intent = asked["updatedIntent"]
    assert (intent["name"], intent["slots"]["parameter"]["value"]) == ("SetParameterIntent", "trainvolumesize")


@pytest.mark.usefixtures("fraud", "churn")
@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("de-DE", "Welche Pipeline meinst du: customer churn oder fraud?"),
        ("es-ES", "¿A qué pipeline te refieres: customer churn o fraud?"),
        ("fr-FR", "De quel pipeline parlez-vous : customer churn ou fraud ?"),
        ("it-IT", "Quale pipeline intendi: customer churn o fraud?"),
        ("ja-JP", "どのパイプラインのことですか。customer churn、それともfraud、どれですか"),
    ],
)
def test_the_question_is_asked_in_each_language(alexa: Conversation, locale: str, said: str) -> None:
    assert alexa.say("check_status", locale).startswith(said)


@pytest.mark.usefixtures("churn")
def test_without_a_name_a_used_default_pipeline_is_meant(stack: Stack, alexa: Conversation) -> None:
    launch_build(stack.service, VOICE)
    assert alexa.say("check_status").startswith("Build 1 started just now")


def test_without_a_name_the_only_used_pipeline_is_meant(alexa: Conversation, fraud: Service) -> None:
    fail_build(fraud)
    assert alexa.say("check_status").startswith("Build 1 of fraud failed")


def test_a_name_alone_asks_for_the_status(alexa: Conversation, fraud: Service) -> None:
    fail_build(fraud)
    assert alexa.say("choose_pipeline", pipeline="fraud").startswith("Build 1 of fraud failed")


# Names that the stack does not have


@pytest.mark.usefixtures("fraud", "churn")
def test_an_unknown_name_is_answered_with_the_known_ones(stack: Stack, alexa: Conversation) -> None:
    launch_build(stack.service, VOICE)
    question = "I know no pipeline sales: do you mean the default pipeline, customer churn or fraud?"
    assert alexa.say("start_build", pipeline="sales") == question
    assert alexa.say("choose_pipeline", pipeline="prices") == question.replace("sales", "prices")
    assert alexa.say("choose_pipeline", pipeline="fraud").startswith("Build 1 of fraud would train")


@pytest.mark.usefixtures("fraud")
def test_an_ambiguous_name_is_asked_about(stack: Stack, alexa: Conversation) -> None:
    create_pipeline(stack.service, "fraud-2", "card fraud")
    assert alexa.say("check_status", pipeline="card fraud") == "Which pipeline do you mean: fraud or fraud 2?"


def test_many_names_are_counted(stack: Stack, alexa: Conversation) -> None:
    for number in range(1, 9):
        create(stack.service, f"m{number}")
    assert alexa.say("check_status") == "Which pipeline do you mean: m1, m2, m3, m4, m5, or one of 3 more?"


def test_a_stack_with_one_pipeline_has_no_other(alexa: Conversation) -> None:
    assert alexa.say("check_status", pipeline="sales") == (
        "I know no pipeline sales: there is only the default one, so please ask again without a name."
    )


# The builds that run


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-IN", "2 builds are running: build 1 of the default pipeline and build 1 of customer churn."),
        ("de-DE", "2 Builds laufen: Build 1 der Standard-Pipeline und Build 1 von customer churn."),
        ("ja-JP", "実行中のビルドは2件です。デフォルトのパイプラインのビルド1とcustomer churnのビルド1です。"),
    ],
)
@pytest.mark.usefixtures("fraud")
def test_the_running_builds_are_listed(
    stack: Stack, alexa: Conversation, churn: Service, locale: str, said: str
) -> None:
    for bound in (stack.service, churn, churn):
        launch_build(bound, VOICE)
    with counting() as calls:
        assert alexa.say("list_running", locale) == said
    assert calls == {"GetParameter": 1, "Query": 1}
    assert len(alexa.card.splitlines()) == 3


def test_without_pipelines_the_running_build_needs_no_name(stack: Stack, alexa: Conversation) -> None:
    assert alexa.say("list_running") == "No build is running right now."
    launch_build(stack.service, VOICE)
    assert alexa.say("list_running") == "Build 1 is running."


# What Alexa and AWS get


@pytest.mark.usefixtures("churn", "fraud")
def test_alexa_learns_the_names_as_dynamic_entities(alexa: Conversation) -> None:
    alexa.say("launch")
    assert alexa.entities == {}
    alexa.say("check_status", pipeline="fraud")
    assert alexa.entities == {
        **{"fraud": "fraud", "card fraud": "fraud"},
        **{"customer churn": "customer-churn", "churn": "customer-churn"},
    }
    assert alexa.say("check_status", pipeline="churn").startswith("About customer churn: There has been no build yet.")


@pytest.mark.usefixtures("fraud")
def test_an_answer_that_closes_the_session_has_no_entities(alexa: Conversation) -> None:
    alexa.say("check_status", pipeline="fraud")
    assert not alexa.is_open
    assert alexa.entities == {}


def test_a_conversation_reads_the_pipelines_once(stack: Stack, alexa: Conversation) -> None:
    launch_build(stack.service, VOICE)
    alexa.say("launch")
    with counting() as first:
        alexa.say("stop_build")
    with counting() as second:
        alexa.say("stop_build")
    # The pipelines, who may speak, and the hyperparameters.
    assert first - second == {"Query": 1, "GetParameter": 2}
    assert alexa.entities == {}


def test_two_hundred_pipelines_cost_no_more_calls(stack: Stack, alexa: Conversation, fraud: Service) -> None:
    fail_build(fraud)
    alexa.say("check_status", pipeline="fraud")  # reads who may speak
    with counting() as few:
        alexa.say("check_status", pipeline="fraud")
    for number in range(200):
        create(stack.service, f"model-{number}")
    with counting() as many:
        assert alexa.say("check_status", pipeline="fraud").startswith("Build 1 of fraud failed")
    assert many - few == few - many == {}
