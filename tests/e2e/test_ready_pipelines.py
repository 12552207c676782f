"""Each ready pipeline, as its README says: checked, applied to the deployed service, built, and asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.ready import Applied
from tests.e2e.stack import DeployedStack
from tests.ready_pipelines import ReadyPipeline, list_pipelines


def list_cases() -> list[Any]:
    """The pipelines that run here; tests/contract checks the others by their requests."""
    cases = []
    for pipeline in list_pipelines():
        marks = [pytest.mark.examples] if pipeline.expectation.runs == "after make examples" else []
        if pipeline.expectation.runs != "on AWS":
            cases.append(pytest.param(pipeline, marks=marks, id=pipeline.name))
    return cases


@pytest.mark.parametrize("pipeline", list_cases())
def test_a_ready_pipeline_is_built_and_answers(stack: DeployedStack, pipeline: ReadyPipeline, tmp_path: Path) -> None:
    expected, name = pipeline.expectation, f"ready-{pipeline.name}"[:20].strip("-")
    applied = Applied(stack, pipeline, name, tmp_path)
    applied.prepare()
    applied.run("check", str(applied.folder))
    applied.run("apply", str(applied.folder), "--watch", "--json")
    record = applied.read_build("1")
    assert (record["status"], record["reason"]) == (expected.outcome, "")
    wrong = {name: record["metrics"].get(name) for name, bounds in expected.metrics.items()
             if not bounds.contain(record["metrics"].get(name, float("nan")))}  # fmt: skip
    assert wrong == {}
    if expected.request:
        answer = applied.ask(expected.request)
        assert expected.accepts(answer), answer
    again = applied.apply("--start")
    assert [again[name] for name in ("archive", "changes", "data", "resources")] == [None, [], [], None]
    newest = applied.read_build()
    # A schedule of the pipeline may have started one, because time passes faster here.
    is_scheduled = newest["trigger"]["kind"] != record["trigger"]["kind"]
    assert newest["number"] == 1 or is_scheduled, "an apply without changes starts no build"
    if expected.then is not None:
        changed = [f"--set={name}={json.dumps(value)}" for name, value in expected.then.items()]
        applied.run("start", *changed, "--watch")
    if expected.results:
        rows = applied.read_results(expected.results.file)
        assert expected.accepts_results(rows), rows[:3]
    if applied.has_resources:
        assert "resources" not in applied.remove_resources()
