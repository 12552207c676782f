"""A model that one stage has built goes live in another one, side by side on the same engine."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import WAIT, opened
from tests.command_line import Ended, run_command
from tests.e2e.deployment import approve, guard, sample
from tests.e2e.stack import NAME, DeployedStack, deploy_stage, run_serverless, wait_until
from tests.e2e.test_page import press, running_page
from tools.browser import running_browser

PROD = "sagebuild-prod"
# Granted to PromoteBuildRole and not called here, each with what calls it.
NOT_USED = {
    "ecr:DescribeImages",  # for the digest of a model's own image
    "s3:AbortMultipartUpload",  # when the upload of a large model breaks off
    "sqs:SendMessage",  # for a model that cannot be promoted
}
OWN: dict[str, Any] = {"trainsourcefile": "missing.tar.gz", "hostinstancecount": 2}


@pytest.fixture(scope="module")
def prod(deployed: DeployedStack) -> Iterator[DeployedStack]:
    """The stage that receives models, whose script and data a promotion must not need; removed at the end."""
    prod = deploy_stage(deployed.engine, "prod")
    prod.set_parameters(**OWN)
    yield prod
    removed = run_serverless(deployed.engine, "remove", "--stage", "prod")
    assert removed.returncode == 0, removed.stdout + removed.stderr


def promote(stack: DeployedStack, *arguments: str) -> Ended:
    return run_command("promote", *arguments, environment=stack.engine.environment)


def test_a_model_goes_live_in_another_stage(stack: DeployedStack, prod: DeployedStack) -> None:
    made = stack.build(keepbuilds=5)
    gate = {"metric": "accuracy", "minimum": 0.5}
    prod.set_parameters(**OWN, qualitygate=gate, smoketest=sample(prod))
    number = str(made["number"])
    asked = promote(stack, number, "--to", PROD)
    assert asked.returncode == 1
    moves = (
        f"From build {number} of {NAME} to build 1 of {PROD} would move the model (1 file), the serving script train"
    )
    assert moves in asked.stderr
    assert f"tags and network stay those of {PROD}. The quality gate must accept its accuracy." in asked.stderr
    assert prod.last_number() == 0

    ended = promote(stack, number, "--to", PROD, "--yes", "--watch")
    assert ended.returncode == 0, ended.stdout + ended.stderr + str(prod.record(1).get("reason"))
    record = prod.record(1)
    assert (record["status"], record["trigger"]["kind"]) == ("succeeded", "promotion")
    assert record["metrics"] == made["metrics"]
    assert not record.get("training_job")
    origin = record["origin"]
    assert (origin["stack"], origin["build"], origin["package"]) == (NAME, made["number"], made["model_package"])
    assert origin["artifact"] == made["model_files"][0]["uri"]
    assert prod.ask_endpoint() > 0.9
    assert prod.live_config() == record["endpoint_config"]
    config = prod.client("sagemaker").describe_endpoint_config(EndpointConfigName=record["endpoint_config"])
    assert config["ProductionVariants"][0]["InitialInstanceCount"] == 2
    package = prod.client("sagemaker").describe_model_package(ModelPackageName=record["model_package"])
    assert package["ModelApprovalStatus"] == "Approved"
    properties = package["CustomerMetadataProperties"]
    assert properties["origin.stack"] == NAME
    assert properties["origin.checksum"] == origin["checksum"]
    (message,) = prod.read_notifications(1)
    assert message.startswith(f"Build 1 of {PROD}, promoted from build {number} of {NAME}, succeeded")


def test_a_button_of_the_page_promotes_with_a_canary_and_the_way_back_is_a_rollback(
    stack: DeployedStack, prod: DeployedStack
) -> None:
    made, before = stack.build(), prod.live_config()
    prod.set_parameters(**OWN, hostinstancetype="ml.m5.large", guardrails=guard(prod))
    number, build = prod.last_number() + 1, made["number"]
    with (
        running_page(stack) as address,
        running_browser() as browser,
        opened(browser, f"{address}default/builds/{build}") as page,
    ):
        press(page, "Promote", f"From build {build} of {NAME} to build {number} of {PROD} would move the model")
        expect(page.get_by_role("dialog")).to_contain_text(f"Build {number} of {PROD} has started", timeout=WAIT)
    record = prod.finish(number)
    assert (record["status"], record["origin"]["build"]) == ("succeeded", build), record["reason"]
    described = prod.client("sagemaker").describe_endpoint(EndpointName=PROD)
    assert described["EndpointConfigName"] == record["endpoint_config"]
    assert described["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"

    wait_until(lambda: prod.read_lock()["running"] is None)
    arguments = ("rollback", "previous", "--stack", PROD, "--watch")
    ended = run_command(*arguments, environment=prod.engine.environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert prod.live_config() == before


def test_an_approved_model_goes_live_by_itself(stack: DeployedStack, prod: DeployedStack) -> None:
    deploy_stage(prod.engine, "prod", f"promoteFrom={NAME}")
    gate = {"metric": "accuracy", "minimum": 0.5}
    prod.set_parameters(**OWN, approval="manual", qualitygate=gate)
    before = prod.last_number()
    made = stack.build()
    wait_until(lambda: prod.last_number() > before)
    approve(prod, before + 1)
    record = prod.finish(before + 1)
    assert record["status"] == "succeeded", record["reason"]
    assert record["trigger"] == {"kind": "promotion", "detail": f"approved in {NAME}", "rollback": ""}
    assert (record["origin"]["build"], record["metrics"]) == (made["number"], made["metrics"])
    assert prod.live_config() == record["endpoint_config"]

    prod.set_parameters(**OWN)
    conversation = stack.converse()
    asked = conversation.say("promote_build", number=str(made["number"]), stage="prod")
    assert asked.startswith(f"That would promote build {made['number']} to prod: the model and its script move")
    assert conversation.say("yes").startswith(f"Build {made['number']} is on its way to prod")
    wait_until(lambda: prod.last_number() == before + 2)
    spoken = prod.finish(before + 2)
    assert (spoken["status"], spoken["origin"]["build"]) == ("succeeded", made["number"]), spoken["reason"]
    assert spoken["trigger"]["detail"] == f"requested by voice in {NAME}"

    withheld = stack.build(qualitygate=gate | {"minimum": 2})
    assert withheld["status"] == "withheld"
    audit = prod.engine.read_audit()
    calls = [call for call in audit["calls"] if call["role"].startswith((PROD, f"{NAME}-AlexaSkill"))]
    skill_calls = {call["action"] for call in calls if call["role"].startswith(NAME)}
    assert {"cloudformation:ListExports", "events:PutEvents"} <= skill_calls
    assert [call for call in calls if not call["allowed"]] == []
    role = f"{PROD}-PromoteBuild"
    granted = {grant["action"] for grant in audit["unused"] if grant["role"].startswith(role)}  # per resource
    assert granted - {call["action"] for call in calls if call["role"].startswith(role)} == NOT_USED
