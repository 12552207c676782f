"""The batch transform of a build: what the plan examines and records, and how it is stopped, finished and explained."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from sagebuild.builds.records import read_build
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.names import name_resource, name_step_job
from sagebuild.running.stop import stop_build
from sagebuild.service import Service
from tests.functional.conftest import STACK, Stack, client
from tests.functional.hosting import FakeHosting
from tests.functional.test_finish import never_sleep
from tests.functional.test_preflight import RIGHT, find_problems, give_quotas, plan, ready, upload

__all__ = ["ready"]

JOB = {"path": "score/", "contenttype": "text/csv"}
SCORING = {"batchtransform": JOB}
QUOTAS = {
    "ml.m5.large for training job usage": 4.0,
    "ml.t2.medium for endpoint usage": 4.0,
    "ml.m5.large for transform job usage": 1.0,
}


@pytest.fixture
def prepared(ready: Stack) -> Stack:
    """A stack that is ready, with files to score."""
    upload("data", "score/rows.csv", b"1,2")
    give_quotas(ready, QUOTAS)
    return ready


def test_the_transform_is_planned_and_recorded(prepared: Stack) -> None:
    planned = plan(prepared, RIGHT | SCORING)
    name = name_resource(prepared.service, 1)
    request = planned["transform"]["request"]
    assert planned["transform"]["wanted"]
    assert planned["transform"]["seconds"] == 3600
    assert request["ModelName"] == planned["model"]["ModelName"]
    (job,) = read_build(prepared.service, 1).step_jobs
    assert (job.name, job.kind, job.job) == ("transform", "transform", request["TransformJobName"])
    assert job.output == f"s3://{STACK}-model/builds/{name}/transform/"
    assert job.hourly_cost


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"path": "score/none/"}, "batchtransform has no files at s3://"),
        ({"path": "train/"}, "which HostingRole may not read"),
        ({"path": "train/"}, "or put the files below score/."),
        ({"path": None, "uri": "s3://another-bucket/score/"}, "which HostingRole may not read"),
        ({"output": "s3://another-bucket/scores/"}, "which HostingRole may not write"),
        ({"output": f"s3://{STACK}-data/scores/"}, "in a bucket whose uploads start builds"),
        ({"instancecount": 2}, "'ml.m5.large for transform job usage' is 1"),
        ({"instancetype": "ml.p5.48xlarge"}, "ml.p5.48xlarge"),
        ({"type": "ManifestFile"}, "batchtransform has no files at s3://"),
    ],
)
def test_what_the_transform_lacks_is_found_before_anything_is_paid(
    prepared: Stack, changes: dict[str, Any], sentence: str
) -> None:
    job = {name: value for name, value in (JOB | changes).items() if value is not None}
    problems = find_problems(prepared, batchtransform=job)
    assert any(sentence in problem for problem in problems), problems


@pytest.mark.parametrize("bucket", ["data", "code"])
@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("asynchronous.output", lambda uri: {"asynchronous": {"output": uri}}),
        ("datacapture.prefix", lambda uri: {"datacapture": {"prefix": uri}}),
    ],
)
def test_results_that_would_start_builds_are_refused(
    prepared: Stack, bucket: str, name: str, document: Callable[[str], dict[str, Any]]
) -> None:
    uri = f"s3://{STACK}-{bucket}/results/"
    problems = find_problems(prepared, **document(uri))
    assert any(problem.startswith(f"{name} is {uri}, in a bucket whose uploads start builds") for problem in problems)


class Scoring(FakeHosting):
    """SageMaker with a transform job of this status; a running one stops when it is told so."""

    def __init__(self, status: str) -> None:
        super().__init__(client("sagemaker"))
        self.status = status

    def describe_transform_job(self, TransformJobName: str) -> Any:  # noqa: N803, ARG002
        """DescribeTransformJob, of a job that took 90 seconds or still runs."""
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        answer: dict[str, Any] = {"TransformJobStatus": self.status, "TransformStartTime": start}
        if self.status != "InProgress":
            answer["TransformEndTime"] = start + datetime.timedelta(seconds=90)
        if self.status == "Failed":
            answer["FailureReason"] = "ClientError: See job logs for more information"
        return answer

    def stop_transform_job(self, TransformJobName: str) -> Any:  # noqa: N803, ARG002
        """StopTransformJob."""
        self.status = "Stopped"


def on(stack: Stack, jobs: Scoring) -> Service:
    return Service(stack.settings, lambda name: jobs if name == "sagemaker" else client(name))


def test_a_running_transform_is_stopped_and_its_end_confirmed(prepared: Stack) -> None:
    plan(prepared, RIGHT | SCORING)
    jobs = Scoring("InProgress")
    stopped = stop_build(on(prepared, jobs), sleep=never_sleep)
    assert jobs.status == "Stopped"
    assert f"transform job {name_step_job(prepared.service, 1, 'transform')} (Stopped)" in stopped.summary
    assert stopped.confirmed


def test_the_finish_stops_a_stray_transform_and_records_its_cost(prepared: Stack) -> None:
    plan(prepared, RIGHT | SCORING)
    jobs = Scoring("InProgress")
    finish_build(on(prepared, jobs), 1, Ending("FAILED", error="States.Timeout"), sleep=never_sleep)
    record = read_build(prepared.service, 1)
    (job,) = record.step_jobs
    assert (jobs.status, job.status, job.seconds) == ("Stopped", "Stopped", 90)
    assert "did not end within its time limit" in record.reason, "the finish stopped the job, and no other person"
    assert job.hourly_cost
    assert record.cost == pytest.approx(job.hourly_cost * 90 / 3600, abs=1e-6)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("TransformNotCompletedError", "The batch transform was stopped by someone outside sagebuild"),
        ("States.TaskFailed", "The batch transform was stopped by someone outside sagebuild"),
        ("SageMaker.ResourceInUseException", "a job with this name already exists"),
    ],
)
def test_a_transform_was_stopped_by_someone_only_if_it_did_not_complete(prepared: Stack, error: str, said: str) -> None:
    plan(prepared, RIGHT | SCORING)
    ending = Ending("FAILED", error=error, cause="a job with this name already exists")
    finish_build(on(prepared, Scoring("Stopped")), 1, ending, sleep=never_sleep)
    assert read_build(prepared.service, 1).reason.startswith(said)


def test_a_failed_transform_is_explained_by_its_log(prepared: Stack) -> None:
    plan(prepared, RIGHT | SCORING)
    name = name_step_job(prepared.service, 1, "transform")
    logs, group = client("logs"), "/aws/sagemaker/TransformJobs"
    logs.create_log_group(logGroupName=group)
    ended_at = datetime.datetime.now(datetime.UTC)
    for stream, line in (
        (f"{name}/i-1-1/data-log", "2026-01-01T00:00:00.000:[sagemaker logs]: bucket/rows.csv: ClientError: 400"),
        (f"{name}/i-1-1", "ValueError: the column age is missing"),
    ):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": int(ended_at.timestamp() * 1000), "message": line}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
    ending = Ending("FAILED", error="States.TaskFailed", cause="{}", stopped_at=ended_at)
    finish_build(on(prepared, Scoring("Failed")), 1, ending, sleep=never_sleep)
    reason = read_build(prepared.service, 1).reason
    assert reason.startswith("The batch transform failed: ")
    assert "ValueError: the column age is missing" in reason
