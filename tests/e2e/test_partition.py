"""A stack in China, with enforced IAM: nothing in it names the commercial partition or its hosts."""

import json
from typing import Any
from urllib.request import urlopen

import pytest

from tests.e2e.stack import DeployedStack, run_serverless
from tests.engine import running_engine

PARTITION, REGION = "aws-cn", "cn-north-1"


def test_a_stack_of_another_partition_builds_and_serves(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("china")
    with running_engine(folder, "--time-scale", "40", "--enforce-iam", "--region", REGION) as engine:
        deployed = run_serverless(engine, "deploy")
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        stack = DeployedStack(engine)
        stack.set_parameters(hostinstancetype="ml.m5.large")
        record = stack.finish(stack.start_by_message())
        assert record["status"] == "succeeded", record["reason"]
        assert stack.ask_endpoint() > 0.9
        arns = [text for text in stack.outputs.values() if text.startswith("arn:")]
        with urlopen(f"{engine.endpoint_url}/_local/audit") as answer:
            calls: list[dict[str, Any]] = json.load(answer)["calls"]
    assert {arn.split(":")[1] for arn in arns} == {PARTITION}
    assert {call["resource"].split(":")[1] for call in calls if call["resource"].startswith("arn:")} == {PARTITION}
    assert [call for call in calls if not call["allowed"]] == []
