"""For each EventBridge trigger, its rule, deploy parameter, reader, sample and documentation agree.

To add one, edit serverless.yml, resources/triggers.yml, sagebuild/launch/events.py and docs/triggers.md, and add a
sample to tests/events/eventbridge/. These tests and tests/e2e/test_triggers.py find the rest from those five.
"""

import json
import re
from typing import Any

import pytest

from sagebuild.launch.events import EVENT_SOURCES
from sagebuild.launch.triggers import KINDS, REQUEST_SOURCE, LaunchRequest, read_message
from tests.engine import ROOT
from tests.eventbridge import change, deployed, matches, samples, switches, template

SAMPLES = samples()
PAGE = (ROOT / "docs" / "triggers.md").read_text(encoding="utf-8")
REQUESTS = "RequestRule"  # of the client's events, which is always on
RULES: dict[str, dict[str, Any]] = {
    name: resource
    for name, resource in template()["Resources"].items()
    if resource["Type"] == "AWS::Events::Rule" and name != REQUESTS
}
each_sample = pytest.mark.parametrize("name", SAMPLES)
each_rule = pytest.mark.parametrize("rule", RULES)


def test_each_rule_and_each_source_has_a_sample() -> None:
    assert sorted(sample.rule for sample in SAMPLES.values()) == sorted(RULES)
    assert {sample.event["source"] for sample in SAMPLES.values()} == EVENT_SOURCES.keys()


@each_sample
def test_the_sample_is_a_request(name: str) -> None:
    sample = SAMPLES[name]
    key = sample.event["detail"]["object"]["key"] if sample.trigger.kind == "upload" else ""
    expected = LaunchRequest(sample.trigger, sample.event["id"], key=key)
    assert read_message(json.dumps(sample.event), "sqs-1", "topic") == expected


@each_sample
def test_the_rule_lets_the_sample_through_once_it_is_switched_on(name: str) -> None:
    sample = SAMPLES[name]
    assert matches(sample.rule, sample.event, deployed(sample.deploy))


@each_sample
def test_the_rule_ignores_other_events(name: str) -> None:
    sample, parameters = SAMPLES[name], deployed(SAMPLES[name].deploy)
    assert sample.ignored or "ScheduleExpression" in RULES[sample.rule]["Properties"]
    through = [one for one in sample.ignored if matches(sample.rule, change(sample.event, one), parameters)]
    assert through == []


@each_rule
def test_a_rule_is_off_by_default_and_says_what_happened(rule: str) -> None:
    condition = template()["Conditions"][RULES[rule]["Condition"]]
    (parameter,) = re.findall(r"'Ref': '(\w+)'", str(condition))
    is_given = {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}
    assert condition in (is_given, {"Fn::Equals": [{"Ref": parameter}, "true"]})
    (switch,) = re.findall(r"\$\{param:(\w+)\}", template()["Parameters"][parameter]["Default"])
    assert switches()[switch] in ("", "false")
    assert RULES[rule]["Properties"]["Description"]


@each_rule
def test_a_rule_sends_to_the_launch_queue_which_lets_it(rule: str) -> None:
    (target,) = RULES[rule]["Properties"]["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["LaunchQueue", "Arn"]}
    (statement,) = template()["Resources"]["LaunchQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [RULES[rule]["Condition"], {"Fn::GetAtt": [rule, "Arn"]}, {"Ref": "AWS::NoValue"}]
    assert {"Fn::If": allowed} in statement["Condition"]["ArnEquals"]["aws:SourceArn"]


def test_the_rule_of_the_clients_events_is_always_on_and_limited_to_the_stack() -> None:
    rule = template()["Resources"][REQUESTS]
    (statement,) = template()["Resources"]["LaunchQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert "Condition" not in rule
    assert rule["Properties"]["EventPattern"] == {
        "source": [REQUEST_SOURCE],
        "detail-type": [{"prefix": {"Fn::Sub": "${AWS::StackName}/"}}],
    }
    assert {"Fn::GetAtt": [REQUESTS, "Arn"]} in statement["Condition"]["ArnEquals"]["aws:SourceArn"]


def test_buckets_and_alarms_of_the_account_may_publish_to_the_launch_topic() -> None:
    """Otherwise S3 refuses the notification configuration of a bucket."""
    policy = template()["Resources"]["LaunchTopicPolicy"]["Properties"]
    assert policy["Topics"] == [{"Ref": "LaunchTopic"}]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["s3.amazonaws.com", "cloudwatch.amazonaws.com"]},
            "Action": "sns:Publish",
            "Resource": {"Ref": "LaunchTopic"},
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        }
    ]


def test_every_deploy_parameter_has_a_default_and_is_described() -> None:
    used = re.findall(r"\$\{param:(\w+)\}", (ROOT / "resources" / "triggers.yml").read_text(encoding="utf-8"))
    assert len(used) == len(template()["Parameters"])
    assert set(used) <= switches().keys()
    assert [name for name in used if f"`{name}" not in PAGE] == []


def test_every_kind_of_trigger_is_described() -> None:
    (listed,) = re.findall(r"attribute `trigger` \(([^)]*)\)", " ".join(PAGE.split()))
    assert tuple(re.findall(r"`(\w+)`", listed)) == KINDS
    assert [kind for kind in KINDS if not re.search(rf"^\|.*`{kind}`.*\|$", PAGE, re.MULTILINE)] == []
