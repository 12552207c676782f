"""One deployed stack, from Python: its default pipeline, and the others by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from sagebuild.builds.pipelines import DEFAULT, bind_pipeline
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.pipeline import Pipeline
from sagebuild.client.pipeline_creation import create_pipeline
from sagebuild.client.pipeline_removal import delete_own_resources, find_removable
from sagebuild.client.pipeline_rows import COLUMNS, PipelineRow, describe_pipeline, read_rows, render_text
from sagebuild.client.stacks import list_stack_names
from sagebuild.finish.remove import remove_pipeline
from sagebuild.view.html import render_badge, render_table


class Stack(Pipeline):
    """A deployed stack; `sagebuild.connect` returns it. It acts as its default pipeline, or as the one you named."""

    @property
    def name(self) -> str:
        """The name of the CloudFormation stack."""
        return self.service.stack_name

    def list_stacks(self) -> list[str]:
        """Return the names of all stacks of sagebuild in this account and region, this one included."""
        with translating_errors():
            return list_stack_names(self._create_client)

    def pipeline(self, name: str) -> Pipeline:
        """Return a pipeline of the stack, which has the same methods for its own builds.

        Parameters
        ----------
        name
            Its name in any case; "default" for the default pipeline.

        Raises
        ------
        PipelineNotFoundError
            The stack has no such pipeline.
        """
        with translating_errors():
            return self._open(bind_pipeline(self.service, name).pipeline)

    def pipelines(self) -> Pipelines:
        """Return all pipelines, the default one first; a notebook shows a table.

        That is one query for any number of pipelines. So the live build is the one that was live when the newest build
        ended; `Pipeline.endpoint` reads the endpoint itself.
        """
        with translating_errors():
            rows = read_rows(self.service)
        opened = (self._open("" if row.name == DEFAULT else row.name) for row in rows)
        return Pipelines(tuple(opened), tuple(rows))

    def create_pipeline(self, name: str, *, framework: str, parameters: Mapping[str, Any] | None = None) -> Pipeline:
        """Create a pipeline. If it was interrupted, repeat it.

        Parameters
        ----------
        name
            Letters, digits and single hyphens; the first character is a letter.
        framework
            Its parameter document begins with the defaults of this framework.
        parameters
            Parameters for the document, in place of the defaults; a dotted name sets a value inside one.

        Raises
        ------
        PipelineNameError
            No pipeline can have this name, or another pipeline or another stack uses it.
        ParameterError
            There is no such framework, or the parameters are invalid.
        """
        with translating_errors():
            return self._open(create_pipeline(self.service, name, framework, parameters).pipeline)

    def remove_pipeline(self, name: str, report: Callable[[str], Any] = print) -> None:
        """Delete a pipeline's endpoint, models, jobs, records and parameter document, and stop its running build.

        The stack with its project's own resources is deleted first. Its data, source code and images
        stay. A removal that failed can be repeated.

        Parameters
        ----------
        report
            Called with a sentence before each part of the removal.

        Raises
        ------
        PipelineNotFoundError
            The stack has no such pipeline, or it is the default one.
        StillRunningError
            A build or resource did not end in time; repeat the removal.
        InputError
            CloudFormation could not delete the project's own resources; nothing else was deleted.
        """
        with translating_errors():
            service = find_removable(self.service, name)
            delete_own_resources(service, report)
            remove_pipeline(service, report=report)

    def _open(self, name: str) -> Pipeline:
        pipeline = Pipeline(self.service.for_pipeline(name), self._create_client, self.outputs)
        pipeline.requested_by = self.requested_by
        return pipeline

    def __repr__(self) -> str:
        acts = f", pipeline {self.service.pipeline}" if self.service.pipeline else ""
        return f"<Stack {self.name} in {self.region}, account {self.account}{acts}>"


@dataclass(frozen=True)
class Pipelines(Sequence[Pipeline]):
    """The pipelines of a stack, the default one first; they print as a table, also in a notebook."""

    pipelines: tuple[Pipeline, ...] = field(repr=False)
    rows: tuple[PipelineRow, ...] = field(repr=False)

    @overload
    def __getitem__(self, index: int) -> Pipeline: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pipeline]: ...
    def __getitem__(self, index: int | slice) -> Pipeline | Sequence[Pipeline]:
        return self.pipelines[index]

    def __len__(self) -> int:
        return len(self.pipelines)

    def to_list(self) -> list[dict[str, Any]]:
        """Return plain values, for JSON or a pandas.DataFrame."""
        return [row.to_dict() for row in self.rows]

    def __repr__(self) -> str:
        return render_text(self.rows)

    def _repr_html_(self) -> str:
        cells = []
        for row in self.rows:
            name, build, outcome, *rest = describe_pipeline(row)
            cells.append((name, build, render_badge(outcome), *rest))
        return render_table(cells, COLUMNS)
