"""The sample of each EventBridge trigger, tests/events/eventbridge/, and the rules of resources/triggers.yml.

A sample holds the ``event`` as AWS writes it, the ``trigger`` that it is read as, the ``rule`` that lets it through,
the deploy parameters (``deploy``) that switch the rule on, and changes to the event that the rule must ignore.
"""

import copy
import json
from functools import cache
from typing import Any, NamedTuple

import yaml

from sagebuild.builds.records import Trigger
from tests.engine import ROOT

# What CloudFormation knows of the stack that the samples come from.
STACK = {
    "DataBucket": "house-data",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
}


class Sample(NamedTuple):
    """The sample of one trigger."""

    rule: str
    deploy: dict[str, str]
    trigger: Trigger
    ignored: list[dict[str, str]]
    event: dict[str, Any]


@cache
def template() -> dict[str, Any]:
    """resources/triggers.yml."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "resources" / "triggers.yml").read_text(encoding="utf-8"))
    return content


@cache
def switches() -> dict[str, str]:
    """The default of each deploy parameter, by name."""
    service = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
    return dict(service["params"]["default"])


def samples() -> dict[str, Sample]:
    """All samples by the name of their file."""
    found = {}
    for path in sorted((ROOT / "tests" / "events" / "eventbridge").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = Sample(**content | {"trigger": Trigger(**content["trigger"])})
    return found


def change(event: dict[str, Any], changes: dict[str, str]) -> dict[str, Any]:
    """Return a copy of an event with other values at dotted paths, such as "resources.0"."""
    changed = copy.deepcopy(event)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place: Any = changed
        for step in parents:
            place = place[int(step) if isinstance(place, list) else step]
        place[int(last) if isinstance(place, list) else last] = value
    return changed


def deployed(deploy: dict[str, str]) -> dict[str, str]:
    """Return the template's parameters for these deploy parameters and the defaults of the others."""
    given = switches() | deploy
    defaults = {name: parameter["Default"] for name, parameter in template()["Parameters"].items()}
    return STACK | {name: given[default.removeprefix("${param:")[:-1]] for name, default in defaults.items()}


def matches(rule: str, event: Any, parameters: dict[str, str]) -> bool:
    """Return whether a rule of the template lets an event through; a schedule's rule makes its events itself."""
    from moto.events.models import EventPattern

    properties = template()["Resources"][rule]["Properties"]
    if "EventPattern" not in properties:
        return bool(event["source"] == "aws.events" and resolve(properties["ScheduleExpression"], parameters))
    pattern = resolve(properties["EventPattern"], parameters)
    return bool(EventPattern.load(json.dumps(pattern)).matches_event(event))


def resolve(value: Any, parameters: dict[str, str]) -> Any:
    """Return a part of the template with its parameters filled in."""
    if isinstance(value, list):
        return [resolve(inner, parameters) for inner in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return parameters[value["Ref"]]
    if "Fn::Sub" in value:
        text = value["Fn::Sub"]
        for name, given in parameters.items():
            text = text.replace(f"${{{name}}}", given)
        return text
    return {name: resolve(inner, parameters) for name, inner in value.items()}
