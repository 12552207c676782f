"""EventBridge Scheduler in local/, and the events of Parameter Store."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import Recorder, eventually, left_in, name, queue, receive
from tests.local.test_audit import Role, allow
from tests.roles import create_role

MISSING_ROLE = "arn:aws:iam::123456789012:role/no-such-role"
OFF = {"Mode": "OFF"}


def schedule(engine: Engine, expression: str, target: dict[str, Any], **settings: Any) -> dict[str, str]:
    """Create a schedule in a group of its own; return the names of both."""
    group = name("group")
    engine.client("scheduler").create_schedule_group(Name=group)
    place = {"GroupName": group, "Name": name("schedule")}
    engine.client("scheduler").create_schedule(
        **place,
        ScheduleExpression=expression,
        FlexibleTimeWindow=OFF,
        Target={"RoleArn": create_role(engine, "scheduler")} | target,
        **settings,
    )
    return place


def read_time(text: str) -> datetime:
    """A time in a message."""
    return datetime.fromisoformat(text)


def test_a_rate_begins_at_once(engine: Engine) -> None:
    url, arn = queue(engine)
    place = schedule(engine, "rate(1 day)", {"Arn": arn, "Input": "now"})
    assert receive(engine, url)["Body"] == "now"
    engine.client("scheduler").delete_schedule(**place)


def test_a_rate_goes_on_in_scaled_time(engine: Engine) -> None:
    (url, arn), scheduler = queue(engine), engine.client("scheduler")
    text = json.dumps(
        {
            "arn": "<aws.scheduler.schedule-arn>",
            "at": "<aws.scheduler.scheduled-time>",
            "id": "<aws.scheduler.execution-id>",
            "attempt": "<aws.scheduler.attempt-number>",
        }
    )
    place = schedule(engine, "rate(1 minute)", {"Arn": arn, "Input": text})
    first = json.loads(receive(engine, url)["Body"])
    second = json.loads(receive(engine, url)["Body"])
    assert first["arn"] == scheduler.get_schedule(**place)["Arn"]
    assert first["attempt"] == "1"
    assert first["id"] != second["id"]
    assert read_time(second["at"]) - read_time(first["at"]) == timedelta(minutes=1)
    scheduler.delete_schedule(**place)


def test_a_changed_disabled_or_deleted_schedule_stops(engine: Engine) -> None:
    (url, arn), (other, other_arn), scheduler = queue(engine), queue(engine), engine.client("scheduler")
    target = {"Arn": arn, "RoleArn": create_role(engine, "scheduler"), "Input": "before"}
    place = schedule(engine, "rate(1 minute)", target)
    receive(engine, url)
    changed = {"ScheduleExpression": "rate(20 minutes)", "FlexibleTimeWindow": OFF}
    scheduler.update_schedule(**place, **changed, Target=target | {"Arn": other_arn, "Input": "after"})
    assert receive(engine, other)["Body"] == "after"
    before = left_in(engine, url)
    scheduler.update_schedule(**place, **changed, Target=target, State="DISABLED")
    schedule(engine, "rate(1 minute)", target | {"Input": "of another one"})  # a sign that time has passed
    eventually(lambda: left_in(engine, url) > before + 1)
    scheduler.delete_schedule_group(Name=place["GroupName"])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scheduler.get_schedule(**place)
    texts = [receive(engine, url)["Body"] for _ in range(left_in(engine, url))]
    assert texts.count("before") == before


def test_a_cron_expression_runs_at_its_times(engine: Engine) -> None:
    url, arn = queue(engine)
    place = schedule(engine, "cron(* * * * ? *)", {"Arn": arn, "Input": "<aws.scheduler.scheduled-time>"})
    at = read_time(receive(engine, url)["Body"])
    assert at.second == 0
    assert at > datetime.now(UTC) - timedelta(minutes=1)
    engine.client("scheduler").delete_schedule(**place)


def test_a_time_of_the_past_never_comes(engine: Engine) -> None:
    url, arn = queue(engine)
    schedule(engine, "at(2020-01-01T00:00:00)", {"Arn": arn})
    (other, other_arn) = queue(engine)
    place = schedule(engine, "rate(1 minute)", {"Arn": other_arn})
    body = json.loads(receive(engine, other)["Body"])
    assert (body["source"], body["detail-type"]) == ("aws.scheduler", "Scheduled Event")
    assert left_in(engine, url) == 0
    engine.client("scheduler").delete_schedule(**place)


def test_a_schedule_sends_in_its_role(engine: Engine, tmp_path: Path) -> None:
    recorder = Recorder.deploy(engine, tmp_path)
    sender = create_role(engine, "scheduler", statement=allow("lambda:InvokeFunction", recorder.arn))
    place = schedule(engine, "rate(1 hour)", {"Arn": recorder.arn, "RoleArn": sender, "Input": '{"n": 1}'})
    assert recorder.wait() == [{"n": 1}]
    (call,) = [each for each in engine.read_audit()["calls"] if each["role"] == sender.rpartition("/")[2]]
    assert (call["action"], call["resource"], call["allowed"]) == ("lambda:InvokeFunction", recorder.arn, True)
    engine.client("scheduler").delete_schedule(**place)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ScheduleExpression": "rate(7 day)"}, r"Invalid Schedule Expression rate\(7 day\)"),
        ({"ScheduleExpression": "cron(0 6 * * * *)"}, "Invalid Schedule Expression cron"),
        ({"ScheduleExpressionTimezone": "Berlin"}, "Invalid Schedule Expression Timezone Berlin"),
        ({"Target": {"RoleArn": MISSING_ROLE}},
         "The execution role you provide must allow AWS EventBridge Scheduler to assume the role"),
        ({"Target": {"Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/c"}},
         "local/ delivers schedules to events, sqs, lambda, sns, not to arn:aws:ecs"),
        ({"GroupName": "nowhere"}, "Schedule group nowhere does not exist"),
    ],
)  # fmt: skip
def test_an_invalid_schedule_is_refused(engine: Engine, changes: dict[str, Any], message: str) -> None:
    target = {"Arn": queue(engine)[1], "RoleArn": create_role(engine, "scheduler")} | changes.get("Target", {})
    request = {"Name": name("schedule"), "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF}
    with pytest.raises(ClientError, match=message):
        engine.client("scheduler").create_schedule(**request | changes | {"Target": target})


def test_a_group_exists_once(engine: Engine) -> None:
    scheduler, group = engine.client("scheduler"), name("group")
    scheduler.create_schedule_group(Name=group)
    with pytest.raises(ClientError, match="ConflictException"):
        scheduler.create_schedule_group(Name=group)
    scheduler.delete_schedule_group(Name=group)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scheduler.delete_schedule_group(Name=group)


def test_the_audit_knows_groups_schedules_and_passed_roles(engine: Engine) -> None:
    own, group, sender = name("own"), name("group"), create_role(engine, "scheduler")
    base = "arn:aws:scheduler:us-east-1:123456789012"
    passed = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    caller = Role(
        engine,
        allow(["scheduler:CreateSchedule", "scheduler:GetSchedule"], f"{base}:schedule/{group}/*"),
        allow("scheduler:CreateScheduleGroup", f"{base}:schedule-group/{group}"),
        allow("iam:PassRole", sender, Condition=passed),
    )
    scheduler = caller.client("scheduler")
    scheduler.create_schedule_group(Name=group)
    target = {"Arn": queue(engine)[1], "RoleArn": sender}
    request = {"Name": own, "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF, "State": "DISABLED"}
    scheduler.create_schedule(**request, GroupName=group, Target=target)
    with pytest.raises(ClientError, match="not authorized to perform: scheduler:CreateSchedule"):
        scheduler.create_schedule(**request, Target=target)
    scheduler.get_schedule(Name=own, GroupName=group)
    assert {(call["action"], call["resource"]): call["allowed"] for call in caller.calls()} == {
        ("scheduler:CreateScheduleGroup", f"{base}:schedule-group/{group}"): True,
        ("scheduler:CreateSchedule", f"{base}:schedule/{group}/{own}"): True,
        ("scheduler:CreateSchedule", f"{base}:schedule/default/{own}"): False,
        ("scheduler:GetSchedule", f"{base}:schedule/{group}/{own}"): True,
        ("iam:PassRole", sender): True,
    }


def test_the_audit_knows_source_and_type_of_each_event(engine: Engine) -> None:
    source, bus = name("source"), "arn:aws:events:us-east-1:123456789012:event-bus/default"
    limits = {"StringEquals": {"events:source": source}, "StringLike": {"events:detail-type": "stack/*"}}
    caller = Role(engine, allow("events:PutEvents", bus, Condition=limits))

    def put(*entries: tuple[str, str]) -> None:
        events = [{"Source": given, "DetailType": kind, "Detail": "{}"} for given, kind in entries]
        caller.client("events").put_events(Entries=events)

    put((source, "stack/fraud"), (source, "stack/churn"))
    assert [(call["allowed"], call["count"]) for call in caller.calls()] == [(True, 2)]
    for refused in ((source, "other/fraud"), ("else", "stack/fraud")):
        with pytest.raises(ClientError, match="not authorized to perform: events:PutEvents"):
            put((source, "stack/fraud"), refused)
    assert {call["allowed"]: call["count"] for call in caller.calls()} == {True: 4, False: 2}


def test_changes_of_parameters_are_events(engine: Engine) -> None:
    (url, arn), parameter = queue(engine), f"/{name('stack')}/parameters"
    events, ssm, rule = engine.client("events"), engine.client("ssm"), name("rule")
    pattern = {"source": ["aws.ssm"], "detail": {"name": [{"wildcard": f"{parameter[:-11]}/*"}]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "target", "Arn": arn}])
    ssm.put_parameter(Name=parameter, Value="1", Type="String", Description="one")
    event = json.loads(receive(engine, url)["Body"])
    assert event["detail-type"] == "Parameter Store Change"
    assert event["resources"] == [f"arn:aws:ssm:us-east-1:123456789012:parameter{parameter}"]
    detail = {"name": parameter, "type": "String", "description": "one"}
    assert event["detail"] == {"operation": "Create", **detail}
    ssm.put_parameter(Name=parameter, Value="2", Overwrite=True)
    assert json.loads(receive(engine, url)["Body"])["detail"] == {"operation": "Update", **detail}
    ssm.delete_parameter(Name=parameter)
    assert json.loads(receive(engine, url)["Body"])["detail"] == {"operation": "Delete", **detail}
    ssm.put_parameter(Name=parameter, Value="3", Type="String")
    assert json.loads(receive(engine, url)["Body"])["detail"]["operation"] == "Create"
    ssm.delete_parameters(Names=[parameter, f"{parameter}-else"])
    assert json.loads(receive(engine, url)["Body"])["detail"]["operation"] == "Delete"
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.delete_parameter(Name=parameter)
    assert left_in(engine, url) == 0
