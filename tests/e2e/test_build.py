"""Builds from the spoken sentence to the answering endpoint, and every way in which they end otherwise."""

import json
from typing import Any

import pytest

from tests.e2e.stack import NAME, DeployedStack, wait_until


def test_a_build_started_by_voice_ends_with_an_endpoint_that_answers(stack: DeployedStack) -> None:
    conversation = stack.converse()
    assert conversation.say("start_build").endswith("Shall I start it?")
    assert conversation.say("yes").endswith("has started.")
    number = stack.last_number()
    record = stack.finish(number)
    assert (record["status"], record["trigger"]["kind"], record["job_status"]) == ("succeeded", "voice", "Completed")
    assert record["metrics"]["accuracy"] > 0.9
    assert record["live_after"] == record["endpoint_config"] == stack.live_config()
    assert stack.ask_endpoint() > 0.9
    (message,) = stack.read_notifications(number)
    assert message.startswith(f"Build {number} of {NAME} succeeded after ")
    assert f"Endpoint: {NAME} now serves {record['endpoint_config']}" in message
    assert 0 < record["cost"] < record["cost_max"]
    assert "\nCost: less than $0.01 for training (at most $" in message
    check_package(stack, record)
    check_logs(stack, number)


def check_logs(stack: DeployedStack, number: int) -> None:
    """Check that the lines of the functions name the build and its step, and that its metrics were written."""
    lines = []
    for function in ("planBuild", "registerModel", "finishBuild"):
        events = stack.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{NAME}-{function}")["events"]
        lines += [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    steps = {line["step"] for line in lines if (line.get("pipeline"), line.get("build")) == ("default", number)}
    assert steps == {"Plan Build", "Register Model", "Finish Build"}
    assert {line["stack"] for line in lines if "step" in line} == {NAME}
    counted = [line for line in lines if "_aws" in line and line.get("build") == number and "Builds" in line]
    assert [(line["Stack"], line["Outcome"]) for line in counted] == [(NAME, "succeeded")]


def check_package(stack: DeployedStack, record: dict[str, Any]) -> None:
    """Check that the model registry has the build's model, approved, with its metrics."""
    sagemaker = stack.client("sagemaker")
    package = sagemaker.describe_model_package(ModelPackageName=record["model_package"])
    assert (package["ModelPackageGroupName"], package["ModelApprovalStatus"]) == (NAME, "Approved")
    assert package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == record["model_files"][0]["uri"]
    properties = package["CustomerMetadataProperties"]
    assert (properties["build"], properties["training job"]) == (str(record["number"]), record["training_job"])
    assert properties["trigger"].startswith("voice ")
    assert properties["source"] == f"s3://{stack.outputs['CodeBucket']}/source.tar.gz"
    assert properties["data.training"] == f"s3://{stack.outputs['DataBucket']}/train/"
    assert float(properties["metric.accuracy"]) == pytest.approx(record["metrics"]["accuracy"], rel=1e-5)
    bucket, key = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"].removeprefix("s3://").split("/", 1)
    metrics = json.load(stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    assert metrics["multiclass_classification_metrics"]["accuracy"]["value"] == record["metrics"]["accuracy"]


@pytest.mark.usefixtures("serving")
def test_a_message_to_the_launch_topic_starts_a_build(stack: DeployedStack) -> None:
    before = stack.last_number()
    stack.client("sns").publish(TopicArn=stack.outputs["LaunchTopicArn"], Message="data has changed")
    wait_until(lambda: stack.last_number() > before)
    record = stack.finish(before + 1)
    assert (record["status"], record["trigger"]["kind"]) == ("succeeded", "topic")
    assert record["live_before"] != record["live_after"] == stack.live_config()


def test_a_burst_of_messages_is_one_build_or_two(stack: DeployedStack) -> None:
    before = stack.last_number()
    stack.set_parameters(hyperparameters={"trouble": "slow"})  # so that all come while the first build runs
    topic = stack.outputs["LaunchTopicArn"]
    for _ in range(3):
        entries = [{"Id": str(number), "Message": "build"} for number in range(10)]
        stack.client("sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    wait_until(lambda: stack.last_number() == before + 2)
    records = [stack.finish(before + 1), stack.finish(before + 2)]
    assert sum(record["requests"] for record in records) == 30
    assert stack.last_number() == before + 2


def test_the_transitions_of_a_build_do_not_grow_with_its_training(stack: DeployedStack) -> None:
    number = stack.start_by_voice()
    stack.finish(number)
    arn = stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":build-{number}"
    events = stack.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)["events"]
    entered = [e["stateEnteredEventDetails"]["name"] for e in events if e["type"].endswith("StateEntered")]
    assert entered.count("Train Model") == 1
    assert len(entered) <= 26 + 3 * entered.count("Check Endpoint")


@pytest.mark.usefixtures("serving")
def test_the_endpoint_is_left_alone_when_training_fails(stack: DeployedStack) -> None:
    before = stack.live_config()
    record = stack.build(hyperparameters={"trouble": "training"})
    assert (record["status"], record["step"]) == ("failed", "Train Model")
    assert "ValueError: the learning rate makes no sense" in record["reason"]
    assert stack.live_config() == before
    assert stack.ask_endpoint() > 0.9
    (message,) = stack.read_notifications(record["number"])
    assert "Reason: The training failed: ValueError: the learning rate makes no sense\n" in message
    assert "SageMaker: AlgorithmError" in message
    assert f"More: sagebuild logs {record['number']} --stack {NAME}" in message
    assert f"still serves {before}, as before this build." in message


@pytest.mark.usefixtures("serving")
def test_a_model_that_cannot_serve_is_rolled_back_with_sagemakers_reason(stack: DeployedStack) -> None:
    before = stack.live_config()
    record = stack.build(hyperparameters={"trouble": "serving"})
    assert (record["status"], record["step"]) == ("failed", "Check Endpoint")
    assert "did not take the new model" in record["reason"]
    assert "ping health check" in record["reason"]
    assert "The container's log: " in record["reason"].partition("\n\n")[0]
    assert record["live_after"] == before == stack.live_config()
    assert stack.ask_endpoint() > 0.9
    configs = stack.client("sagemaker").list_endpoint_configs()["EndpointConfigs"]
    assert record["endpoint_config"] not in [config["EndpointConfigName"] for config in configs]


def test_wrong_parameters_are_refused_before_anything_is_paid(stack: DeployedStack) -> None:
    stack.set_parameters(trainvolumesiz=20)
    record = stack.finish(stack.start_by_message())
    assert (record["status"], record["step"], record["job_status"]) == ("failed", "Plan Build", "")
    assert "trainvolumesiz" in record["reason"]
    assert "trainvolumesize" in record["reason"]
    jobs = stack.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    assert not [job for job in jobs if job["TrainingJobName"].endswith(f"-{record['number']}")]


def test_missing_inputs_are_named_before_anything_is_paid(stack: DeployedStack) -> None:
    record = stack.build(trainsourcefile="absent.tar.gz", channels={"training": {"path": "nowhere/"}})
    assert record["step"] == "Plan Build"
    assert "absent.tar.gz" in record["reason"]
    assert "nowhere/" in record["reason"]


@pytest.mark.usefixtures("serving")
def test_stop_by_voice_stops_the_paid_job(stack: DeployedStack) -> None:
    before = stack.live_config()
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    number = stack.start_by_voice()
    job = stack.wait_for_training(number)
    conversation = stack.converse()
    assert str(number) in conversation.say("stop_build")
    assert stack.describe_job(job)["TrainingJobStatus"] == "InProgress"
    conversation.say("yes")
    wait_until(lambda: stack.describe_job(job)["TrainingJobStatus"] == "Stopped")
    record = stack.finish(number)
    assert (record["status"], record["reason"], record["step"]) == ("stopped", "Stopped by voice.", "Train Model")
    assert stack.live_config() == before
    assert len(stack.read_notifications(number)) == 1


def test_an_execution_aborted_in_the_console_is_finished_too(stack: DeployedStack) -> None:
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    number = stack.start_by_voice()
    job = stack.wait_for_training(number)
    arn = stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":build-{number}"
    stack.client("stepfunctions").stop_execution(executionArn=arn)
    record = stack.finish(number)
    assert (record["status"], record["job_status"]) == ("stopped", "Stopped")
    assert "outside sagebuild" in record["reason"]
    assert stack.describe_job(job)["TrainingJobStatus"] == "Stopped"


def test_a_job_stopped_by_someone_else_fails_the_build_and_says_so(stack: DeployedStack) -> None:
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    number = stack.start_by_voice()
    job = stack.wait_for_training(number)
    stack.client("sagemaker").stop_training_job(TrainingJobName=job)
    record = stack.finish(number)
    assert (record["status"], record["step"]) == ("failed", "Train Model")
    assert "stopped" in record["reason"]


def test_a_skill_with_another_id_is_refused(stack: DeployedStack) -> None:
    before = stack.last_number()
    envelope = json.loads(json.dumps({"version": "1.0", "session": {"application": {"applicationId": "amzn1.other"}}}))
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["AlexaSkillFunctionArn"], Payload=json.dumps(envelope)
    )
    assert "FunctionError" not in answer
    assert stack.last_number() == before


def test_an_execution_started_by_hand_is_refused_before_anything_is_paid(stack: DeployedStack) -> None:
    states = stack.client("stepfunctions")
    started = states.start_execution(stateMachineArn=stack.outputs["StateMachineArn"], input='{"number": 4711}')
    arn = started["executionArn"]
    wait_until(lambda: states.describe_execution(executionArn=arn)["status"] == "FAILED")
    ended = states.describe_execution(executionArn=arn)
    assert ended["error"] == "BuildNotFoundError"
    assert "Build 4711 was not launched" in ended["cause"]
