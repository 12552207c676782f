"""The deployed skill, spoken to by virtual-alexa over HTTP and by `sagebuild.client.alexa`."""

import json
import os
from typing import Any

import pytest

from sagebuild.client.alexa import SkillUnreachableError, say
from sagebuild.service import Service
from tests.alexa import SKILL_ID
from tests.e2e.stack import NAME, DeployedStack, wait_until
from tests.virtual_alexa import converse
from tools.skill_package import find_skill


@pytest.fixture
def service(stack: DeployedStack) -> Service:
    """Return the stack's service as the command line connects to it."""
    return Service(os.environ | {"STACK_NAME": NAME, "AWS_REGION": "us-east-1"}, stack.client)


def test_whole_conversations_with_virtual_alexa(stack: DeployedStack) -> None:
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    before = stack.last_number()
    denied, left, started = converse(
        stack.ask_skill,
        [
            ["open", "start a build", "no", "no"],
            ["start a build", "stop"],
            ["open", "start a build because the labels changed", "yes", "is it done yet", "repeat", "cancel"],
        ],
    )
    assert [turn["open"] for turn in denied] == [True, True, True, False]
    assert denied[2]["heard"] == "All right, I changed nothing. Anything else?"
    assert [turn["open"] for turn in left] == [True, False]
    assert [turn["intent"] for turn in started] == [
        *("LaunchRequest", "StartBuildIntent", "AMAZON.YesIntent"),
        *("CheckStatusIntent", "AMAZON.RepeatIntent", "AMAZON.CancelIntent"),
    ]
    assert started[2]["heard"] == f"Build {before + 1} has started. Anything else?"
    assert started[3]["heard"].startswith(f"Build {before + 1} ")
    assert started[4]["heard"] == started[3]["heard"]
    assert stack.last_number() == before + 1
    assert stack.record(before + 1)["trigger"]["detail"].endswith("the labels changed")
    job = stack.wait_for_training(before + 1)

    kept, stopped = converse(stack.ask_skill, [["stop the build", "cancel"], ["stop the build", "yes"]])
    assert kept[1]["heard"].startswith("All right, I changed nothing")
    assert f"build {before + 1}" in stopped[1]["heard"].lower()
    assert "stop" in stopped[1]["heard"]
    wait_until(lambda: stack.describe_job(job)["TrainingJobStatus"] == "Stopped")
    stack.finish(before + 1)

    (turns,) = converse(
        stack.ask_skill,
        [
            [
                *("open", "is it done yet", "how long will it take", "give me the details", "read the metrics"),
                *("compare it with the live build", "why did the last build fail", "list my last 3 builds"),
                *("what is the training disk", "set the training disk to 20", "yes", "get the training disk"),
                *("notify me", "help", "stop"),
            ]
        ],
        "en-GB",
    )
    heard = [turn["heard"] for turn in turns]
    assert not [words for words in heard if "went wrong" in words or "can't reach" in words]
    assert [turn["open"] for turn in turns] == [True] * (len(turns) - 1) + [False]
    assert heard[8] == "The training disk is 10 gigabytes. Anything else?"
    assert heard[11] == "The training disk is 20 gigabytes. Anything else?"


def test_a_build_starts_with_the_parameters_said_for_it(stack: DeployedStack) -> None:
    stack.set_parameters(skiptrain=True, deployEndpoint=False)
    before = stack.last_number()
    said = [["start a build with the training disk set to 20", "yes"], ["what is the training disk"]]
    started, kept = converse(stack.ask_skill, said)
    assert started[0]["heard"].endswith("that's a 20 gigabyte training disk. Shall I start it?")
    assert started[1]["heard"] == f"Build {before + 1} has started."
    assert json.loads(stack.finish(before + 1)["overrides"]) == {"trainvolumesize": 20}
    assert kept[0]["heard"] == "The training disk is 10 gigabytes."


@pytest.mark.usefixtures("serving")
def test_a_build_that_waits_is_approved_and_rolled_back(stack: DeployedStack) -> None:
    assert stack.build()["status"] == "succeeded"  # the newest good model may be of another file's framework
    stack.set_parameters(skiptrain=True, approval="manual")
    live, number = stack.live_config(), stack.start_by_voice()
    wait_until(lambda: stack.record(number).get("approval_requested_at"))
    status, refused, cost, approved = converse(
        stack.ask_skill,
        [["is it done yet"], ["approve the build", "no"], ["what does it cost"], ["open", "approve it", "yes", "stop"]],
    )
    assert status[0]["heard"] == f"Build {number} is waiting for your approval. Shall I approve it, or reject it?"
    assert refused[0]["heard"].startswith(f"Build {number} reached ")
    assert refused[1]["heard"] == f"All right, I changed nothing, and build {number} is still waiting."
    assert cost[0]["heard"] == f"Build {number} ran no paid jobs, so it cost nothing."
    assert approved[2]["heard"] == f"Build {number} is approved, and goes on to deployment. Anything else?"
    record = stack.finish(number)
    assert (record["status"], record["reason"], record["approval_by"]) == ("succeeded", "", "voice")
    assert stack.live_config() != live

    wait_until(lambda: stack.read_lock().get("running") is None)
    (back,) = converse(stack.ask_skill, [["roll back", "yes"]])
    assert back[0]["heard"].startswith("That would put build ")
    assert back[0]["heard"].endswith(f" back live, instead of build {number}: shall I do it?")
    assert back[1]["heard"].startswith(f"Build {number + 1} has started and puts build ")
    assert stack.finish(number + 1)["status"] == "succeeded"
    assert stack.live_config() == live
    (turns,) = converse(stack.ask_skill, [["is it done yet"]])
    assert " went live again " in turns[0]["heard"]


def test_an_utterance_is_sent_to_the_skill(stack: DeployedStack, service: Service) -> None:
    before = stack.last_number()
    asked = say(service, "Alexa, ask sage build to start a build")
    assert asked.resolved.intent == "StartBuildIntent"
    assert asked.speech.endswith("Shall I start it?")
    answer = say(service, "no", session=asked.session)
    assert answer.speech == "All right, I changed nothing."
    assert answer.session is None
    assert stack.last_number() == before
    assert say(service, "Frage Build Assistent, ob mein Build fertig ist", "de-DE").speech.endswith(".")


def test_the_package_leads_to_the_deployed_function(stack: DeployedStack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, stack.engine.environment[name])
    assert find_skill(NAME) == (stack.outputs["AlexaSkillFunctionArn"], SKILL_ID)


def test_a_stack_without_a_skill_is_reported(stack: DeployedStack) -> None:
    other: dict[str, Any] = {"STACK_NAME": "sagebuild-other", "AWS_REGION": "us-east-1"}
    with pytest.raises(SkillUnreachableError, match="deploy the stack first"):
        say(Service(other, stack.client), "help")
