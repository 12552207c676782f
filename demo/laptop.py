"""Brings the service up on local/ and takes it down again, with the commands that a person would type."""

import io
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

ROOT = Path(__file__).parents[1]
STACK = "sagebuild-dev"
REGION = "us-east-1"
SKILL_ID = "amzn1.ask.skill.00000000-0000-4000-8000-000000000000"


class DemoError(Exception):
    """A step was not as it should be."""


class Aws:
    """The clients of one endpoint, and the environment in which ordinary tools find it."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self._session: Any = boto3.session.Session()
        self.variables = {
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self._session.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint_url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def outputs(self) -> dict[str, str]:
        """What the deployed stack gives out."""
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@contextmanager
def running_aws(port: int, time_scale: float) -> Iterator[Aws]:
    """local/ in a process of its own, with a new data folder, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="sagebuild-") as folder:
        options = ["--port", str(port), "--data", folder, "--time-scale", str(time_scale)]
        process = subprocess.Popen(
            [sys.executable, "-m", "local", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            match = re.search(r"http\S+", process.stdout.readline())
            if not match:
                raise DemoError("local/ did not start; what it said stands above.")
            yield Aws(match.group())
        finally:
            process.terminate()
            process.wait()


def run_serverless(aws: Aws, console: Console, *arguments: str) -> None:
    """``npx serverless ...``, its output shown as it comes.

    Raises
    ------
    DemoError
        It did not succeed.
    """
    command = ["npx", "serverless", *arguments]
    console.print(f"  [dim]$ {' '.join(command)}[/dim]")
    environment = (
        os.environ
        | aws.variables
        | {
            "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true",
            "SLS_AWS_MONITORING_FREQUENCY": "200",  # milliseconds; osls asks every five seconds, for a cloud's sake
        }
    )
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip():
            console.print(f"  {line.rstrip()}", markup=False, highlight=False)
    if process.wait():
        raise DemoError(f"{' '.join(command)} ended with {process.returncode}.")


def open_notebooks(aws: Aws) -> None:
    """JupyterLab on the notebooks, until the person ends it."""
    # Without it the notebooks' own folder would be the root, above which no link leads to the docs.
    root = f"--ServerApp.root_dir={ROOT}"
    command = [sys.executable, "-m", "jupyterlab", root, "notebooks/01-first-build.ipynb"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | aws.variables)
    # Ctrl-C reaches both; JupyterLab asks whether it is meant, and the service must stay until it has ended.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    process.wait()


def pack_source(folder: Path) -> bytes:
    """A folder's Python files as the source archive that SageMaker's containers unpack."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for file in sorted(folder.glob("*.py")):
            tar.add(file, arcname=file.name)
    return archive.getvalue()


def list_inventory(aws: Aws) -> set[str]:
    """Everything that stands in the account, by kind and name."""
    sagemaker, logs = aws.client("sagemaker"), aws.client("logs")
    stacks = aws.client("cloudformation").list_stacks()["StackSummaries"]
    found = {
        "stack": [stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"],
        "bucket": [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]],
        "function": [f["FunctionName"] for f in aws.client("lambda").list_functions()["Functions"]],
        "layer": [layer["LayerName"] for layer in aws.client("lambda").list_layers()["Layers"]],
        "table": aws.client("dynamodb").list_tables()["TableNames"],
        "topic": [topic["TopicArn"] for topic in aws.client("sns").list_topics()["Topics"]],
        "queue": aws.client("sqs").list_queues().get("QueueUrls", []),
        "parameter": [p["Name"] for p in aws.client("ssm").describe_parameters()["Parameters"]],
        "state machine": [m["name"] for m in aws.client("stepfunctions").list_state_machines()["stateMachines"]],
        "rule": [rule["Name"] for rule in aws.client("events").list_rules()["Rules"]],
        "role": [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]],
        "endpoint": [e["EndpointName"] for e in sagemaker.list_endpoints()["Endpoints"]],
        "endpoint config": [c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]],
        "model": [model["ModelName"] for model in sagemaker.list_models()["Models"]],
        "model package group": [
            group["ModelPackageGroupName"]
            for group in sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
        ],
        "training job": [job["TrainingJobName"] for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]],
        "tuning job": [
            job["HyperParameterTuningJobName"]
            for job in sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
        ],
        "log stream": [
            stream["arn"]
            for group in logs.describe_log_groups()["logGroups"]
            for stream in logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
        ],
    }
    return {f"{kind} {name}" for kind, names in found.items() for name in names}
