"""The schedule of a parameter document becomes the pipeline's schedule in EventBridge Scheduler."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.apply_schedule import handler
from sagebuild.builds.records import Trigger, read_build
from sagebuild.errors import AwsUnavailableError
from sagebuild.finish.remove import remove_pipeline
from sagebuild.launch.dead_letters import Message
from sagebuild.launch.inbox import take_messages
from sagebuild.launch.schedules import apply_schedule, request_schedule
from sagebuild.parameters.store import delete_document, parse_document_name, write_text
from sagebuild.service import Service
from tests.functional.conftest import STACK, Stack, client
from tests.functional.test_pipelines import create

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:launch"
ROLE = "arn:aws:iam::123456789012:role/send"
DAILY, WEEKLY = "rate(1 day)", "cron(0 6 ? * MON *)"


@pytest.fixture
def service(stack: Stack) -> Service:
    """A stack with a schedule group, with the settings of applySchedule."""
    client("scheduler").create_schedule_group(Name=STACK)
    own = {"LAUNCH_QUEUE_ARN": QUEUE, "SCHEDULE_ROLE_ARN": ROLE, "LAUNCH_TOPIC_ARN": "topic"}
    return Service(stack.settings | own, client)


@pytest.fixture
def fraud(service: Service) -> Service:
    """A named pipeline."""
    return create(service, "fraud")


def write(service: Service, schedule: str | None, **others: Any) -> None:
    """Write a document with this schedule."""
    given = {"schedule": schedule} if schedule else {}
    write_text(service, json.dumps({"framework": "SCIKIT", **given, **others}), overwrite=True)


def read_schedules() -> dict[str, str]:
    """The expressions of the stack's schedules by name."""
    scheduler = client("scheduler")
    listed = scheduler.list_schedules(GroupName=STACK)["Schedules"]
    names = [each["Name"] for each in listed]
    return {name: scheduler.get_schedule(GroupName=STACK, Name=name)["ScheduleExpression"] for name in names}


def test_a_document_with_a_schedule_creates_changes_and_deletes_it(service: Service, fraud: Service) -> None:
    for each, schedule in ((service, DAILY), (fraud, WEEKLY)):
        write(each, schedule)
        apply_schedule(each)
    assert read_schedules() == {"default": DAILY, "fraud": WEEKLY}
    write(service, WEEKLY)
    apply_schedule(service)
    write(fraud, None)
    apply_schedule(fraud)
    assert read_schedules() == {"default": WEEKLY}
    delete_document(service)
    apply_schedule(service)
    assert read_schedules() == {}


def test_the_schedule_sends_to_the_launch_queue_in_its_time_zone(fraud: Service) -> None:
    write(fraud, WEEKLY, scheduletimezone="Europe/Berlin")
    apply_schedule(fraud)
    schedule = client("scheduler").get_schedule(GroupName=STACK, Name="fraud")
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert (schedule["Target"]["Arn"], schedule["Target"]["RoleArn"]) == (QUEUE, ROLE)


def test_the_message_of_a_schedule_starts_a_build_of_its_pipeline(stack: Stack, fraud: Service) -> None:
    write(fraud, DAILY)
    apply_schedule(fraud)
    body = client("scheduler").get_schedule(GroupName=STACK, Name="fraud")["Target"]["Input"]
    for attempt in ("first", "second"):  # of the same time
        sent = body.replace("<aws.scheduler.scheduled-time>", "2026-03-02T06:00:00Z")
        sent = sent.replace("<aws.scheduler.execution-id>", attempt)
        assert take_messages(fraud.for_pipeline(""), [Message(attempt, sent)]) == []
    assert stack.executions() == ["build-fraud_1"]
    assert read_build(fraud, 1).trigger == Trigger("schedule", "2026-03-02T06:00:00Z")


def test_an_unchanged_schedule_is_not_written_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    write(service, DAILY)
    apply_schedule(service)
    calls = record_calls(service, monkeypatch)
    write(service, DAILY, trainmaxrun=1)
    apply_schedule(service)
    assert calls == ["GetSchedule"]


def record_calls(
    service: Service, monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None] = lambda _: None
) -> list[str]:
    """The names of the service's calls of Scheduler from now on; ``before`` is called before each."""
    calls: list[str] = []
    send = service.scheduler._make_api_call

    def call(operation: str, request: dict[str, Any]) -> Any:
        before(operation)
        calls.append(operation)
        return send(operation, request)

    monkeypatch.setattr(service.scheduler, "_make_api_call", call)
    return calls


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"framework": "SCIKIT", "schedule": "weekly"}', 'schedule is "weekly"'),
        ('{"framework": "SCIKIT", "trainmaxrum": 1}', "did you mean 'trainmaxrun'?"),
        ('{"framework": "SCIKIT", ', "JSON"),
    ],
)
def test_an_invalid_document_leaves_the_schedule_and_says_why(
    service: Service, caplog: pytest.LogCaptureFixture, text: str, reason: str
) -> None:
    write(service, DAILY)
    apply_schedule(service)
    write_text(service, text, overwrite=True)
    apply_schedule(service)
    assert read_schedules() == {"default": DAILY}
    (message,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert message.startswith("the schedule of sagebuild-test stays as it is: ")
    assert reason in message


@pytest.mark.parametrize("latest", [WEEKLY, None])
@pytest.mark.parametrize("at", ["GetSchedule", "CreateSchedule"])
def test_a_change_of_the_document_in_the_meantime_is_applied(
    service: Service, monkeypatch: pytest.MonkeyPatch, at: str, latest: str | None
) -> None:
    write(service, DAILY)
    changed: list[str] = []

    def change(operation: str) -> None:
        if operation == at and not changed:
            changed.append(operation)
            write(service, latest)
            apply_schedule(Service(service.settings._values, client))  # for the event of this change

    record_calls(service, monkeypatch, change)
    apply_schedule(service)
    assert changed
    assert read_schedules() == ({"default": latest} if latest else {})


def send_event(monkeypatch: pytest.MonkeyPatch, service: Service, name: str) -> None:
    """Invoke the function with an event of Parameter Store."""
    monkeypatch.setattr(Service, "from_environment", lambda: service)
    detail = {"operation": "Update", "name": name, "type": "String"}
    handler({"source": "aws.ssm", "detail-type": "Parameter Store Change", "detail": detail}, None)


def test_events_lead_to_the_present_document_in_any_order(
    service: Service, fraud: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(fraud, DAILY)
    delete_document(fraud)
    write(fraud, WEEKLY)
    for _ in range(3):  # Create, Delete and Create, the first of them late
        send_event(monkeypatch, service, f"/{STACK}/fraud/parameters")
    assert read_schedules() == {"fraud": WEEKLY}
    handler({"pipeline": ""}, None)
    assert read_schedules() == {"fraud": WEEKLY}


@pytest.mark.parametrize(
    ("name", "pipeline"),
    [
        (f"/{STACK}/parameters", ""),
        (f"/{STACK}/fraud/parameters", "fraud"),
        (f"/{STACK}/fraud-2/parameters", "fraud-2"),
        (f"/{STACK}/fraud/more/parameters", None),
        (f"/{STACK}//parameters", None),
        (f"/{STACK}/2/parameters", None),
        (f"/{STACK}-2/parameters", None),
        (f"/{STACK}/alexa", None),
        (f"{STACK}/parameters", None),
        ("/other/parameters", None),
    ],
)
def test_the_name_of_a_document_names_its_pipeline(service: Service, name: str, pipeline: str | None) -> None:
    assert parse_document_name(service, name) == pipeline


def test_the_plan_of_a_build_has_the_schedule_checked(stack: Stack, fraud: Service) -> None:
    invoked: list[dict[str, Any]] = []

    class Functions:
        def invoke(self, **request: Any) -> None:
            invoked.append(request)

    def create_client(name: str) -> Any:
        return Functions() if name == "lambda" else client(name)

    request_schedule(Service(stack.settings, create_client))  # a stack whose function has no such setting
    own = {"APPLY_SCHEDULE_FUNCTION": "arn:of:applySchedule"}
    request_schedule(Service(stack.settings | own, create_client).for_pipeline(fraud.pipeline))
    request = {"FunctionName": "arn:of:applySchedule", "InvocationType": "Event", "Payload": '{"pipeline": "fraud"}'}
    assert invoked == [request]


def test_removing_a_pipeline_deletes_its_schedule_only(
    service: Service, fraud: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_request: Any) -> None:  # moto lacks this call; without a build there is no group
        error = {"Code": "ValidationException", "Message": "The group does not exist"}
        raise ClientError({"Error": error}, "DeleteModelPackageGroup")  # type: ignore[typeddict-item]

    monkeypatch.setattr(fraud.sagemaker, "delete_model_package_group", refuse)
    for each in (service, fraud):
        write(each, DAILY)
        apply_schedule(each)
    remove_pipeline(fraud, sleep=lambda _: None)
    apply_schedule(fraud)  # for the event of the document's deletion
    assert read_schedules() == {"default": DAILY}


def test_a_refusal_of_scheduler_leaves_the_schedule_and_says_why(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(operation: str) -> None:
        if operation == "CreateSchedule":
            error = {"Code": "ValidationException", "Message": "Invalid Schedule Expression"}
            raise ClientError({"Error": error}, operation)  # type: ignore[typeddict-item]

    write(service, DAILY)
    record_calls(service, monkeypatch, refuse)
    apply_schedule(service)
    assert "EventBridge Scheduler refused it: Invalid Schedule Expression" in caplog.text


def test_a_document_that_changes_all_the_time_is_tried_again_later(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def change(operation: str) -> None:
        calls.append(operation)
        write(service, DAILY if len(calls) % 2 else WEEKLY, trainmaxrun=1)

    write(service, WEEKLY)
    record_calls(service, monkeypatch, lambda operation: change(operation) if operation == "GetSchedule" else None)
    with pytest.raises(AwsUnavailableError, match="changed during each attempt to write it; try again"):
        apply_schedule(service)
    assert len(calls) == 5
