"""The plan of processing and evaluation jobs: what it examines, what it reuses, and what it writes into the record."""

import json
from typing import Any

import pytest

from sagebuild.builds.records import StepJob, Trigger, read_build, update_build
from sagebuild.client.reports import read_report_files
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.names import name_resource, name_step_job
from sagebuild.plan.build import plan_build
from sagebuild.running.stop import stop_build
from sagebuild.service import Service
from sagebuild.steps.gate import check_quality
from tests.functional.conftest import STACK, Stack, client
from tests.functional.hosting import FakeHosting
from tests.functional.test_finish import never_sleep
from tests.functional.test_preflight import RIGHT, find_problems, give_quotas, pack, plan, ready, upload, write

__all__ = ["ready"]

SPLIT = {"name": "split", "script": "split.py", "inputs": {"raw": {"path": "raw/"}}, "outputs": ["train", "test"]}
STEPS: dict[str, Any] = {
    "processing": [SPLIT],
    "channels": {"training": {"output": "split.train"}},
    "evaluation": {"script": "evaluate.py", "inputs": {"test": {"output": "split.test"}}},
}
QUOTAS = {
    "ml.m5.large for training job usage": 4.0,
    "ml.t2.medium for endpoint usage": 4.0,
    "ml.m5.large for processing job usage": 1.0,
}


@pytest.fixture
def prepared(ready: Stack) -> Stack:
    """A stack that is ready, with raw data and all scripts."""
    upload("data", "raw/rows.csv", b"1,2")
    upload("code", "source.tar.gz", pack("train.py", "split.py", "evaluate.py"))
    give_quotas(ready, QUOTAS)
    return ready


def test_the_jobs_are_planned_in_their_order_and_recorded(prepared: Stack) -> None:
    planned = plan(prepared, RIGHT | STEPS)
    (job,) = planned["processing"]["jobs"]
    (evaluation,) = planned["evaluation"]["jobs"]
    name, service = name_resource(prepared.service, 1), prepared.service
    training = planned["training"]["AlgorithmSpecification"]
    assert job["request"]["AppSpecification"]["ImageUri"] == training["TrainingImage"]
    assert evaluation["model"] == f"s3://{STACK}-model/builds/{name}/output/model.tar.gz"
    assert planned["quality"]["wanted"]  # it records the numbers of the report
    recorded = read_build(service, 1).step_jobs
    assert [(each.name, each.job, each.outputs_of) for each in recorded] == [
        ("split", name_step_job(service, 1, "split"), 1),
        ("evaluation", name_step_job(service, 1, "evaluation"), 1),
    ]
    assert recorded[1].report == f"s3://{STACK}-model/builds/{name}/processing/evaluation/evaluation/evaluation.json"
    assert json.loads(json.dumps(planned)) == planned


def test_a_plan_without_jobs_has_none(ready: Stack) -> None:
    planned = plan(ready, RIGHT)
    assert planned["processing"] == planned["evaluation"] == {"wanted": False, "jobs": []}
    assert read_build(ready.service, 1).step_jobs == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"processing": [SPLIT | {"script": "no.py"}]}, "processing[0].script is no.py, in the archive s3://"),
        (
            {"processing": [SPLIT | {"inputs": {"raw": {"path": "none/"}}}]},
            "processing[0].inputs.raw has no objects at",
        ),
        (
            {"evaluation": {"script": "evaluate.py", "source": "no.tar.gz"}},
            "evaluation.script is evaluate.py, in the ar",
        ),
        (
            {"evaluation": {"script": "evaluate.py", "framework": "PYTORCH", "frameworkversion": "0.1"}},
            "evaluation: PYTORCH has no training image of version 0.1; available:",
        ),
        (
            {"processing": [SPLIT | {"inputs": {"raw": {"uri": "s3://another-bucket/raw/"}}}]},
            "processing[0].inputs.raw.uri is s3://another-bucket/raw/, which TrainingRole may not read",
        ),
        ({"processing": [SPLIT | {"instancecount": 2}]}, "'ml.m5.large for processing job usage' is 1"),
        ({"processing": [SPLIT | {"instancetype": "ml.inf1.xlarge"}]}, "ml.inf1.xlarge"),
    ],
)
def test_what_the_jobs_lack_is_found_before_anything_is_paid(
    prepared: Stack, changes: dict[str, Any], sentence: str
) -> None:
    assert any(sentence in problem for problem in find_problems(prepared, **STEPS | changes))


def test_the_outputs_of_an_equal_job_are_reused(prepared: Stack) -> None:
    service = prepared.service
    cached = RIGHT | STEPS | {"processing": [SPLIT | {"cache": True}]}

    def build(number: int, document: dict[str, Any]) -> Any:
        write(prepared, document)
        if number > 1:
            launch_build(service, Trigger("voice"))
        planned = plan_build(service, read_build(service, number))
        for each in read_build(service, number).step_jobs:
            for output in ("train", "test") if each.job and each.name == "split" else ():
                folder = f"builds/{name_resource(service, number)}/processing/split/{output}"
                upload("model", f"{folder}/rows.csv", b"1")
        update_build(service, number, status="succeeded", ended_at="2026-01-01T00:00:00+00:00")
        finish_build(service, number, Ending("SUCCEEDED"), sleep=never_sleep)
        return planned

    def runs(planned: Any) -> bool:
        return bool(planned["processing"]["jobs"])

    def reads(planned: Any) -> str:
        return str(planned["training"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"])

    assert runs(build(1, cached))
    second = build(2, cached)
    assert not runs(second)
    assert f"/{name_resource(service, 1)}/processing/split/train/" in reads(second)
    assert any("does not run: its inputs are those of build 1" in note for note in read_build(service, 2).notes)
    third = build(3, cached)  # of build 2, whose own outputs are build 1's
    assert f"/{name_resource(service, 1)}/" in reads(third)
    assert runs(build(4, cached | {"processing": [SPLIT | {"cache": True, "arguments": ["--other"]}]}))
    upload("code", "source.tar.gz", pack("train.py", "split.py", "evaluate.py", more="x"))
    assert runs(build(5, cached))
    upload("data", "raw/rows.csv", b"3,4")
    assert runs(build(6, cached))
    assert not runs(build(7, cached))
    assert runs(build(8, RIGHT | STEPS))  # the cache is off


class Jobs(FakeHosting):
    """SageMaker with processing jobs of these statuses; a running one stops when it is told so."""

    def __init__(self, **statuses: str) -> None:
        super().__init__(client("sagemaker"))
        self.statuses = statuses

    def describe_processing_job(self, ProcessingJobName: str) -> Any:  # noqa: N803
        """DescribeProcessingJob, of a job that took a minute or still runs."""
        import datetime

        step = ProcessingJobName.rpartition("-")[2]
        if step not in self.statuses:
            return self._rest.describe_processing_job(ProcessingJobName=ProcessingJobName)
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        answer: dict[str, Any] = {"ProcessingJobStatus": self.statuses[step], "ProcessingStartTime": start}
        if self.statuses[step] != "InProgress":
            answer["ProcessingEndTime"] = start + datetime.timedelta(seconds=90)
        return answer

    def stop_processing_job(self, ProcessingJobName: str) -> Any:  # noqa: N803
        """StopProcessingJob."""
        self.statuses[ProcessingJobName.rpartition("-")[2]] = "Stopped"


def on(stack: Stack, jobs: Jobs) -> Service:
    return Service(stack.settings, lambda name: jobs if name == "sagemaker" else client(name))


def test_a_running_job_is_stopped_and_its_end_confirmed(prepared: Stack) -> None:
    plan(prepared, RIGHT | STEPS)
    jobs = Jobs(split="InProgress")
    stopped = stop_build(on(prepared, jobs), sleep=never_sleep)
    assert jobs.statuses == {"split": "Stopped"}
    assert f"processing job {name_step_job(prepared.service, 1, 'split')} (Stopped)" in stopped.summary
    assert stopped.confirmed


def test_the_finish_records_what_each_job_took_and_cost(prepared: Stack) -> None:
    plan(prepared, RIGHT | STEPS)
    service = on(prepared, Jobs(split="Completed"))
    finish_build(service, 1, Ending("ABORTED"), sleep=never_sleep)
    record = read_build(service, 1)
    split = record.step_jobs[0]
    assert (split.status, split.seconds) == ("Completed", 90)
    assert split.hourly_cost
    assert record.cost == pytest.approx(split.hourly_cost * 90 / 3600, abs=1e-6)


def report(stack: Stack, name: str, content: Any) -> None:
    """Write the report of an evaluation of the first build."""
    folder = f"builds/{name_resource(stack.service, 1)}/processing/{name}/evaluation"
    upload("model", f"{folder}/evaluation.json", json.dumps(content).encode())


GATE = {"metric": "evaluation.regression_metrics.mse.value", "minimum": None, "maximum": 3}


def test_numbers_of_the_report_become_metrics_and_pass_the_gate(prepared: Stack) -> None:
    plan(prepared, RIGHT | STEPS)
    content = {"regression_metrics": {"mse": {"value": 2.5, "standard_deviation": "NaN"}}, "rows": [3, True, None]}
    report(prepared, "evaluation", content)
    check = {"number": 1, "qualitygate": GATE, "mustimprove": None}
    assert check_quality(prepared.service, check).met
    expected = {"evaluation.regression_metrics.mse.value": 2.5, "evaluation.rows.0": 3}
    assert read_build(prepared.service, 1).metrics == expected
    assert not check_quality(prepared.service, check | {"qualitygate": GATE | {"maximum": 2}}).met


def test_the_live_model_is_compared_on_the_same_data(prepared: Stack) -> None:
    plan(prepared, RIGHT | STEPS)
    record = read_build(prepared.service, 1)
    where = f"s3://{STACK}-model/builds/{name_resource(prepared.service, 1)}/processing/evaluation-live/evaluation"
    live = StepJob("evaluation-live", "job", 1, report=f"{where}/evaluation.json")
    update_build(prepared.service, 1, step_jobs=[vars(each) for each in (*record.step_jobs, live)])
    report(prepared, "evaluation", {"accuracy": 0.8})
    report(prepared, "evaluation-live", {"accuracy": 0.9})
    improvement = {"metric": "evaluation.accuracy", "margin": 0, "goal": "Maximize"}
    verdict = check_quality(prepared.service, {"number": 1, "qualitygate": None, "mustimprove": improvement})
    assert (verdict.met, verdict.reason) == (False, "evaluation.accuracy 0.8 is below the live 0.9")
    assert read_build(prepared.service, 1).live_metrics == {"evaluation.accuracy": 0.9}


def test_a_notebook_shows_the_plots_beside_the_report(prepared: Stack) -> None:
    plan(prepared, RIGHT | STEPS)
    folder = f"builds/{name_resource(prepared.service, 1)}/processing/evaluation/evaluation"
    upload("model", f"{folder}/plots/curve.png", b"png")
    upload("model", f"{folder}/page.html", b"<script>alert('x')</script>")
    upload("model", f"{folder}/rows.csv", b"1")
    shown = read_report_files(prepared.service, read_build(prepared.service, 1))
    assert [file.name for file in shown.files] == ["page.html", "plots/curve.png", "rows.csv"]
    html = shown._repr_html_()
    assert "src='data:image/png;base64,cG5n'" in html
    assert "<iframe sandbox='' srcdoc='&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;'" in html
    assert f"s3://{STACK}-model/{folder}/rows.csv" in html


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (None, "The evaluation wrote no report to s3://"),
        (b"accuracy: 0.9", "is not JSON"),
        (b'{"accuracy": "high"}', "has no numbers"),
        (json.dumps(list(range(101))).encode(), "has 101 numbers; it may have at most 100"),
    ],
)
def test_a_report_that_cannot_be_used_fails_the_build_with_the_reason(
    prepared: Stack, body: bytes | None, sentence: str
) -> None:
    from sagebuild.errors import EvaluationError

    plan(prepared, RIGHT | STEPS)
    if body:
        folder = f"builds/{name_resource(prepared.service, 1)}/processing/evaluation/evaluation"
        upload("model", f"{folder}/evaluation.json", body)
    with pytest.raises(EvaluationError, match=sentence):
        check_quality(prepared.service, {"number": 1, "qualitygate": None, "mustimprove": None})
