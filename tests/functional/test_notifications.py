"""Every notification fits into SNS's limit, and a lost answer of SNS sends no identical message."""

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from sagebuild.builds.records import BuildRecord, Trigger, now, read_build, update_build
from sagebuild.errors import AwsUnavailableError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.notifications.fitting import LARGEST_BYTES, write_fitting
from sagebuild.notifications.notify import build_facts
from sagebuild.service import Service, create_client
from sagebuild.steps.approval import request_approval
from tests.functional.conftest import REGION, Stack
from tests.functional.test_finish import never_sleep

BACKSLASHES = json.dumps({"hyperparameters": {"pattern": "\\" * 3600}})
VOICE = Trigger("voice")


def end(stack: Stack, **changes: Any) -> dict[str, Any]:
    """End build 1 with these values in its record, and return the facts of its notification."""
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, **changes)
    finish_build(stack.service, 1, Ending("SUCCEEDED"), never_sleep)
    (body,) = stack.read_notifications()
    facts: dict[str, Any] = json.loads(body)
    return facts


def test_a_notification_of_ordinary_size_is_complete(stack: Stack) -> None:
    facts = end(stack, overrides='{"trainmaxrun": 1}', notes=["one"])
    assert "shortened" not in facts
    assert facts["build"]["overrides"] == '{"trainmaxrun": 1}'


def test_overrides_full_of_backslashes_are_shortened_and_named(stack: Stack) -> None:
    assert len(BACKSLASHES) > 7000
    facts = end(stack, overrides=BACKSLASHES)
    assert facts["shortened"] == ["overrides"]
    assert facts["build"]["overrides"].endswith("more characters)")
    assert BACKSLASHES.startswith(facts["build"]["overrides"].partition(" ... (")[0])
    assert facts["text"].splitlines()[0].startswith("Build 1 of sagebuild-test succeeded after")
    assert "too long for SNS, so parts of it were left out (overrides); sagebuild show 1 prints all" in facts["text"]
    assert read_build(stack.service, 1).overrides == BACKSLASHES


@pytest.mark.parametrize("character", ["ж", "機", "😀", "\\", '"', "\x00", "\x1b", "\ud800", "\n"])
@pytest.mark.parametrize("scale", [1, 3])
def test_a_long_notification_fits(stack: Stack, character: str, scale: int) -> None:
    text = character * 4000 * scale
    record = BuildRecord(
        1,
        Trigger("topic", text),
        now().isoformat(),
        status="failed",
        reason=text,
        overrides=text,
        notes=[text] * 20 * scale,
        metrics={f"{character * 60}{index}": 0.5 for index in range(40)},
        best_hyperparameters={f"{character * 60}{index}": text[:2500] for index in range(30)},
    )
    facts = build_facts(stack.service, record, "first line\n" + text, "https://console")
    attributes = {"id": facts["id"], "outcome": "failed"}
    message = write_fitting(facts, attributes)
    size = len(message.encode()) + sum(len(f"{name}String{value}") for name, value in attributes.items())
    assert size <= LARGEST_BYTES
    texts = json.loads(message)
    assert texts["default"].startswith("first line\n")
    assert "too long for SNS" in texts["default"]
    assert json.loads(texts["sqs"])["build"]["status"] == "failed"
    assert len(texts.get("sms", "")) <= 1600


def test_a_text_too_long_for_a_mobile_phone_is_shortened_there_only(stack: Stack) -> None:
    record = BuildRecord(1, VOICE, now().isoformat(), status="failed")
    texts = json.loads(write_fitting(build_facts(stack.service, record, "x" * 1601, ""), {}))
    assert (len(texts["default"]), texts["sms"][-4:], len(texts["sms"])) == (1601, " ...", 1600)


def test_a_reason_of_four_thousand_characters_of_any_alphabet_is_complete(stack: Stack) -> None:
    assert end(stack, notes=["機" * 4000])["build"]["notes"] == ["機" * 4000]


def test_a_request_for_approval_that_is_too_long_is_shortened(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, status="running", overrides=BACKSLASHES, notes=["\\" * 4000])
    machine = stack.service.settings.state_machine_arn
    request_approval(stack.service, 1, "token", 60, machine, now())
    (body,) = stack.read_notifications()
    assert json.loads(body)["shortened"] == ["overrides", "notes"]
    assert "sagebuild show 1 prints all of it" in json.loads(body)["text"]


class LostAnswers:
    """SNS, which serves the first calls of Publish without an answer."""

    def __init__(self, service: Service, count: int) -> None:
        self.calls = 0
        self._count = count
        service.sns.meta.events.register_first("before-send.sns.Publish", self._serve)

    def _serve(self, request: Any, **_more: Any) -> Any:
        self.calls += 1  # moto publishes as well, but the first answer counts
        return AWSResponse(request.url, 500, HTTPHeaders(), _Empty()) if self.calls <= self._count else None


class _Empty:
    def stream(self, **_more: Any) -> list[bytes]:
        return []


@pytest.fixture
def lambda_service(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service as a Lambda function has it, with its own retries."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    return Service(stack.settings, create_client)


def test_each_lost_answer_of_sns_is_one_message_that_says_it_may_be_a_repeat(
    stack: Stack, lambda_service: Service
) -> None:
    answers = LostAnswers(lambda_service, 2)
    launch_build(stack.service, VOICE)
    for _ in range(2):
        with pytest.raises(AwsUnavailableError):
            finish_build(lambda_service, 1, Ending("SUCCEEDED"), never_sleep, invocation="same")
    finish_build(lambda_service, 1, Ending("SUCCEEDED"), never_sleep, invocation="other")  # the claim still counts
    assert answers.calls == 2
    finish_build(lambda_service, 1, Ending("SUCCEEDED"), never_sleep, invocation="same")
    assert answers.calls == 3
    assert ["may be a repeat" in text for text in stack.read_texts()] == [False, True, True]
    assert read_build(stack.service, 1).notified_at


def test_a_repeated_request_for_approval_says_that_it_may_be_a_repeat(stack: Stack, lambda_service: Service) -> None:
    LostAnswers(lambda_service, 1)
    launch_build(stack.service, VOICE)
    machine = stack.service.settings.state_machine_arn
    with pytest.raises(AwsUnavailableError):
        request_approval(lambda_service, 1, "token-1", 60, machine, now())
    request_approval(lambda_service, 1, "token-2", 60, machine, now())
    request_approval(lambda_service, 1, "token-2", 60, machine, now())
    assert ["may be a repeat" in text for text in stack.read_texts()] == [False, True]
