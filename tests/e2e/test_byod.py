"""Builds whose images come from a person's Dockerfiles."""

from typing import Any

import pytest

from tests.e2e.byod import KINDS, SLOW, Byod
from tests.e2e.stack import DeployedStack, wait_until


@pytest.fixture
def byod(deployed: DeployedStack) -> Byod:
    return Byod(deployed)


@pytest.fixture(scope="module")
def record(deployed: DeployedStack) -> dict[str, Any]:
    """Of a build that has made both images."""
    return Byod(deployed).build()


@pytest.fixture
def built(record: dict[str, Any]) -> int:
    """The number of that build."""
    assert record["status"] == "succeeded", record["reason"]
    return int(record["number"])


def test_the_example_is_built_trained_and_served(byod: Byod, record: dict[str, Any]) -> None:
    number = record["number"]
    assert (record["status"], record["reason"]) == ("succeeded", "")
    assert record["metrics"]["accuracy"] > 0.9
    assert byod.ask_endpoint() == KINDS
    training = f"{byod.repository}@{byod.digest(f'build-{number}-training')}"
    inference = f"{byod.repository}@{byod.digest(f'build-{number}-inference')}"
    assert (record["training_image"], record["inference_image"]) == (training, inference)
    job = byod.stack.describe_job(record["training_job"])
    assert job["AlgorithmSpecification"]["TrainingImage"] == training
    assert job["HyperParameters"] == {"trees": "20"}
    model = byod.stack.client("sagemaker").describe_model(ModelName=record["model"])
    assert model["PrimaryContainer"]["Image"] == inference
    assert [build["buildStatus"] for build in byod.image_builds(number)] == ["SUCCEEDED", "SUCCEEDED"]


def test_an_image_that_is_not_to_be_built_is_the_newest_earlier_one(byod: Byod, built: int) -> None:
    record = byod.build(build={"Training": False, "Inference": True})
    number = record["number"]
    assert (record["status"], record["reason"]) == ("succeeded", "")
    assert len(byod.image_builds(number)) == 1
    assert record["training_image"] == f"{byod.repository}@{byod.digest(f'build-{built}-training')}"
    assert record["inference_image"] == f"{byod.repository}@{byod.digest(f'build-{number}-inference')}"


def test_one_dockerfile_is_built_once_and_later_builds_find_its_image_for_both_uses(byod: Byod) -> None:
    record = byod.build(dockerfile_path_Inference="training/docker", deployEndpoint=False)
    assert (record["status"], record["reason"]) == ("succeeded", "")
    digests = {byod.digest(f"build-{record['number']}-{scope}") for scope in ("training", "inference")}
    assert [build["buildStatus"] for build in byod.image_builds(record["number"])] == ["SUCCEEDED"]
    assert {f"{byod.repository}@{digest}" for digest in digests} == {record["training_image"]}
    assert record["inference_image"] == record["training_image"]
    later = byod.build(build={"Training": True, "Inference": False}, deployEndpoint=False)
    assert later["inference_image"] == record["inference_image"]
    assert f"The inference image is from build {record['number']}, because build.Inference is false." in later["notes"]


def test_own_images_are_taken_as_they_are(byod: Byod, built: int) -> None:
    training, inference = (f"{byod.repository}:build-{built}-{scope}" for scope in ("training", "inference"))
    record = byod.build(TrainingImage=training, InferenceImage=inference, sourcelocation=None, traininstancecount=2)
    assert (record["status"], record["reason"]) == ("succeeded", "")
    assert byod.stack.describe_job(record["training_job"])["ResourceConfig"]["InstanceCount"] == 2
    assert byod.ask_endpoint() == KINDS
    assert (record["training_image"], record["inference_image"]) == (training, inference)
    assert byod.image_builds(record["number"]) == []


def test_a_failing_dockerfile_is_reported_with_its_reason(byod: Byod) -> None:
    key = byod.upload("failing.zip", training_Dockerfile="FROM python:3.13-slim\nCOPY absent.py /\n")
    record = byod.build(sourcelocation=key)
    assert (record["status"], record["step"], record["job_status"]) == ("failed", "Build Image", "")
    assert record["reason"].startswith("The training image could not be built from training/docker: ERROR: ")
    assert '"/absent.py": not found' in record["reason"]
    states = {build["buildStatus"] for build in byod.image_builds(record["number"])}
    assert states <= {"FAILED", "STOPPED", "SUCCEEDED"}
    (message,) = byod.stack.read_notifications(record["number"])
    assert "absent.py" in message


def test_a_folder_without_a_dockerfile_is_named(byod: Byod) -> None:
    record = byod.build(dockerfile_path_Inference="elsewhere")
    assert "The inference image could not be built from elsewhere: " in record["reason"]
    assert "the source has no file elsewhere/Dockerfile" in record["reason"]


def test_a_missing_source_is_reported_before_anything_costs_money(byod: Byod) -> None:
    record = byod.build(sourcelocation="absent.zip")
    assert record["step"] == "Plan Build"
    assert "sourcelocation names s3://" in record["reason"]
    assert "absent.zip" in record["reason"]
    assert "sourcelocation is not set" in byod.build(sourcelocation=None)["reason"]


def test_stop_by_voice_stops_the_image_builds(byod: Byod) -> None:
    before = byod.stack.live_config()
    byod.set_parameters(sourcelocation=byod.upload("slow.zip", training_Dockerfile=SLOW))
    number = byod.stack.start_by_voice()
    wait_until(lambda: "IN_PROGRESS" in [build["buildStatus"] for build in byod.image_builds(number)])
    conversation = byod.stack.converse()
    conversation.say("stop_build")
    assert conversation.say("yes") == f"Build {number} is stopped, before any training had started."
    assert "IN_PROGRESS" not in [build["buildStatus"] for build in byod.image_builds(number)]
    assert "STOPPED" in [build["buildStatus"] for build in byod.image_builds(number)]
    record = byod.stack.finish(number)
    assert (record["status"], record["reason"], record["job_status"]) == ("stopped", "Stopped by voice.", "")
    assert byod.stack.live_config() == before
