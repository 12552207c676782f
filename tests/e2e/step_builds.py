"""Builds that prepare, evaluate and score, so that each role makes its calls for these jobs."""

import io
from typing import Any

import numpy as np

from tests.e2e.faults import REPORT, step
from tests.e2e.pipelines import Pipeline
from tests.e2e.stack import DeployedStack, wait_until

COPY = "cp /opt/ml/processing/input/raw/* /opt/ml/processing/output/rows/"
RAW: dict[str, Any] = {"inputs": {"raw": {"path": "train/"}}, "outputs": ["rows"]}
PREPARE: dict[str, Any] = {"name": "prepare", "cache": True, **RAW, **step(COPY)}
DOCUMENT: dict[str, Any] = {
    "processing": [PREPARE],
    "channels": {"training": {"output": "prepare.rows"}},
    "evaluation": step(REPORT),
    "qualitygate": {"metric": "evaluation.accuracy", "minimum": 1},
    "batchtransform": {"path": "score/rows/", "contenttype": "text/csv", "accept": "text/csv"},
    "deployEndpoint": False,
}


def use_step_jobs(stack: DeployedStack) -> None:
    """Run all jobs, reuse an output, evaluate the live model, do the same in a named pipeline, and fail twice."""
    pipeline, text = Pipeline(stack, "scored"), io.StringIO()
    np.savetxt(text, stack.questions[:2] / 16, delimiter=",")
    files = {
        "score/rows/a.csv": text.getvalue(),
        "scored/score/rows/a.csv": text.getvalue(),
        "score/short/a.csv": "1,2",
    }
    for key, body in files.items():
        stack.client("s3").put_object(Bucket=stack.outputs["DataBucket"], Key=key, Body=body.encode())
    first = stack.build(**DOCUMENT)
    assert first["status"] == "succeeded", first["reason"]
    assert [job["name"] for job in first["step_jobs"]] == ["prepare", "evaluation", "transform"]
    again = stack.build(**DOCUMENT | {"evaluatelive": True})
    assert again["status"] == "succeeded", again["reason"]
    prepared = again["step_jobs"][0]
    assert (prepared["name"], prepared["outputs_of"]) == ("prepare", first["number"])
    named = pipeline.build(**DOCUMENT)
    assert named["status"] == "succeeded", named["reason"]
    failed = stack.build(**DOCUMENT | {"evaluation": step("echo unreadable; exit 1")})
    assert (failed["status"], failed["step"]) == ("failed", "Evaluate Model"), failed["reason"]
    scored = stack.build(**DOCUMENT | {"batchtransform": {"path": "score/short/", "contenttype": "text/csv"}})
    assert (scored["status"], scored["step"]) == ("failed", "Transform Data"), scored["reason"]


def start_endless_job(stack: DeployedStack) -> int:
    """Start a build whose processing job does not end, and return its number when the job runs."""
    endless = DOCUMENT | {"processing": [PREPARE | step("sleep 600") | {"cache": False}]}
    stack.set_parameters(**endless)
    number = stack.start_by_voice()
    list_jobs = stack.client("sagemaker").list_processing_jobs
    wait_until(lambda: list_jobs(StatusEquals="InProgress")["ProcessingJobSummaries"])
    return number
