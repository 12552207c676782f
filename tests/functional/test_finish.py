"""A build ends once after its execution, with a reason, and leaves nothing running."""

import json
from typing import Any

import pytest

from sagebuild.builds.records import Trigger, read_build, update_build
from sagebuild.builds.status import describe_latest_build
from sagebuild.errors import BuildNotFoundError, NoBuildRunningError, NoBuildsError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.finish.event import finish_execution
from sagebuild.finish.reason import explain_ending
from sagebuild.launch.start import launch_build
from sagebuild.names import name_endpoint, name_resource
from sagebuild.plan.dispatch import plan_input
from sagebuild.running.job import Job
from sagebuild.running.stop import stop_build
from sagebuild.service import Service
from tests.functional.conftest import Stack

VOICE = Trigger("voice")
SUCCEEDED = Ending("SUCCEEDED")
FAILED = Ending("FAILED", "ParameterError", json.dumps({"errorMessage": "'trainvolumesiz' is unknown."}))


def never_sleep(_seconds: float) -> None:
    """Do not sleep: moto changes nothing in that time."""


def finish(stack: Stack, number: int, ending: Ending) -> None:
    finish_build(stack.service, number, ending, sleep=never_sleep)


def deploy(service: Service, number: int) -> str:
    """Create model, configuration and endpoint as the state machine does."""
    name, endpoint = name_resource(service, number), name_endpoint(service)
    service.sagemaker.create_model(ModelName=name, ExecutionRoleArn=service.settings.hosting_role_arn)
    service.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
        ],
    )
    if endpoint not in [e["EndpointName"] for e in service.sagemaker.list_endpoints()["Endpoints"]]:
        service.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=name)
    return name


def test_the_metrics_of_a_build_are_written_once_in_the_embedded_metric_format(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    launch_build(stack.service, VOICE)
    deploy(stack.service, 1)
    update_build(stack.service, 1, status="running")
    for _ in range(2):
        finish(stack, 1, SUCCEEDED)
    counted, measured = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    (directive,) = counted["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "sagebuild",
        "Dimensions": [["Stack", "Pipeline", "Outcome"]],
        "Metrics": [{"Name": "Builds", "Unit": "Count"}],
    }
    named = {name: counted[name] for name in ("Stack", "Pipeline", "Outcome", "Builds", "build")}
    expected = {"Stack": "sagebuild-test", "Pipeline": "default", "Outcome": "succeeded", "Builds": [1.0], "build": 1}
    assert named == expected
    (directive,) = measured["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Stack", "Pipeline"]]
    assert {"Name": "Duration", "Unit": "Seconds"} in directive["Metrics"]
    assert 0 <= measured["Duration"][0] < 60


def test_a_success_is_notified_once_and_frees_the_lock(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    config = deploy(stack.service, 1)
    for _ in range(2):  # the event may be delivered twice
        finish(stack, 1, SUCCEEDED)
    record = read_build(stack.service, 1)
    assert (record.status, record.reason, record.live_after) == ("succeeded", "", config)
    (message,) = stack.read_texts()
    assert message.startswith("Build 1 of sagebuild-test succeeded after ")
    assert f"Endpoint: sagebuild-test now serves {config}." in message
    assert launch_build(stack.service, VOICE).number == 2


def test_a_metric_that_the_training_never_printed_is_noted(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    metrics = [{"Name": name, "Regex": f"{name}=(.*)"} for name in ("train:progress", "accuracy")]
    update_build(stack.service, 1, parameters=json.dumps({"framework": "SCIKIT", "metrics": metrics}))
    stack.service.sagemaker.create_training_job(
        TrainingJobName=name_resource(stack.service, 1),
        AlgorithmSpecification={"TrainingImage": "an-image", "TrainingInputMode": "File"},
        RoleArn="arn:aws:iam::123456789012:role/training",
        OutputDataConfig={"S3OutputPath": "s3://model/builds"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )  # moto completes it with a value of train:progress
    finish(stack, 1, SUCCEEDED)
    record = read_build(stack.service, 1)
    assert record.metrics.keys() == {"train:progress"}
    assert record.notes == [
        "The metric accuracy has no value: 'accuracy=(.*)' found no finite number in the training's log."
    ]


def test_a_failure_is_notified_with_its_reason_and_the_pending_build_starts(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    launch_build(stack.service, VOICE)
    finish(stack, 1, FAILED)
    (message,) = stack.read_texts()
    assert "failed" in message.splitlines()[0]
    assert "Reason: 'trainvolumesiz' is unknown." in message
    assert "Endpoint: sagebuild-test does not exist." in message
    assert stack.executions() == ["build-1", "build-2"]


def test_a_later_ending_does_not_change_a_build_that_has_ended(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    finish(stack, 1, FAILED)
    finish(stack, 1, SUCCEEDED)
    assert read_build(stack.service, 1).status == "failed"
    assert len(stack.read_texts()) == 1


def test_the_endpoint_of_a_failed_first_deployment_is_deleted(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    deploy(stack.service, 1)
    finish(stack, 1, Ending("FAILED", "EndpointDeploymentError", "The endpoint did not take the new model."))
    sagemaker = stack.service.sagemaker
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []


def test_a_failed_build_leaves_the_live_endpoint_alone(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    live = deploy(stack.service, 1)
    finish(stack, 1, SUCCEEDED)
    launch_build(stack.service, VOICE)
    update_build(stack.service, 2, live_before=live)
    finish(stack, 2, FAILED)
    assert read_build(stack.service, 2).live_after == live
    assert f"still serves {live}, as before this build." in stack.read_texts()[-1]


def test_a_notification_that_was_not_sent_is_sent_by_the_retry(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    topic = stack.service.settings.results_topic_arn
    stack.settings["RESULTS_TOPIC_ARN"] = f"{topic}-absent"
    with pytest.raises(stack.service.sns.exceptions.NotFoundException):
        finish(stack, 1, SUCCEEDED)
    stack.settings["RESULTS_TOPIC_ARN"] = topic
    finish(stack, 1, SUCCEEDED)
    assert len(stack.read_texts()) == 1


def test_stop_ends_the_execution_and_names_who_asked(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    stopped = stop_build(stack.service, 1, requested_by="voice", sleep=never_sleep)
    assert (stopped.number, stopped.job_status, stopped.confirmed) == (1, None, True)
    finish(stack, 1, Ending("ABORTED", "BuildStopped", "Stopped by voice."))
    status = describe_latest_build(stack.service)
    assert (status.outcome, status.reason) == ("stopped", "Stopped by voice.")


def test_stop_without_a_running_build_says_so(stack: Stack) -> None:
    with pytest.raises(NoBuildRunningError, match="No build is running"):
        stop_build(stack.service)
    launch_build(stack.service, VOICE)
    with pytest.raises(NoBuildRunningError, match="Build 7 is not running; build 1 is, and was not stopped"):
        stop_build(stack.service, 7)


def test_status_without_any_build_says_so(stack: Stack) -> None:
    with pytest.raises(NoBuildsError, match="No build was ever started in sagebuild-test"):
        describe_latest_build(stack.service)


def test_status_of_a_running_build_names_its_step(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    status = describe_latest_build(stack.service)
    assert (status.number, status.outcome, status.ended_at) == (1, "running", None)
    assert status.console_url.startswith("https://eu-west-1.console.aws.amazon.com/states/")


def _job(status: str, reason: str = "") -> Job:
    return Job("j", status, reason=reason)


@pytest.mark.parametrize(
    ("ending", "job", "stopped_by", "reason"),
    [
        (SUCCEEDED, None, "", ""),
        (Ending("ABORTED"), None, "voice", "Stopped by voice."),
        (Ending("ABORTED"), None, "", "Stopped by someone outside sagebuild, in the AWS console or by an API call."),
        (Ending("TIMED_OUT"), None, "", "The build took longer than the state machine allows."),
        (FAILED, None, "", "'trainvolumesiz' is unknown."),
        (Ending("FAILED", "States.TaskFailed", "{}"), _job("Failed", "AlgorithmError: no"), "", "AlgorithmError: no"),
        (Ending("FAILED", "X", '{"FailureReason": "capacity"}'), None, "", "capacity"),
        (Ending("FAILED", "X", "plain words"), None, "", "plain words"),
        (Ending("FAILED", "X", '{"cut off'), None, "", '{"cut off'),
        (Ending("FAILED", "X", "[1]"), None, "", "[1]"),
        (Ending("FAILED", "States.Runtime"), None, "", "States.Runtime"),
        (Ending("FAILED"), None, "", "Step Functions gave no reason."),
    ],
)
def test_every_ending_has_a_reason(ending: Ending, job: Any, stopped_by: str, reason: str) -> None:
    assert explain_ending(ending, job, stopped_by) == reason


def test_a_job_that_was_stopped_outside_sagebuild_is_reported_so() -> None:
    assert "stopped" in explain_ending(Ending("FAILED", "States.TaskFailed", "{}"), _job("Stopped"), "")


@pytest.mark.parametrize("name", ["build-x", "build-", "build-4711", "build-01", "build-fraud_1", "build-9_1", "mine"])
def test_an_execution_that_a_person_started_finishes_no_build(stack: Stack, name: str) -> None:
    launch_build(stack.service, VOICE)
    detail = {"name": name, "status": "FAILED", "stopDate": 1_700_000_000_000, "error": None, "cause": None}
    assert finish_execution(stack.service, detail, "one") is None
    assert not read_build(stack.service, 1).has_ended
    record = finish_execution(stack.service, detail | {"name": "build-1"}, "one", never_sleep)
    assert record
    assert record.status == "failed"


@pytest.mark.parametrize(
    "content", [{}, {"number": "1"}, {"number": True}, {"number": 1.5}, {"number": 1, "pipeline": 2}]
)
def test_an_execution_without_a_build_in_its_input_is_refused(stack: Stack, content: dict[str, Any]) -> None:
    with pytest.raises(BuildNotFoundError, match=r"names no build\. Start builds by voice"):
        plan_input(stack.service, content)


def test_an_execution_of_a_build_that_has_ended_is_refused(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    finish(stack, 1, SUCCEEDED)
    with pytest.raises(BuildNotFoundError, match="Build 1 has ended; start a new build"):
        plan_input(stack.service, {"number": 1})
