"""A model that one stage has built goes live in another one, side by side on the same engine."""

from collections.abc import Iterator

import pytest

from tests.command_line import Ended, run_command
from tests.e2e.deployment import sample
from tests.e2e.stack import NAME, DeployedStack, deploy_stage, wait_until

PROD = "sagebuild-prod"


@pytest.fixture(scope="module")
def prod(deployed: DeployedStack) -> DeployedStack:
    """The stage that receives models."""
    return deploy_stage(deployed.engine, "prod")


@pytest.fixture
def receiver(prod: DeployedStack) -> Iterator[DeployedStack]:
    """The stage with its own document, whose script and data a promotion must not need."""
    prod.set_parameters(trainentrypoint="other.py", trainsourcefile="missing.tar.gz", hostinstancecount=2)
    yield prod
    wait_until(lambda: prod.read_lock().get("running") is None)


def promote(stack: DeployedStack, *arguments: str) -> Ended:
    return run_command("promote", *arguments, environment=stack.engine.environment)


def test_a_model_goes_live_in_another_stage(stack: DeployedStack, receiver: DeployedStack) -> None:
    made = stack.build(keepbuilds=5)
    gate = {"metric": "accuracy", "minimum": 0.5}
    receiver.set_parameters(
        trainsourcefile="missing.tar.gz", hostinstancecount=2, Tags={"team": "serving"}, qualitygate=gate,
        smoketest=sample(receiver),
    )  # fmt: skip
    number = str(made["number"])
    asked = promote(stack, number, "--to", PROD)
    assert asked.returncode == 1
    moves = (
        f"From build {number} of {NAME} to build 1 of {PROD} would move the model (1 file), the serving script train"
    )
    assert moves in asked.stderr
    assert f"tags and network stay those of {PROD}. The quality gate must accept its accuracy." in asked.stderr
    assert receiver.last_number() == 0

    ended = promote(stack, number, "--to", PROD, "--yes", "--watch")
    assert ended.returncode == 0, ended.stdout + ended.stderr + str(receiver.record(1).get("reason"))
    record = receiver.record(1)
    assert (record["status"], record["trigger"]["kind"]) == ("succeeded", "promotion")
    assert record["metrics"] == made["metrics"]
    assert not record.get("training_job")
    origin = record["origin"]
    assert (origin["stack"], origin["build"], origin["package"]) == (NAME, made["number"], made["model_package"])
    assert origin["artifact"] == made["model_files"][0]["uri"]
    assert receiver.ask_endpoint() > 0.9
    assert receiver.live_config() == record["endpoint_config"]
    config = receiver.client("sagemaker").describe_endpoint_config(EndpointConfigName=record["endpoint_config"])
    assert config["ProductionVariants"][0]["InitialInstanceCount"] == 2
    package = receiver.client("sagemaker").describe_model_package(ModelPackageName=record["model_package"])
    assert package["ModelApprovalStatus"] == "Approved"
    properties = package["CustomerMetadataProperties"]
    assert properties["origin.stack"] == NAME
    assert properties["origin.checksum"] == origin["checksum"]
    (message,) = receiver.read_notifications(1)
    assert message.startswith(f"Build 1 of {PROD}, promoted from build {number} of {NAME}, succeeded")
