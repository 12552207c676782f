"""Each ready pipeline, as its README says: checked, applied to the deployed service, built, and asked."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Ended, run_command
from tests.e2e.stack import NAME, DeployedStack
from tests.ready_pipelines import ReadyPipeline, list_pipelines, read_answer


def list_cases() -> list[Any]:
    """The pipelines that run here; tests/contract checks the others by their requests."""
    cases = []
    for pipeline in list_pipelines():
        marks = [pytest.mark.examples] if pipeline.expectation.runs == "after make examples" else []
        if pipeline.expectation.runs != "on AWS":
            cases.append(pytest.param(pipeline, marks=marks, id=pipeline.name))
    return cases


def run(stack: DeployedStack, *arguments: str) -> Ended:
    ended = run_command(*arguments, environment=stack.engine.environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


@pytest.mark.parametrize("pipeline", list_cases())
def test_a_ready_pipeline_is_built_and_answers(stack: DeployedStack, pipeline: ReadyPipeline, tmp_path: Path) -> None:
    expected = pipeline.expectation
    folder = shutil.copytree(pipeline.folder, tmp_path / pipeline.name)
    run(stack, "check", str(folder))
    run(stack, "apply", str(folder), "--overwrite", "--watch", "--json")
    record = stack.record(stack.last_number())
    assert (record["status"], record["reason"]) == (expected.outcome, "")
    wrong = {name: record["metrics"].get(name) for name, bounds in expected.metrics.items()
             if not bounds.contain(record["metrics"].get(name, float("nan")))}  # fmt: skip
    assert wrong == {}
    if request := expected.request:
        response = stack.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=NAME, ContentType=request.contenttype, Accept=request.accept, Body=request.body
        )
        answer = read_answer(response["Body"].read())
        assert expected.accepts(answer), answer
    again = json.loads(run(stack, "apply", str(folder), "--start", "--json").stdout)
    assert (again["archive"], again["changes"], again["data"]) == (None, [], []), "nothing differs after an apply"
    assert stack.last_number() == record["number"], "and nothing is built"
