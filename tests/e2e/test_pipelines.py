"""Two pipelines of one deployed stack, created and used with the command line: they share nothing but the stack."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagebuild.builds.items import from_item
from tests.e2e.stack import NAME, PARAMETERS, SCRIPT, DeployedStack, wait_until
from tests.e2e.test_command_line import run

JOB_LOGS = "/aws/sagemaker/TrainingJobs"
Ended = dict[str, dict[str, Any]]


def command(stack: DeployedStack, *arguments: str) -> str:
    """Run a command that succeeds; return its output."""
    ended = run(stack, *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def create(stack: DeployedStack, name: str, folder: Path) -> None:
    """Create a pipeline with data, a script and parameters of its own."""
    settings = [f"--set={key}={json.dumps(value)}" for key, value in PARAMETERS.items() if key != "framework"]
    command(stack, "pipelines", "create", name, "--framework", "SCIKIT", *settings)
    data = stack.client("s3").get_object(Bucket=stack.outputs["DataBucket"], Key="train/digits.csv")["Body"].read()
    (folder / "digits.csv").write_bytes(data)
    (folder / "train.py").write_text(SCRIPT)
    command(stack, "upload", "data", str(folder / "digits.csv"), "--pipeline", name)
    command(stack, "upload", "source", str(folder), "--name", "source.tar.gz", "--pipeline", name)


def start(stack: DeployedStack, name: str, trouble: str) -> int:
    answer = command(stack, "start", "--json", "--pipeline", name, "--set", f"hyperparameters.trouble={trouble}")
    return int(json.loads(answer)["number"])


def read_record(stack: DeployedStack, name: str, number: int) -> dict[str, Any]:
    key = {"kind": {"S": f"build#{name}"}, "number": {"N": str(number)}}
    return from_item(stack.client("dynamodb").get_item(TableName=stack.outputs["BuildsTable"], Key=key).get("Item", {}))


def wait_for(stack: DeployedStack, name: str, number: int, attribute: str) -> None:
    """Wait until a build's record has an attribute."""
    wait_until(lambda: read_record(stack, name, number).get(attribute))


@pytest.fixture(scope="module")
def built(deployed: DeployedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """The records of a build of each pipeline; both began before one had ended."""
    for name in ("fraud", "churn"):
        create(deployed, name, tmp_path_factory.mktemp(name))
    numbers = {name: start(deployed, name, "slow") for name in ("fraud", "churn")}
    for name, number in numbers.items():
        wait_for(deployed, name, number, "notified_at")
    yield {name: read_record(deployed, name, number) for name, number in numbers.items()}
    command(deployed, "pipelines", "remove", "churn", "--yes")


def test_each_pipeline_gets_its_own_endpoint_and_notification(deployed: DeployedStack, built: Ended) -> None:
    assert {name: record["status"] for name, record in built.items()} == {"fraud": "succeeded", "churn": "succeeded"}
    fraud, churn = built["fraud"], built["churn"]
    assert max(fraud["created_at"], churn["created_at"]) < min(fraud["ended_at"], churn["ended_at"])
    texts = [text for number in {fraud["number"], churn["number"]} for text in deployed.read_notifications(number)]
    for name, record in built.items():
        endpoint = deployed.client("sagemaker").describe_endpoint(EndpointName=f"{NAME}-{name}")
        assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", record["live_after"])
        assert len([text for text in texts if f"{NAME}/{name} succeeded" in text]) == 1
        answer = command(deployed, "predict", "--data", json.dumps([[0] * 64]), "--pipeline", name)
        assert len(json.loads(answer)) == 1
        assert f"of {name} succeeded" in command(deployed, "say", "is my build done", "--pipeline", name)
    rows = {row["name"]: row for row in json.loads(command(deployed, "pipelines", "--json"))}
    assert [rows[name]["live_build"] for name in ("fraud", "churn")] == [fraud["number"], churn["number"]]


def test_a_removed_pipeline_leaves_only_data_and_code_and_touches_no_other(
    deployed: DeployedStack, built: Ended
) -> None:
    number = start(deployed, "churn", "endless")
    wait_for(deployed, "churn", number, "training_job")
    before = list_parts(deployed, "churn")
    assert {kind for kind, parts in list_parts(deployed, "fraud").items() if parts} == set(before)
    shown = command(deployed, "pipelines", "remove", "fraud", "--yes")
    assert f"the endpoint {NAME}-fraud, which is InService" in shown
    assert shown.endswith("The pipeline fraud is removed.\n")
    after = list_parts(deployed, "fraud")
    assert {kind: parts for kind, parts in after.items() if parts} == {
        "data": ["fraud/train/digits.csv"],
        "code": ["fraud/source.tar.gz"],
    }
    left = list_parts(deployed, "churn")
    assert {kind: sorted(set(parts) - set(left[kind])) for kind, parts in before.items()} == {
        kind: [] for kind in before
    }
    assert not read_record(deployed, "churn", number).get("ended_at")
    refused = run(deployed, "start", "--pipeline", "fraud")
    assert (refused.returncode, f"{NAME} has no pipeline 'fraud'" in refused.stderr) == (1, True)
    command(deployed, "stop", "--pipeline", "churn")
    assert built["churn"]["number"] < number


def list_parts(stack: DeployedStack, name: str) -> dict[str, list[str]]:
    """Everything that belongs to a pipeline, by kind."""
    sagemaker, infix = stack.client("sagemaker"), f"-{name}"

    def list_names(operation: str, member: str, key: str) -> list[str]:
        pages = sagemaker.get_paginator(operation).paginate(NameContains=infix)
        return sorted(one[key] for page in pages for one in page[member])

    groups = sagemaker.list_model_package_groups(NameContains=infix)["ModelPackageGroupSummaryList"]
    streams = stack.client("logs").get_paginator("describe_log_streams").paginate(logGroupName=JOB_LOGS)
    names = [stream["logStreamName"] for page in streams for stream in page["logStreams"]]
    return {
        "endpoints": list_names("list_endpoints", "Endpoints", "EndpointName"),
        "configs": list_names("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        "models": list_names("list_models", "Models", "ModelName"),
        "jobs": list_names("list_training_jobs", "TrainingJobSummaries", "TrainingJobName"),
        "groups": [group["ModelPackageGroupName"] for group in groups],
        "job logs": sorted(stream for stream in names if infix in stream),
        "endpoint logs": list_groups(stack, f"/aws/sagemaker/Endpoints/{NAME}-{name}"),
        "items": list_items(stack, name),
        "document": list_document(stack, f"/{NAME}/{name}/parameters"),
        "models' files": list_keys(stack, "ModelBucket", name),
        "data": list_keys(stack, "DataBucket", name),
        "code": list_keys(stack, "CodeBucket", name),
    }


def list_groups(stack: DeployedStack, name: str) -> list[str]:
    groups = stack.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return [group["logGroupName"] for group in groups]


def list_items(stack: DeployedStack, name: str) -> list[str]:
    """The kinds of the pipeline's items in the builds table."""
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["BuildsTable"])
    items = [from_item(item) for page in pages for item in page["Items"]]
    return sorted(item["kind"] for item in items if item["kind"] == f"build#{name}" or item.get("pipeline") == name)


def list_document(stack: DeployedStack, name: str) -> list[str]:
    return [one["Name"] for one in stack.client("ssm").get_parameters(Names=[name])["Parameters"]]


def list_keys(stack: DeployedStack, bucket: str, name: str) -> list[str]:
    objects = stack.client("s3").list_objects_v2(Bucket=stack.outputs[bucket], Prefix=f"{name}/").get("Contents", [])
    return [one["Key"] for one in objects]
