"""The tools that read; they change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, cast

from pydantic import Field

from sagebuild.assistants import results
from sagebuild.assistants.connection import Connection
from sagebuild.client.build import Build
from sagebuild.client.logs import LogLine
from sagebuild.client.progress import read_if_allowed
from sagebuild.client.trials import Trials
from sagebuild.cost.spent import Cost, format_cost
from sagebuild.errors import NoBuildsError, ParameterError
from sagebuild.parameters.store import read_version
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service
from sagebuild.view.steps import Steps

PipelineName = Annotated[str, Field(description="Name of a pipeline of the stack; empty for the server's pipeline.")]
BuildNumber = Annotated[int | None, Field(description="Number of the build; default: the newest.", ge=1)]
Limit = Annotated[int, Field(description="How many builds, newest first.", ge=1, le=100)]

_FAILURES_AMONG = 50  # builds
_LINE_LENGTH = 2000  # characters
_CURVE_LENGTH = 200  # values


class Reading:
    """The reading tools; the server calls their methods, whose docstrings assistants read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def status(self, pipeline: PipelineName = "") -> results.StatusResult:
        """State of the newest build and its steps, whether another build waits, and what the endpoint serves."""
        found = self._connection.pipeline(pipeline)
        try:
            status = found.status()
        except NoBuildsError as error:
            return _describe_unused(found.service, str(error))
        return cast("results.StatusResult", {"sentences": status.lines, **status.to_dict()})

    def builds(self, limit: Limit = 10, pipeline: PipelineName = "") -> results.BuildsResult:
        """List builds: outcome, times, trigger, metrics, cost, reason. The tool `build` adds parameters and steps."""
        found = self._connection.pipeline(pipeline).builds(limit)
        return cast("results.BuildsResult", {"builds": [_without(one, "parameters") for one in found.to_list()]})

    def build(self, number: BuildNumber = None, pipeline: PipelineName = "") -> results.BuildResult:
        """Everything known of one build: outcome, parameters, metrics, cost, steps."""
        build = self._connection.pipeline(pipeline).build(number)
        return cast(
            "results.BuildResult", {"sentence": str(build), **build.to_dict(), "steps": build.steps().to_list()}
        )

    def failure(
        self,
        number: Annotated[
            int | None, Field(description="Number of the build; default: the newest that failed.", ge=1)
        ] = None,
        lines: Annotated[int, Field(description="How many of the newest log lines.", ge=0, le=200)] = 40,
        pipeline: PipelineName = "",
    ) -> results.FailureResult:
        """Explain why a build failed: step, reason, the end of its logs, and what to do next."""
        build = self._connection.pipeline(pipeline).build(number) if number else self._find_failed(pipeline)
        if build is None:
            return _describe_no_failure()
        record = build.record
        steps = read_if_allowed(build.steps, Steps(()))
        read = read_if_allowed(lambda: list(build.logs()), list[LogLine]())
        summary = read_if_allowed(build.summarize, dict[str, str]())
        return cast(
            "results.FailureResult",
            {
                "number": record.number,
                "status": record.status,
                "sentence": str(build),
                "step": record.step,
                "reason": record.reason,
                "notes": record.notes,
                "failed_steps": [asdict(step) for step in steps if step.state == "failed"],
                "log": _describe_lines(read[-lines:] if lines else []),
                "next": summary.get("next", ""),
            },
        )

    def metrics(
        self,
        number: Annotated[
            int | None, Field(description="Number of a build; default: all recent builds side by side.", ge=1)
        ] = None,
        limit: Limit = 20,
        pipeline: PipelineName = "",
    ) -> results.MetricsResult:
        """Metrics of recent builds side by side, oldest first; or of one build, with its curves and tuning trials."""
        found = self._connection.pipeline(pipeline)
        if number is None:
            series = found.builds(limit).metrics()
            return cast("results.MetricsResult", {"builds": list(series.places), "metrics": dict(series)})
        build = found.build(number)
        record, curves = build.record, build.curves()
        return cast(
            "results.MetricsResult",
            {
                "number": number,
                "metrics": record.metrics,
                "live_metrics": record.live_metrics,
                "curves": {name: _sample(values) for name, values in curves.items()},
                "trials": read_if_allowed(build.trials, Trials()).to_list(),
                "notes": list(curves.notes),
            },
        )

    def compare(
        self,
        first: Annotated[int, Field(description="Number of a build.", ge=1)],
        second: Annotated[int, Field(description="Number of another build.", ge=1)],
        pipeline: PipelineName = "",
    ) -> results.CompareResult:
        """Compare two builds: outcome, metrics, times, cost, and the parameters that differ."""
        compared = self._connection.pipeline(pipeline).compare(first, second).to_dict()
        return cast(
            "results.CompareResult", {**compared, "builds": [_without(one, "parameters") for one in compared["builds"]]}
        )

    def cost(self, number: BuildNumber = None, pipeline: PipelineName = "") -> results.CostResult:
        """Estimate what a build has cost and can cost at most, in US dollars, and what the endpoint costs an hour."""
        try:
            build = self._connection.pipeline(pipeline).build(number)
        except NoBuildsError as error:
            nothing = Cost(None, None, None, "", ())
            return cast("results.CostResult", {"number": None, "sentence": str(error), **asdict(nothing)})
        cost = build.cost()
        return cast("results.CostResult", {"number": build.number, "sentence": format_cost(cost), **asdict(cost)})

    def estimate(self, pipeline: PipelineName = "") -> results.EstimateResult:
        """Estimate the next build with the current parameters, in US dollars; nothing is started."""
        cost = self._connection.pipeline(pipeline).estimate()
        return cast("results.EstimateResult", {"sentence": format_cost(cost), **asdict(cost)})

    def parameters(
        self,
        with_defaults: Annotated[
            bool, Field(description="Also return the value that a build uses for every parameter.")
        ] = False,
        pipeline: PipelineName = "",
    ) -> results.ParametersResult:
        """The parameter document of the next build. The resource sagebuild://schema describes all parameters."""
        found = self._connection.pipeline(pipeline)
        problems, values = [], {}
        try:
            checked = found.parameters.check()
            values = {"values": checked.model_dump(mode="json")} if with_defaults else {}
        except ParameterError as error:
            problems = str(error).splitlines()
        text = found.parameters.text if problems else ""
        return cast(
            "results.ParametersResult",
            {
                "name": found.parameters.name,
                "version": read_version(found.service),
                "document": text or found.parameters.document,
                "problems": problems,
                **values,
            },
        )

    def logs(
        self,
        number: BuildNumber = None,
        lines: Annotated[int, Field(description="How many lines, counted from the end.", ge=1, le=1000)] = 100,
        source: Annotated[
            str, Field(description='Only of "training", "image", "endpoint" or a function such as "planBuild".')
        ] = "",
        contains: Annotated[str, Field(description="Only lines with this text, in any case.")] = "",
        pipeline: PipelineName = "",
    ) -> results.LogsResult:
        """The newest log lines of a build, sorted by time: functions, image builds, jobs, endpoint."""
        try:
            build = self._connection.pipeline(pipeline).build(number)
        except NoBuildsError:
            return {"number": None, "lines": [], "left_out": 0}
        found = [
            line for line in build.logs() if source in ("", line.source) and contains.casefold() in line.text.casefold()
        ]
        return cast(
            "results.LogsResult",
            {
                "number": build.number,
                "lines": _describe_lines(found[-lines:]),
                "left_out": max(0, len(found) - lines),
            },
        )

    def pipelines(self) -> results.PipelinesResult:
        """List the stack's pipelines: newest build, live build, estimated costs."""
        return cast("results.PipelinesResult", {"pipelines": self._connection.stack.pipelines().to_list()})

    def _find_failed(self, pipeline: str) -> Build | None:
        found = self._connection.pipeline(pipeline).builds(_FAILURES_AMONG)
        for build, record in zip(found, found.records, strict=True):
            if record.status == "failed":
                return build
        return None


def _describe_unused(service: Service, sentence: str) -> results.StatusResult:
    """Describe a pipeline that has never started a build; it may have an endpoint."""
    return {
        "sentences": [sentence],
        "build": None,
        "steps": [],
        "endpoint": describe_endpoint(service),
        "waiting": False,
    }


def _describe_no_failure() -> results.FailureResult:
    return {
        "number": None,
        "status": "",
        "sentence": "None of the newest builds has failed; name the number of a build to see why it ended.",
        "step": "",
        "reason": "",
        "notes": [],
        "failed_steps": [],
        "log": [],
        "next": "",
    }


def _describe_lines(lines: Sequence[LogLine]) -> list[dict[str, Any]]:
    return [{"time": line.time, "source": line.label, "text": line.text[:_LINE_LENGTH]} for line in lines]


def _sample(values: Sequence[float]) -> list[float]:
    """Return the values; of many, an evenly spaced sample with the first and the last one."""
    if len(values) <= _CURVE_LENGTH:
        return list(values)
    return [values[round(place * (len(values) - 1) / (_CURVE_LENGTH - 1))] for place in range(_CURVE_LENGTH)]


def _without(record: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != name}
