"""Approval: requested once and answered once, in any order of calls and wherever a function dies."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.records import Trigger, describe_record, read_build, update_build
from sagebuild.errors import BuildNotFoundError, NoApprovalPendingError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.finish.sweep import sweep_builds
from sagebuild.launch.start import launch_build
from sagebuild.service import Service
from sagebuild.steps.approval import answer_approval, describe_request, find_waiting, request_approval
from tests.functional.conftest import Stack, client
from tests.functional.interleaving import DiedError, Gate, Gated, every_order, run_in_order
from tests.functional.test_finish import never_sleep

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOURS = 24 * 3600
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:build:build-1"


class Tasks:
    """Step Functions with tasks that wait with tokens."""

    def __init__(self, *tokens: str) -> None:
        self.waiting = set(tokens)
        self.heard: list[dict[str, Any]] = []
        self._rest = client("stepfunctions")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)

    def send_task_success(self, taskToken: str, output: str) -> None:  # noqa: N803
        """SendTaskSuccess."""
        if taskToken not in self.waiting:
            response: Any = {"Error": {"Code": "TaskTimedOut", "Message": "Gone."}, "ResponseMetadata": {}}
            raise ClientError(response, "SendTaskSuccess")
        self.waiting.remove(taskToken)
        self.heard.append(json.loads(output))


@pytest.fixture
def tasks(stack: Stack) -> Tasks:  # noqa: ARG001
    """Let one task wait."""
    return Tasks("token-1")


@pytest.fixture
def service(stack: Stack, tasks: Tasks) -> Service:
    """A stack whose build 1 has reached its approval and has not requested it yet."""
    connected = connect(stack, tasks)
    for project in (connected.settings.image_project, connected.settings.source_project):  # the sweep looks into both
        client("codebuild").create_project(
            name=project,
            source={"type": "S3", "location": "any/any.zip"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={"type": "ARM_CONTAINER", "image": "any", "computeType": "BUILD_GENERAL1_SMALL"},
            serviceRole=connected.settings.hosting_role_arn,
        )
    launch_build(connected, Trigger("voice"))
    facts: dict[str, Any] = {"metrics": {"accuracy": 0.91}, "live_metrics": {"accuracy": 0.94}, "job_seconds": 90}
    facts |= {"cost": 1.25}
    update_build(connected, 1, status="running", live_before="live", **facts)
    return connected


def connect(stack: Stack, tasks: Tasks, gate: Gate = lambda: None, answered: Gate = lambda: None) -> Service:
    """The stack with waiting tasks."""
    return Service(
        stack.settings, lambda name: Gated(tasks if name == "stepfunctions" else client(name), gate, answered)
    )


def ask(service: Service, token: str = "token-1") -> None:
    request_approval(service, 1, token, HOURS, EXECUTION, AT)


def test_the_request_for_approval_is_published_once_with_all_facts(stack: Stack, service: Service) -> None:
    for _ in range(2):  # the state machine may repeat it
        ask(service)
    (message,) = stack.read_notifications()
    facts = json.loads(message)
    assert (facts["id"], facts["outcome"]) == ("sagebuild-test-3f2a1c00-1-approval", "approval")
    assert facts["build"]["approval_until"] == "2026-11-27T12:00:00+00:00"
    assert "approval_token" not in facts["build"]
    assert "token-1" not in message
    assert facts["console"].endswith(f"/details/{EXECUTION}")
    assert facts["text"].splitlines()[:2] == [
        "Build 1 asks whether to deploy its model: accuracy 0.91; live now: accuracy 0.94; 1 minute 30 seconds of "
        "training billed, about $1.25; not deployed unless approved by 2026-11-27 12:00:00 UTC.",
        "To answer: sagebuild approve 1 --stack sagebuild-test, or sagebuild reject 1 --stack sagebuild-test.",
    ]


def test_an_answer_reaches_the_waiting_build(service: Service, tasks: Tasks) -> None:
    assert find_waiting(service) is None
    ask(service)
    waiting = find_waiting(service)
    assert waiting
    assert waiting.awaits_approval
    record = answer_approval(service, True, "voice")
    assert (record.approval, record.approval_by, record.approval_token) == ("approved", "voice", "")
    assert tasks.heard == [{"approved": True, "reason": "approved by voice"}]
    assert find_waiting(service) is None


def test_the_notification_shows_a_rejection_with_its_comment(stack: Stack, service: Service, tasks: Tasks) -> None:
    ask(service)
    answer_approval(service, False, "command", 1, "too few rows")
    (heard,) = tasks.heard
    assert heard == {"approved": False, "reason": "rejected by command: too few rows"}
    stack.read_texts()
    output = json.dumps({"number": 1, "withheld": heard["reason"]})
    finish_build(service, 1, Ending("SUCCEEDED", output=output), sleep=never_sleep)
    assert "Reason: rejected by command: too few rows" in stack.read_texts()[0]


def test_the_notification_names_who_approved(stack: Stack, service: Service) -> None:
    ask(service)
    answer_approval(service, True, "command", comment="looks good")
    stack.read_texts()
    finish_build(service, 1, Ending("SUCCEEDED", output='{"number": 1}'), sleep=never_sleep)
    assert "Approved by: command: looks good." in stack.read_texts()[0]


def test_a_repeated_answer_changes_nothing_and_a_different_one_is_refused(service: Service, tasks: Tasks) -> None:
    ask(service)
    answer_approval(service, True, "voice", 1)
    assert answer_approval(service, True, "command", 1).approval_by == "voice"
    with pytest.raises(NoApprovalPendingError, match="Build 1 was already approved by voice"):
        answer_approval(service, False, "command", 1)
    assert len(tasks.heard) == 1


def test_an_answer_without_a_waiting_build_is_refused(service: Service, tasks: Tasks) -> None:
    with pytest.raises(NoApprovalPendingError, match="No build waits for an answer"):
        answer_approval(service, True, "voice")
    with pytest.raises(NoApprovalPendingError, match="Build 1 does not wait for approval"):
        answer_approval(service, True, "voice", 1)
    with pytest.raises(BuildNotFoundError):
        answer_approval(service, True, "voice", 7)
    ask(service)
    update_build(service, 1, status="stopping")
    with pytest.raises(NoApprovalPendingError, match="No build waits for an answer"):
        answer_approval(service, True, "voice")
    finish_build(service, 1, Ending("ABORTED"), sleep=never_sleep)
    with pytest.raises(NoApprovalPendingError, match="Build 1 has ended"):
        answer_approval(service, True, "voice", 1)
    with pytest.raises(BuildNotFoundError, match="Build 1 has ended and needs no approval"):
        ask(service)
    assert tasks.heard == []


def test_an_answer_after_the_time_limit_is_refused(service: Service, tasks: Tasks) -> None:
    ask(service)
    tasks.waiting.clear()
    with pytest.raises(NoApprovalPendingError, match="its time was up, or it was stopped"):
        answer_approval(service, True, "voice")
    record = read_build(service, 1)
    assert (record.approval, record.approval_by, record.awaits_approval) == ("", "", False)


def test_a_retried_task_is_answered_with_its_new_token(service: Service, tasks: Tasks, stack: Stack) -> None:
    ask(service)
    tasks.waiting = {"token-2"}
    ask(service, "token-2")
    answer_approval(service, True, "voice")
    assert [heard["approved"] for heard in tasks.heard] == [True]
    assert len(stack.read_texts()) == 1


def test_one_of_two_concurrent_answers_wins_in_every_order(stack: Stack, service: Service) -> None:
    def run(order: Any) -> list[list[int]]:
        tasks = Tasks("token-1")
        clear_answer(service)
        accepted: list[str] = []

        def answer(approved: bool, by: str, gate: Gate) -> None:
            try:
                answer_approval(connect(stack, tasks, gate), approved, by, 1)
                accepted.append(by)
            except NoApprovalPendingError:
                pass

        orders = run_in_order(
            [lambda gate: answer(True, "voice", gate), lambda gate: answer(False, "command", gate)], order
        )
        record = read_build(service, 1)
        assert accepted == [record.approval_by]
        assert [heard["approved"] for heard in tasks.heard] == [record.approval == "approved"]
        return orders

    assert every_order(run) > 5


def test_an_answer_and_a_retried_task_lose_nothing_in_every_order(stack: Stack, service: Service) -> None:
    """The first task has failed when the answer comes: an accepted answer arrives, if need be by the sweep."""

    def run(order: Any) -> list[list[int]]:
        tasks = Tasks("token-2")
        clear_answer(service)
        results: list[str] = []

        def answer(gate: Gate) -> None:
            try:
                answer_approval(connect(stack, tasks, gate), True, "voice", 1)
                results.append("taken")
            except NoApprovalPendingError:
                results.append("refused")

        def repeat(gate: Gate) -> None:
            request_approval(connect(stack, tasks, gate), 1, "token-2", HOURS, EXECUTION, AT)

        orders = run_in_order([answer, repeat], order)
        sweep_builds(connect(stack, tasks), AT)
        record = read_build(service, 1)
        assert len(tasks.heard) == (results == ["taken"]), (results, record)
        assert record.awaits_approval == (results == ["refused"])
        return orders

    assert every_order(run) > 5


def clear_answer(service: Service) -> None:
    """Build 1, which waits with its first token."""
    nothing: dict[str, Any] = dict.fromkeys(("approval", "approval_by", "approval_comment"), "")
    update_build(service, 1, approval_token="token-1", approval_requested_at=AT.isoformat(), **nothing)


def deaths(stack: Stack, tasks: Tasks) -> Iterator[Service]:
    """Services that die before their first call, after it, before the second, and so on."""
    for call in itertools.count():
        count = itertools.count()

        def die(count: Iterator[int] = count, call: int = call) -> None:
            if next(count) == call // 2:
                raise DiedError

        yield connect(stack, tasks, *((die, lambda: None) if call % 2 else (lambda: None, die)))


def test_the_sweep_sends_an_answer_whose_caller_died(stack: Stack, service: Service) -> None:
    ask(service)
    for dying in deaths(stack, tasks := Tasks("token-1")):
        tasks.waiting, tasks.heard = {"token-1"}, []
        clear_answer(service)
        try:
            answer_approval(dying, True, "voice")
        except DiedError:
            for _ in range(2):
                sweep_builds(connect(stack, tasks), AT)
            record = read_build(service, 1)
            assert (len(tasks.heard), record.awaits_approval) in ((1, False), (0, True)), record
            assert bool(record.approval) == bool(tasks.heard)
        else:
            break


def test_a_retry_publishes_a_request_whose_caller_died(stack: Stack, service: Service, tasks: Tasks) -> None:
    for dying in deaths(stack, tasks):
        update_build(service, 1, approval_token="", approval_requested_at="")
        try:
            ask(dying)
        except DiedError:
            ask(service)
            record = read_build(service, 1)
            assert (record.awaits_approval, record.approval_requested_at) == (True, AT.isoformat())
            assert 1 <= len(stack.read_texts()) <= 2
        else:
            break


def test_the_token_is_never_shown(service: Service) -> None:
    ask(service)
    record = read_build(service, 1)
    assert record.approval_token == "token-1"
    assert "token-1" not in repr(record) + json.dumps(describe_record(record)) + describe_request(record)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"job_seconds": 0}, "accuracy 0.91; live now: accuracy 0.94; not deployed unless approved by"),
        ({"live_metrics": {}}, "accuracy 0.91; the metrics of the live model are unknown;"),
        (
            {"live_metrics": {}, "live_before": "", "metrics": {}, "job_seconds": 0},
            "no metrics; nothing is live yet; not",
        ),
    ],
)
def test_a_request_for_approval_states_the_known_facts(service: Service, facts: dict[str, Any], text: str) -> None:
    ask(service)
    update_build(service, 1, **facts)
    assert text in describe_request(read_build(service, 1))
