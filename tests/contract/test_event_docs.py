"""docs/events.md and the JSON Schema describe the event that the service publishes."""

import json
import re
from dataclasses import fields
from typing import Any, get_args

import yaml
from jsonschema import Draft202012Validator

from sagebuild.events.change import DETAIL_TYPE, SOURCE, BuildStateChange
from sagebuild.events.states import State
from tests.engine import ROOT
from tools.generate_event_schema import SCHEMA, write_schema

PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")


def read_example() -> dict[str, Any]:
    example: dict[str, Any] = json.loads(PAGE.partition("```json\n")[2].partition("```")[0])
    return example


def test_the_committed_schema_is_fresh() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == write_schema(), "run: make docs"
    assert BuildStateChange.version in SCHEMA.name, "a new version has a new file"


def test_the_page_explains_every_state() -> None:
    table = PAGE.partition("## The states of a build")[2].partition("\n\n")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(get_args(State))


def test_the_example_of_the_page_is_valid_and_has_every_member() -> None:
    example, schema = read_example(), json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(example)
    assert list(example) == [field.name for field in fields(BuildStateChange)]


def test_a_consumer_accepts_what_a_later_release_adds() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert Draft202012Validator(schema).is_valid(read_example() | {"added_later": 1})
    assert not Draft202012Validator(schema).is_valid(read_example() | {"state": "sleeping"})


def test_the_function_may_publish_this_event_and_no_other() -> None:
    resources = yaml.safe_load((ROOT / "resources" / "access.yml").read_text(encoding="utf-8"))["Resources"]
    (policy,) = resources["PublishEventsRole"]["Properties"]["Policies"]
    (statement,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Action"] == "events:PutEvents"]
    assert statement["Condition"] == {
        "StringEquals": {"events:source": SOURCE, "events:detail-type": DETAIL_TYPE},
    }
    assert statement["Resource"]["Fn::Sub"].endswith(":event-bus/default")
