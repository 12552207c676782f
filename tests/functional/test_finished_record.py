"""The finish completes a build's record with everything that is known only at its end."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import StepJob, Trigger, now, read_build, update_build
from sagebuild.deadline import Deadline
from sagebuild.errors import StillRunningError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.finish.event import finish_execution
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource
from sagebuild.plan.uses import Use, read_others
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.running.step_jobs import to_attributes
from tests.functional.conftest import Stack
from tests.functional.hosting import FakeHosting
from tests.functional.test_finish import deploy, never_sleep
from tests.functional.test_pipelines import create
from tests.functional.test_stop import Training, fail_calls

VOICE = Trigger("voice")
SUCCEEDED, FAILED = Ending("SUCCEEDED"), Ending("FAILED", "E", "why")
WITHHELD = Ending("SUCCEEDED", output='{"withheld": "accuracy is 0.5."}')


def finish(stack: Stack, number: int, ending: Ending, **more: Any) -> None:
    finish_build(stack.service, number, ending, never_sleep, **more)


def complete_processing(seconds: int) -> dict[str, Any]:
    """Describe a processing job that has run for some seconds."""
    begun = now()
    times = {"ProcessingStartTime": begun, "ProcessingEndTime": begun + timedelta(seconds=seconds)}
    return {"ProcessingJobStatus": "Completed", **times}


@pytest.mark.parametrize(
    ("ending", "status", "reason"),
    [
        (SUCCEEDED, "succeeded", ""),
        (WITHHELD, "withheld", "accuracy is 0.5."),
        (FAILED, "failed", "why"),
        (Ending("TIMED_OUT"), "failed", "The build took longer than the state machine allows."),
        (Ending("ABORTED"), "stopped", "Stopped by someone outside sagebuild, in the AWS console or by an API call."),
    ],
)
def test_the_outcome_follows_from_the_ending(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, ending: Ending, status: str, reason: str
) -> None:
    launch_build(stack.service, VOICE)
    entered = {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "Train Model"}}
    monkeypatch.setattr(stack.service.stepfunctions, "get_execution_history", lambda **_: {"events": [entered]})
    begun = now()
    finish(stack, 1, ending)
    record = read_build(stack.service, 1)
    assert (record.status, record.reason) == (status, reason)
    assert record.step == ("Train Model" if ending.status != "SUCCEEDED" else "")
    assert begun <= datetime.fromisoformat(record.ended_at) <= now()
    assert len(record.notice_claimed_by) == 32, "a call outside Lambda has an id of its own"
    assert (record.live_after, record.restore_failed, record.cost, record.notes) == ("", False, None, [])
    # The sweep examines a failed build once more.
    assert read_state(stack.service).unfinished == (() if status in ("succeeded", "withheld") else (1,))


@pytest.mark.parametrize(("tag", "named"), [("1-inference", "@sha256:2"), ("other", ":other")])
def test_images_and_source_get_their_digest_and_commit(stack: Stack, tag: str, named: str) -> None:
    repository = stack.service.settings.image_repository_uri
    launch_build(stack.service, VOICE)
    tags = ["1-training", "1-inference", "1-source"]
    update_build(stack.service, 1, image_builds=tags, training_image=f"{repository}:1-training")
    update_build(stack.service, 1, inference_image=f"{repository}:{tag}")
    variables = [{"name": "IMAGE_TAG", "value": "1-source"}]
    exported = [{"name": "SOURCE_COMMIT", "value": "abc"}]
    build = {"id": "1", "buildStatus": "SUCCEEDED", "environment": {"environmentVariables": variables}}
    stack.service.__dict__["codebuild"] = SimpleNamespace(
        list_builds_for_project=lambda **_: {"ids": ["1"]},
        batch_get_builds=lambda **_: {"builds": [build | {"exportedEnvironmentVariables": exported}]},
    )
    digests = {"1-training": "sha256:1", "1-inference": "sha256:2"}
    stack.service.__dict__["ecr"] = SimpleNamespace(
        describe_images=lambda **asked: {"imageDetails": [{"imageDigest": digests[asked["imageIds"][0]["imageTag"]]}]}
    )
    finish(stack, 1, SUCCEEDED)
    record = read_build(stack.service, 1)
    assert (record.training_image, record.inference_image) == (f"{repository}@sha256:1", f"{repository}{named}")
    assert record.source_commit == "abc"


def test_the_cost_is_that_of_the_training_and_the_other_jobs(stack: Stack) -> None:
    training = Training("Completed")
    training.facts = {"BillableTimeInSeconds": 30, "FinalMetricDataList": [{"MetricName": "accuracy", "Value": 0.5}]}
    hosting = FakeHosting(stack.service.sagemaker)
    hosting.describe_training_job = training.describe_training_job  # type: ignore[attr-defined]
    stack.service.__dict__["sagemaker"] = hosting
    launch_build(stack.service, VOICE)
    ended = StepJob("prepare", "prepare-1", 1, hourly_cost=36.0, status="Completed", seconds=20)
    asked = StepJob("evaluation", "evaluation-1", 1, hourly_cost=36.0)
    hosting.describe_processing_job = lambda **_: complete_processing(10)  # type: ignore[attr-defined]
    update_build(stack.service, 1, training_hourly_cost=3.6, step_jobs=to_attributes([ended, asked]))
    update_build(stack.service, 1, evaluation_metrics={"recall": 0.25})
    finish(stack, 1, SUCCEEDED)
    record = read_build(stack.service, 1)
    assert record.cost == pytest.approx(0.03 + 0.2 + 0.1)
    assert (record.job_status, record.job_seconds) == ("Completed", 30)
    assert record.metrics == {"accuracy": 0.5, "recall": 0.25}
    assert record.step_jobs == [ended, replace(asked, status="Completed", seconds=10)]


def test_a_build_without_a_job_costs_nothing(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, training_hourly_cost=3.6)
    for _ in range(2):
        finish(stack, 1, SUCCEEDED)
        assert read_build(stack.service, 1).cost == 0


def test_work_that_appears_after_the_first_finish_is_stopped_and_paid(stack: Stack) -> None:
    stack.service.__dict__["sagemaker"] = hosting = FakeHosting(stack.service.sagemaker)
    launch_build(stack.service, VOICE)
    late = StepJob("prepare", "prepare-1", 1, hourly_cost=36.0)
    update_build(stack.service, 1, training_hourly_cost=3.6, step_jobs=to_attributes([late]))
    finish(stack, 1, FAILED)
    assert read_build(stack.service, 1).cost == 0
    hosting.describe_processing_job = lambda **_: complete_processing(20)  # type: ignore[attr-defined]
    training = Training()
    hosting.describe_training_job = training.describe_training_job  # type: ignore[attr-defined]
    hosting.stop_training_job = training.stop_training_job  # type: ignore[attr-defined]
    # SageMaker may describe an old job without its time.
    for seconds, cost in ((30, 0.23), (10, 0.23)):
        training.facts = {"BillableTimeInSeconds": seconds}
        finish(stack, 1, FAILED)
        assert read_build(stack.service, 1).cost == pytest.approx(cost)
    assert training.stopped == 1
    assert len(stack.read_texts()) == 1


def test_an_endpoint_that_appears_after_the_first_finish_is_deleted(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    finish(stack, 1, FAILED)
    deploy(stack.service, 1)
    finish(stack, 1, FAILED)
    assert describe_endpoint(stack.service) is None


def test_of_two_finishes_at_the_same_time_the_first_outcome_stays(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch_build(stack.service, VOICE)
    describe, calls = stack.service.sagemaker.describe_training_job, []

    def finish_first(**request: Any) -> Any:
        calls.append(request)
        if len(calls) == 1:
            finish(stack, 1, SUCCEEDED)
        return describe(**request)

    monkeypatch.setattr(stack.service.sagemaker, "describe_training_job", finish_first)
    finish(stack, 1, FAILED)
    assert read_build(stack.service, 1).status == "succeeded"
    assert len(stack.read_texts()) == 1


def test_the_reason_is_that_of_a_training_that_failed_by_itself(stack: Stack) -> None:
    stack.service.__dict__["sagemaker"] = hosting = FakeHosting(stack.service.sagemaker)
    ending = Ending("FAILED", "States.TaskFailed", "another step failed")
    reasons = ((1, "Failed", "AlgorithmError: no data"), (2, "InProgress", "another step failed"))
    for number, status, reason in reasons:  # the finish itself stops the second training
        training = Training(status)
        training.facts = {"FailureReason": "AlgorithmError: no data"}
        hosting.describe_training_job = training.describe_training_job  # type: ignore[attr-defined]
        hosting.stop_training_job = training.stop_training_job  # type: ignore[attr-defined]
        launch_build(stack.service, VOICE)
        finish(stack, number, ending)
        assert read_build(stack.service, number).reason.startswith(reason)


def test_a_part_that_is_denied_is_noted_and_leaves_its_facts_empty(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, image_builds=["1-training"], training_image="any:1-training")
    variables = [{"name": "IMAGE_TAG", "value": "1-training"}]
    build = {"id": "1", "buildStatus": "SUCCEEDED", "environment": {"environmentVariables": variables}}
    stack.service.__dict__["codebuild"] = SimpleNamespace(
        list_builds_for_project=lambda **_: {"ids": ["1"]}, batch_get_builds=lambda **_: {"builds": [build]}
    )
    fail_calls(stack, "ecr", monkeypatch, "describe_images", "AccessDeniedException")
    fail_calls(stack, "stepfunctions", monkeypatch, "get_execution_history", "AccessDeniedException")
    finish(stack, 1, FAILED)
    record = read_build(stack.service, 1)
    assert (record.source_commit, record.step, record.training_image) == ("", "", "any:1-training")
    denied = "An error occurred (AccessDeniedException) when calling the Any operation: slow down"
    assert set(record.notes) == {f"sagebuild could not clean this up; please check: {denied}"}


def test_a_failed_training_has_no_missing_metrics(stack: Stack) -> None:
    stack.service.__dict__["sagemaker"] = hosting = FakeHosting(stack.service.sagemaker)
    hosting.describe_training_job = Training("Failed").describe_training_job  # type: ignore[attr-defined]
    launch_build(stack.service, VOICE, {"metrics": [{"Name": "accuracy", "Regex": "accuracy=(.*)"}]})
    finish(stack, 1, FAILED)
    assert read_build(stack.service, 1).notes == []
    hosting.describe_training_job = Training("Completed").describe_training_job  # type: ignore[attr-defined]
    launch_build(stack.service, VOICE, {"metrics": [{"Name": "accuracy", "Regex": "accuracy=(.*)"}]})
    update_build(stack.service, 2, notes=["Noted before."])
    finish(stack, 2, SUCCEEDED)
    noted, missing = read_build(stack.service, 2).notes
    assert noted == "Noted before."
    assert missing.startswith("The metric accuracy has no value")


@pytest.mark.parametrize("is_ours", [True, False])
def test_an_endpoint_that_could_not_be_restored_is_recorded(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, is_ours: bool
) -> None:
    launch_build(stack.service, VOICE)
    config = deploy(stack.service, 1)
    launch_build(stack.service, VOICE)
    fail_calls(stack, "sagemaker", monkeypatch, "delete_endpoint", "AccessDeniedException")
    if not is_ours:
        update_build(stack.service, 1, endpoint_config="another")
    finish(stack, 1, FAILED)
    record = read_build(stack.service, 1)
    assert (record.restore_failed, record.live_after) == (is_ours, config)
    assert record.notes[0].startswith("sagebuild could not clean this up; please check: ")
    # The repeated finish does not raise, either.
    finish(stack, 1, FAILED)
    assert len(stack.read_texts()) == 1


def test_an_endpoint_without_an_earlier_model_is_noted(stack: Stack) -> None:
    stack.service.__dict__["sagemaker"] = hosting = FakeHosting(stack.service.sagemaker)
    launch_build(stack.service, VOICE)
    ours = name_resource(stack.service, 1)
    hosting.create_endpoint_config(EndpointConfigName=ours, ProductionVariants=[])
    hosting.settle("InService", ours)
    update_build(stack.service, 1, endpoint_config=ours, live_before="deleted")
    finish(stack, 1, FAILED)
    (note,) = read_build(stack.service, 1).notes
    assert note.startswith(f"The endpoint sagebuild-test still has {ours}, the model of this build: ")


def test_a_repeated_finish_leaves_what_a_success_has_deployed(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    config = deploy(stack.service, 1)
    for _ in range(2):
        finish(stack, 1, SUCCEEDED)
    endpoint = describe_endpoint(stack.service)
    assert endpoint
    assert (endpoint.config, read_build(stack.service, 1).restore_failed) == (config, False)


def test_a_failed_endpoint_serves_nothing(stack: Stack) -> None:
    stack.service.__dict__["sagemaker"] = hosting = FakeHosting(stack.service.sagemaker)
    launch_build(stack.service, VOICE)
    hosting.settle("Failed", "your-own")
    finish(stack, 1, FAILED)
    record = read_build(stack.service, 1)
    assert (record.live_after, record.restore_failed) == ("", False)


@pytest.mark.parametrize("status", ["InService", "Failed"])
def test_the_instances_of_the_endpoint_are_counted_unless_it_failed(stack: Stack, status: str) -> None:
    churn = create(stack.service, "churn")
    churn.__dict__["sagemaker"] = hosting = FakeHosting(stack.service.sagemaker)
    launch_build(churn, VOICE)
    variant = {"ModelName": "any", "InstanceType": "ml.t2.medium", "InitialInstanceCount": 2}
    hosting.create_endpoint_config(EndpointConfigName="your-own", ProductionVariants=[variant])
    hosting.settle(status, "your-own")
    finish_build(churn, 1, FAILED, never_sleep)
    uses = {"ml.t2.medium for endpoint usage": [Use("churn", 2)]} if status == "InService" else {}
    assert read_others(stack.service) == uses


def test_a_first_deployment_limits_the_logs_of_its_endpoint(stack: Stack) -> None:
    name = "/aws/sagemaker/Endpoints/sagebuild-test"
    stack.service.logs.create_log_group(logGroupName=name)
    launch_build(stack.service, VOICE)
    update_build(stack.service, 1, endpoint_config=deploy(stack.service, 1))
    finish(stack, 1, SUCCEEDED)
    (group,) = stack.service.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["retentionInDays"] == 30


def test_a_repeated_finish_of_a_success_leaves_nothing_to_examine(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    finish(stack, 1, SUCCEEDED)
    state = read_state(stack.service)
    assert change_state(stack.service, state, replace(state, unfinished=(1,)))
    finish(stack, 1, SUCCEEDED, invocation="another")
    assert read_state(stack.service).unfinished == ()


def test_a_finish_that_could_not_notify_is_examined_again(stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    stack.settings["RESULTS_TOPIC_ARN"] += "-absent"
    with pytest.raises(stack.service.sns.exceptions.NotFoundException):
        finish(stack, 1, SUCCEEDED)
    state = read_state(stack.service)
    assert (state.running, state.unfinished) == (None, (1,))


def launch_with_endless_training(stack: Stack) -> FakeHosting:
    """Start build 1, whose training does not end when it is stopped."""
    hosting, training = FakeHosting(stack.service.sagemaker), Training(polls=10_000)
    hosting.describe_training_job = training.describe_training_job  # type: ignore[attr-defined]
    hosting.stop_training_job = training.stop_training_job  # type: ignore[attr-defined]
    stack.service.__dict__["sagemaker"] = hosting
    launch_build(stack.service, VOICE)
    return hosting


def test_a_finish_waits_for_its_jobs_and_names_those_that_go_on(stack: Stack) -> None:
    hosting = launch_with_endless_training(stack)
    update_build(stack.service, 1, step_jobs=to_attributes([StepJob("prepare", "prepare-1", 1)]))
    processing = {"ProcessingJobName": "prepare-1", "ProcessingJobStatus": "Stopping", "CreationTime": now()}
    hosting.describe_processing_job = lambda **_: processing  # type: ignore[attr-defined]
    seconds = [0.0]

    def wait(pause: float) -> None:
        seconds[0] += pause

    deadline = Deadline(840, lambda: seconds[0])
    message = (
        "still has work that is not confirmed as ended 180 s after the stop: "
        r"the training job [^;]*-1 is Stopping; the [^;]*prepare-1 is Stopping\.$"
    )
    with pytest.raises(StillRunningError, match=message):
        finish_build(stack.service, 1, FAILED, wait, deadline=deadline)
    assert 180 <= seconds[0] < 190
    assert not read_build(stack.service, 1).has_ended
    assert read_state(stack.service).running == 1


def test_a_finish_that_waits_in_vain_for_an_hour_is_noted(stack: Stack) -> None:
    launch_with_endless_training(stack)
    pauses: list[float] = []

    def finish_after(hours: float) -> None:
        stopped_at = now().timestamp() - hours * 3600
        detail = {"name": "build-1", "status": "FAILED", "stopDate": stopped_at * 1000}
        deadline = Deadline(20, lambda: float(len(pauses)))
        finish_execution(stack.service, detail, "one", pauses.append, deadline)

    with pytest.raises(StillRunningError, match="20 s after the stop"):
        finish_after(0.99)
    assert len(pauses) == 20
    finish_after(1.01)
    (note,) = read_build(stack.service, 1).notes
    assert note.startswith("sagebuild could not clean this up; please check: Build 1 still has work")


def test_an_execution_of_another_name_is_logged(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    launch_build(stack.service, VOICE)
    assert finish_execution(stack.service, {"name": "build-01"}, "one") is None
    (message,) = caplog.messages
    assert message.endswith("was not started by sagebuild: No build has the execution build-01.")


def test_the_end_of_an_execution_is_read_from_its_event(stack: Stack) -> None:
    fraud = stack.service.for_pipeline("fraud")
    create(stack.service, "fraud")
    launch_build(fraud, VOICE)
    detail = {"name": "build-fraud_1", "status": "SUCCEEDED", "stopDate": now().timestamp() * 1000}
    record = finish_execution(stack.service, detail | {"output": WITHHELD.output}, "one", never_sleep)
    assert record
    assert (record.status, record.reason) == ("withheld", "accuracy is 0.5.")
    assert read_build(fraud, 1).notice_claimed_by == "one"
    launch_build(fraud, VOICE)
    detail |= {"name": "build-fraud_2", "status": "FAILED", "error": "E", "cause": "why"}
    record = finish_execution(stack.service, detail, "two", never_sleep)
    assert record
    assert (record.status, record.reason) == ("failed", "why")
    launch_build(fraud, VOICE)
    detail |= {"name": "build-fraud_3", "cause": None}
    record = finish_execution(stack.service, detail, "three", never_sleep)
    assert record
    assert record.reason == "E"
