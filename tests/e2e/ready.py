"""A ready pipeline that is applied to the deployed service."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagebuild.project.file import FILE
from tests.command_line import Ended, run_command
from tests.e2e.stack import NAME, DeployedStack
from tests.ready_pipelines import ReadyPipeline, Request, read_answer, read_rows


class Applied:
    """A ready pipeline in a pipeline of its own in the stack, so that no model of another one is live."""

    def __init__(self, stack: DeployedStack, pipeline: ReadyPipeline, name: str, folder: Path) -> None:
        self.stack, self.name, self._pipeline = stack, name, pipeline
        self.folder = shutil.copytree(pipeline.folder, folder / pipeline.name)
        environment, framework = stack.engine.environment, pipeline.document["framework"]
        ended = run_command("pipelines", "create", name, "--framework", framework, environment=environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def prepare(self) -> None:
        """Put the objects into the data bucket that only AWS can create, and leave out what only AWS can deploy."""
        expected = self._pipeline.expectation
        if expected.before and (self.folder / "make_data.py").exists():
            subprocess.run([sys.executable, "make_data.py"], cwd=self.folder, check=True)
        for key, file in expected.before.items():
            body = (self.folder / file).read_bytes()
            self.stack.client("s3").put_object(
                Bucket=self.stack.outputs["DataBucket"], Key=f"{self.name}/{key}", Body=body
            )
        if expected.resources == "on AWS":
            self._leave_out_resources()

    @property
    def has_resources(self) -> bool:
        """False when the project has none, or leaves them out here."""
        content = self._pipeline.definition.content
        return bool(content.resources) and self._pipeline.expectation.resources == "everywhere"

    @property
    def endpoint(self) -> str:
        """The name of its endpoint."""
        return f"{NAME}-{self.name}"

    def run(self, *arguments: str) -> Ended:
        """Run a command of sagebuild for the pipeline."""
        ended = run_command(*arguments, environment=self.stack.engine.environment | {"SAGEBUILD_PIPELINE": self.name})
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended

    def apply(self, *options: str) -> Any:
        """Apply the project; what has changed."""
        return json.loads(self.run("apply", str(self.folder), *options, "--json").stdout)

    def watch(self, *arguments: str) -> dict[str, Any]:
        """Run a command that starts a build; the build's record. A schedule may start others at any time."""
        build = json.loads(self.run(*arguments, "--watch", "--json").stdout.splitlines()[-1])["build"]
        return json.loads(self.run("show", str(build["number"]), "--json").stdout)  # type: ignore[no-any-return]

    def ask(self, request: Request) -> Any:
        """The endpoint's answer to a request."""
        response = self.stack.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.endpoint, ContentType=request.contenttype, Accept=request.accept, Body=request.body
        )
        return read_answer(response["Body"].read())

    def read_results(self, record: Mapping[str, Any], file: str) -> list[list[str | float]]:
        """The rows of a result of a build's batch transform."""
        address = next(job["output"] for job in record["step_jobs"] if job["kind"] == "transform")
        bucket, _, folder = address.removeprefix("s3://").partition("/")
        return read_rows(self.stack.client("s3").get_object(Bucket=bucket, Key=f"{folder}{file}")["Body"].read())

    def remove_resources(self) -> list[str]:
        """Apply the project without its template, which deletes the stack; the stacks that remain."""
        self._leave_out_resources()
        self.apply("--no-check")
        stacks = self.stack.client("cloudformation").describe_stacks()["Stacks"]
        return [each["StackName"].removeprefix(f"{self.endpoint}-") for each in stacks]

    def _leave_out_resources(self) -> None:
        lines = (self.folder / FILE).read_text(encoding="utf-8").splitlines()
        without = [line for line in lines if not line.startswith("resources:")]
        (self.folder / FILE).write_text("\n".join(without), encoding="utf-8")


def build_and_compare(stack: DeployedStack, pipeline: ReadyPipeline, folder: Path) -> None:
    """Check, apply and build a pipeline in the stack, and compare what comes of it with its expect.json."""
    expected, name = pipeline.expectation, f"ready-{pipeline.name}"[:20].strip("-")
    applied = Applied(stack, pipeline, name, folder)
    applied.prepare()
    applied.run("check", str(applied.folder))
    record = applied.watch("apply", str(applied.folder))
    assert (record["status"], record["reason"]) == (expected.outcome, "")
    wrong = {name: record["metrics"].get(name) for name, bounds in expected.metrics.items()
             if not bounds.contain(record["metrics"].get(name, float("nan")))}  # fmt: skip
    assert wrong == {}
    if expected.request:
        answer = applied.ask(expected.request)
        assert expected.accepts(answer), answer
    again = applied.apply("--start")
    assert "number" not in again, "an apply without changes starts no build"
    assert [again[name] for name in ("archive", "changes", "data", "resources")] == [None, [], [], None]
    if expected.then is not None:
        changed = [f"--set={name}={json.dumps(value)}" for name, value in expected.then.items()]
        record = applied.watch("start", *changed)
    if expected.results:
        rows = applied.read_results(record, expected.results.file)
        assert expected.accepts_results(rows), rows[:3]
    if applied.has_resources:
        assert "resources" not in applied.remove_resources()
