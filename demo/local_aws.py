"""Starts local/, deploys the service to it and removes the service, with the commands that a person would type."""

import fcntl
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from sagebuild.child_process import running
from sagebuild.deployment.laptop import running_laptop

ROOT = Path(__file__).parents[1]
STACK = "sagebuild-dev"
REGION = "us-east-1"
SKILL_ID = "amzn1.ask.skill.00000000-0000-4000-8000-000000000000"


class DemoError(Exception):
    """A step of the demonstration failed."""


class Aws:
    """boto3 clients, and the environment variables that lead other tools to the same AWS."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.endpoint_url = variables["AWS_ENDPOINT_URL"]
        self._session: Any = boto3.session.Session(
            variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], region_name=REGION
        )

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        return self._session.client(service, endpoint_url=self.endpoint_url)

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the deployed stack."""
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def refuse_busy_port(port: int, target: str) -> None:
    """Check that a port is free; port 0 always is.

    Parameters
    ----------
    target
        The target of the Makefile that the user runs.

    Raises
    ------
    DemoError
        The port is in use; the message names a command with a free one.
    """
    if port and not _is_free(port):
        other = next((each for each in range(port + 1, min(port + 100, 65536)) if _is_free(each)), 0)
        raise DemoError(f"port {port} is in use, perhaps by another 'make local'; run: make {target} PORT={other}")


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the engine does
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def running_aws(port: int) -> Iterator[Aws]:
    """Run local/ in a process of its own, with a new data folder, until the block ends."""
    with running_laptop(port) as variables:
        yield Aws(variables)


def run_serverless(aws: Aws, console: Console, *arguments: str) -> None:
    """Run ``npx serverless ...`` and print its output line by line.

    Raises
    ------
    DemoError
        The command failed.
    """
    command = ["npx", "serverless", *arguments]
    console.print(f"  [dim]$ {' '.join(command)}[/dim]")
    environment = (
        os.environ
        | aws.variables
        | {
            "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true",
            "SLS_AWS_MONITORING_FREQUENCY": "200",  # milliseconds; the default of osls is five seconds
        }
    )
    if not shutil.which("npx"):
        raise DemoError("npx is not on the PATH; install Node.js, whose version package.json names")
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with folder_lock(console), running(command, cwd=ROOT, env=environment, **streams) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                console.print(f"  {line.rstrip()}", markup=False, highlight=False)
        process.wait()
    if process.returncode:
        raise DemoError(f"{' '.join(command)} ended with exit code {process.returncode}")


@contextmanager
def folder_lock(console: Console) -> Iterator[None]:
    """Let one process at a time run serverless in this folder: .serverless and .layer belong to one deployment."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("  waiting for another deployment from this folder")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def serving_page(aws: Aws) -> Iterator[str]:
    """Serve the page of builds in a process of its own, until the block ends; its address.

    Raises
    ------
    DemoError
        The page did not start.
    """
    command = [sys.executable, "-m", "sagebuild", "ui"]
    with running(command, cwd=ROOT, env=os.environ | aws.variables, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        match = re.search(r"http\S+", process.stdout.readline())
        if not match:
            raise DemoError("the page of builds did not start; see its output above")
        yield match.group()


def open_notebooks(aws: Aws) -> None:
    """Run JupyterLab on the notebooks until the user stops it."""
    # With the default, the notebooks' folder, the links to docs/ would not work.
    root = f"--ServerApp.root_dir={ROOT}"
    command = [sys.executable, "-m", "jupyterlab", root, "notebooks/01-first-build.ipynb"]
    with running(command, in_terminal=True, cwd=ROOT, env=os.environ | aws.variables) as process:
        # Ctrl-C reaches both processes. JupyterLab asks for confirmation; the service runs until JupyterLab has ended.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        process.wait()


def pack_source(folder: Path) -> bytes:
    """Pack a folder's Python files into a source archive for SageMaker's containers."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for file in sorted(folder.glob("*.py")):
            tar.add(file, arcname=file.name)
    return archive.getvalue()


def list_inventory(aws: Aws) -> set[str]:
    """Return every resource in the account, as kind and name."""
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
        "connection": [each["Name"] for each in aws.client("events").list_connections()["Connections"]],
        "API destination": [each["Name"] for each in aws.client("events").list_api_destinations()["ApiDestinations"]],
        "secret": [each["Name"] for each in aws.client("secretsmanager").list_secrets()["SecretList"]],
        "rule": [rule["Name"] for rule in aws.client("events").list_rules()["Rules"]],
        "schedule group": [g["Name"] for g in aws.client("scheduler").list_schedule_groups()["ScheduleGroups"]],
        "schedule": [schedule["Name"] for schedule in aws.client("scheduler").list_schedules()["Schedules"]],
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
