"""``serverless deploy`` and ``remove`` against local/, with the real osls in its own process."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine import ROOT, Engine

STACK = "probe-dev"
UNHURRIED = {"SLS_AWS_MONITORING_FREQUENCY": "200", "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true"}


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A copy of the test service, because osls writes its packages next to it."""
    return Path(shutil.copytree(Path(__file__).parent / "service", tmp_path / "service"))


def run_serverless(engine: Engine, service: Path, command: str, **environment: str) -> tuple[int, str]:
    """Run an osls command; return its exit code and output."""
    ended = subprocess.run(
        [ROOT / "node_modules/.bin/serverless", *command.split()],
        cwd=service,
        env=engine.environment | UNHURRIED | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return ended.returncode, re.sub(r"\x1b\[[0-9;]*m", "", ended.stdout)


def test_a_service_is_deployed_updated_rolled_back_and_removed(engine: Engine, service: Path) -> None:
    cloudformation, s3, functions = engine.client("cloudformation"), engine.client("s3"), engine.client("lambda")

    def outputs() -> dict[str, str]:
        reported = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in reported}

    def greeting() -> bytes:
        return bytes(functions.invoke(FunctionName=f"{STACK}-greet")["Payload"].read())

    code, said = run_serverless(engine, service, "deploy")
    assert code == 0, said
    assert f"Service deployed to stack {STACK}" in said
    assert outputs()["Provisioned"] == "Create hello"
    assert greeting() == b'"hello"'

    code, said = run_serverless(engine, service, "deploy")
    assert code == 0, said
    assert "No changes to deploy" in said

    code, said = run_serverless(engine, service, "deploy", GREETING="good day", REFUSE="Update")
    assert code != 0
    assert "Provisioned" in said
    assert "Message returned: as requested" in said
    assert cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert greeting() == b'"hello"'

    code, said = run_serverless(engine, service, "deploy", GREETING="good day")
    assert code == 0, said
    assert outputs()["Provisioned"] == "Update good day"
    assert greeting() == b'"good day"'

    bucket = outputs()["BucketName"]
    s3.put_object(Bucket=bucket, Key="left behind", Body=b"")
    code, said = run_serverless(engine, service, "remove")
    assert code != 0
    assert "The bucket you tried to delete is not empty" in said

    s3.delete_object(Bucket=bucket, Key="left behind")
    code, said = run_serverless(engine, service, "remove")
    assert code == 0, said
    assert STACK not in [stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]]
    assert not [b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith("probe-dev")]
    assert not [f for f in functions.list_functions()["Functions"] if f["FunctionName"].startswith("probe-dev")]
