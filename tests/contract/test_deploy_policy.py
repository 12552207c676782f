"""docs/policies/deploy.json allows what the deployment of each resource of the template needs, service by service."""

import json
import re
from typing import Any

import yaml

from tests.engine import ROOT

POLICY: dict[str, Any] = json.loads((ROOT / "docs" / "policies" / "deploy.json").read_text(encoding="utf-8"))
# The IAM prefix of a CloudFormation namespace, where it is another word.
PREFIXES = {"StepFunctions": "states", "Serverless": "lambda"}


def list_services() -> set[str]:
    """The IAM prefixes of the services that have a resource in the template, and those that the framework adds."""
    types = [
        each["Type"]
        for path in (ROOT / "resources").glob("*.yml")
        for each in yaml.safe_load(path.read_text(encoding="utf-8"))["Resources"].values()
    ]
    namespaces = {kind.split("::")[1] for kind in types if kind.startswith("AWS::")}
    return {PREFIXES.get(name, name.lower()) for name in namespaces} | {"cloudformation", "lambda", "logs", "s3"}


def test_the_policy_allows_each_service_of_the_template_and_no_other() -> None:
    actions = [action for each in POLICY["Statement"] for action in each["Action"]]
    assert {action.partition(":")[0] for action in actions} == list_services()


def test_only_calls_without_a_resource_are_allowed_on_all() -> None:
    broad = {each["Sid"] for each in POLICY["Statement"] if each["Resource"] == "*"}
    assert broad == {"CheckTemplates", "ConnectItsFunctions", "ListLogGroups", "SubscribeItsQueue"}
    words = set(re.findall("<([A-Za-z]+)>", json.dumps(POLICY)))
    page = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")
    assert all(f"<{word}>" in page for word in words)


def test_one_managed_policy_has_room_for_it_with_long_names() -> None:
    values = {"Region": "ap-southeast-1", "Account": "123456789012", "Stack": "sagebuild-" + "x" * 20}
    text = re.sub("<([A-Za-z]+)>", lambda found: values[found[1]], json.dumps(POLICY))
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: without white space.
    assert len("".join(text.split())) <= 6144
    assert "*" not in {action.partition(":")[2] for each in POLICY["Statement"] for action in each["Action"]}
