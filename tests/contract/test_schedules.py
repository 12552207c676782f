"""The resources of the schedules agree with the code, with the names of documents, and with AWS's advice."""

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml

from sagebuild.builds.pipelines import DEFAULT
from sagebuild.launch.schedules import _build_input, _locate
from sagebuild.launch.triggers import read_message
from sagebuild.parameters.store import name_document
from sagebuild.service import Service
from tests.engine import ROOT
from tests.eventbridge import resolve

STACK = "sagebuild-dev"
CLOUDFORMATION = {
    "AWS::StackName": STACK,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
}


@cache
def load(file: str) -> dict[str, Any]:
    """A YAML file of the service."""
    content: dict[str, Any] = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    return content


def resources() -> dict[str, Any]:
    """The resources of resources/schedules.yml."""
    return load("resources/schedules.yml")["Resources"]  # type: ignore[no-any-return]


def statements(role: str) -> list[dict[str, Any]]:
    """The statements of a role's policy."""
    roles = load("resources/access.yml")["Resources"] | resources()
    (policy,) = roles[role]["Properties"]["Policies"]
    return policy["PolicyDocument"]["Statement"]  # type: ignore[no-any-return]


def service(pipeline: str) -> Service:
    """A pipeline of the stack."""
    settings = {"STACK_NAME": STACK, "PARAMETERS_NAME": f"/{STACK}/parameters"}
    return Service(settings, lambda _: None).for_pipeline(pipeline)


def pattern() -> dict[str, Any]:
    """The pattern of the function's rule, in a stack."""
    (event,) = load("serverless.yml")["functions"]["applySchedule"]["events"]
    return resolve(event["eventBridge"]["pattern"], CLOUDFORMATION)  # type: ignore[no-any-return]


def lets_through(name: str, operation: str = "Update", **changes: Any) -> bool:
    """Whether the rule lets an event through, in the form of AWS's page.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
    """
    from moto.events.models import EventPattern

    event = {
        "version": "0",
        "id": "6a7e4feb-b491-4cf7-a9f1-bf3703497718",
        "detail-type": "Parameter Store Change",
        "source": "aws.ssm",
        "account": "123456789012",
        "time": "2017-05-22T16:43:48Z",
        "region": "eu-west-1",
        "resources": [f"arn:aws:ssm:eu-west-1:123456789012:parameter{name}"],
        "detail": {"operation": operation, "name": name, "type": "String", "description": "Sample Parameter"},
    }
    return bool(EventPattern.load(json.dumps(pattern())).matches_event(event | changes))


@pytest.mark.parametrize("operation", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("pipeline", ["", "fraud", "fraud-2"])
def test_the_rule_lets_changes_of_every_document_through(pipeline: str, operation: str) -> None:
    assert lets_through(name_document(service(pipeline)), operation)


def test_the_rule_ignores_all_else() -> None:
    own = name_document(service(""))
    assert not lets_through(own, "LabelParameterVersion")
    assert not lets_through(own, **{"detail-type": "Parameter Store Policy Action"})
    assert not any(lets_through(name) for name in (f"/{STACK}-2/parameters", f"/{STACK}", "/parameters"))


def test_the_group_of_the_stack_holds_the_schedules() -> None:
    group = resolve(resources()["ScheduleGroup"]["Properties"]["Name"], CLOUDFORMATION)
    assert group == _locate(service("fraud"))["GroupName"]
    assert [_locate(service(name))["Name"] for name in ("", "fraud")] == [DEFAULT, "fraud"]


def test_a_removal_of_the_stack_deletes_the_schedules_before_the_leftovers_of_builds() -> None:
    texts = [(ROOT / "serverless.yml"), *(ROOT / "resources").glob("*.yml")]
    referring = [path.name for path in texts if re.search(r"(Ref: |\$\{|\[)ScheduleGroup\b", path.read_text("utf-8"))]
    assert referring == []


def test_only_schedules_of_the_group_send_in_the_role_and_only_to_the_launch_queue() -> None:
    (trust,) = resources()["SendScheduleRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert resolve(trust["Condition"], CLOUDFORMATION) == {
        "StringEquals": {
            "aws:SourceAccount": "123456789012",
            "aws:SourceArn": f"arn:aws:scheduler:eu-west-1:123456789012:schedule-group/{STACK}",
        }
    }
    queue = {"Fn::GetAtt": ["LaunchQueue", "Arn"]}
    assert statements("SendScheduleRole") == [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue}]


def test_the_function_changes_schedules_of_the_group_only_and_passes_that_role_only() -> None:
    by_service: dict[str, dict[str, Any]] = {}
    for statement in statements("CoordinationRole"):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if (service_name := actions[0].partition(":")[0]) in ("scheduler", "iam"):
            by_service[service_name] = statement
    assert (
        resolve(by_service["scheduler"]["Resource"], CLOUDFORMATION)
        == f"arn:aws:scheduler:eu-west-1:123456789012:schedule/{STACK}/*"
    )
    assert by_service["iam"]["Resource"] == {"Fn::GetAtt": ["SendScheduleRole", "Arn"]}
    assert by_service["iam"]["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_the_number_of_resources_does_not_depend_on_the_pipelines() -> None:
    types = sorted(resource["Type"] for resource in resources().values())
    assert types == ["AWS::IAM::Policy", "AWS::IAM::Role", "AWS::Scheduler::ScheduleGroup"]


@pytest.mark.parametrize("pipeline", ["", "fraud"])
def test_the_launch_function_reads_the_message_of_a_schedule(pipeline: str) -> None:
    request = read_message(_build_input(service(pipeline)), "sqs-1", "topic")
    assert request
    assert (request.pipeline, request.trigger.kind) == (pipeline, "schedule")
    assert request.trigger.detail == "<aws.scheduler.scheduled-time>"
