"""One pipeline of a deployed stack, from Python: everything you can do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from sagebuild.builds.context import describe_next
from sagebuild.builds.lock import PipelineState, read_state
from sagebuild.builds.pipelines import DEFAULT
from sagebuild.builds.records import BuildRecord, list_builds, read_build
from sagebuild.client import prediction
from sagebuild.client.actions import PipelineActions
from sagebuild.client.build import Build
from sagebuild.client.builds import Builds
from sagebuild.client.chat import stream_chat
from sagebuild.client.comparison import Comparison
from sagebuild.client.descriptions import suggest
from sagebuild.client.diagnosis import Diagnosis
from sagebuild.client.doctor import diagnose
from sagebuild.client.document import Parameters
from sagebuild.client.logs import LogLine
from sagebuild.client.pipeline_uploads import PipelineUploads
from sagebuild.client.status import PipelineStatus, mention_others, read_status
from sagebuild.cost.estimate import estimate_cost
from sagebuild.cost.spent import Cost
from sagebuild.errors import NoBuildsError
from sagebuild.names import name_endpoint
from sagebuild.notifications.words import write_message, write_subject
from sagebuild.plan.findings import Findings
from sagebuild.plan.requests import plan_requests
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.service import Service
from sagebuild.view.html import render_table


class Pipeline(PipelineActions, PipelineUploads):
    """A pipeline; `Stack.pipeline` returns it. A stack itself acts as its default pipeline.

    Parameters
    ----------
    outputs
        The outputs of the CloudFormation stack: buckets, topics, table, state machine.
    """

    def __init__(self, service: Service, create_client: Callable[[str], Any], outputs: Mapping[str, str]) -> None:
        super().__init__(service, create_client)
        self.outputs = dict(outputs)

    @property
    def name(self) -> str:
        """The name of the pipeline; "default" for the default pipeline."""
        return self.service.pipeline or DEFAULT

    @property
    def endpoint_name(self) -> str:
        """The name of the pipeline's endpoint."""
        return name_endpoint(self.service)

    @property
    def region(self) -> str:
        """The AWS region of its stack."""
        return self.service.region

    @property
    def account(self) -> str:
        """The AWS account of its stack."""
        return self.service.account

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters of the next build, to read, change, compare and undo."""
        return Parameters(self.service)

    def builds(self, limit: int = 20) -> Builds:
        """Return the newest builds, newest first."""
        records = list_builds(self.service, limit)
        builds = [Build(self.service, record.number, self.requested_by, record) for record in records]
        return Builds(tuple(builds), tuple(records))

    def build(self, number: int | None = None) -> Build:
        """Return one build; default: the newest.

        Raises
        ------
        BuildNotFoundError
            No build has that number.
        NoBuildsError
            There is no build yet.
        """
        if number is None:
            records = list_builds(self.service, limit=1)
            if not records:
                raise NoBuildsError(
                    f"{self.service.label} has no builds yet; start one: {suggest(self.service, 'start')}."
                )
            number = records[0].number
        build = Build(self.service, number, self.requested_by)
        assert build.record.number == number  # reading the record raises if there is no such build
        return build

    def status(self) -> PipelineStatus:
        """Return the state of the newest build, of the build that follows, and of the endpoint.

        Raises
        ------
        NoBuildsError
            There is no build yet.
        """
        try:
            build = self.build()
        except NoBuildsError as error:
            raise NoBuildsError(mention_others(self.service, str(error))) from None
        return read_status(self.service, build)

    def state(self) -> PipelineState:
        """Return the running and the pending build."""
        return read_state(self.service)

    def write_notification(self, record: BuildRecord) -> str:
        """Return the subject and the text of a build's notification, as they would be written now."""
        return f"{write_subject(self.service, record)}\n\n{write_message(self.service, record)}"

    def watch(self, number: int | None = None) -> Build:
        """Show a build until it has ended; default: the newest. See `Build.watch`."""
        return self.build(number).watch()

    def logs(self, number: int | None = None, follow: bool = False) -> Iterator[LogLine]:
        """Return a build's log lines, merged by time; default: the newest. See `Build.logs`."""
        return self.build(number).logs(follow)

    def cost(self, number: int | None = None) -> Cost:
        """Estimate a build's cost so far; default: the newest. See `Build.cost`."""
        return self.build(number).cost()

    def estimate(self) -> Cost:
        """Estimate the maximum cost of a build with the current parameters, in US dollars.

        Raises
        ------
        ParameterError
            The document is invalid.
        """
        context = describe_next(self.service)
        return estimate_cost(context, plan_requests(context, Findings()).bodies)

    def compare(self, first: int, second: int) -> Comparison:
        """Compare two builds: outcome, metrics, times and parameters."""
        return Comparison(read_build(self.service, first), read_build(self.service, second))

    def endpoint(self) -> Endpoint | None:
        """Return the endpoint and the configuration it serves; None if there is no endpoint yet."""
        return describe_endpoint(self.service)

    def predict(
        self,
        data: Any,
        *,
        content_type: str | None = None,
        accept: str = "application/json",
        header: bool = False,
        raw: bool = False,
        wait: bool = False,
    ) -> Any:
        """Invoke the endpoint.

        Parameters
        ----------
        data
            A numpy array or pandas table (sent as CSV), a list or dict (as JSON), bytes, text (as CSV), or a file: a
            pathlib.Path, or a text that names an existing file, which a warning reports. The suffix of a file selects
            the content type (`content_types.BY_SUFFIX`: .csv, .json, .jsonl, .npy, .parquet, .txt, images).
        content_type
            Send it as "text/csv", "application/json", "application/jsonlines", "application/x-npy" or
            "application/x-parquet" instead; a file, text or bytes as any other. JSON and parquet keep the names of a
            table's columns: "application/json" sends a list of objects, and "application/json; format=pandas-split"
            sends {"columns", "index", "data"}.
        accept
            The content type of the response.
        header
            Send the names of a table's columns as the first line of the CSV. AWS's containers read CSV without one.
        raw
            Return the bytes of the response as they are.
        wait
            Repeat the request until a copy of the model has started, for 20 minutes at most, if the endpoint scaled to
            zero.

        Returns
        -------
        Any
            JSON's value, the rows of the CSV, npy's array, parquet's table, text or bytes, by the content type of the
            response. If ``data`` is numpy or pandas, a list of rows or values becomes an array.

        Raises
        ------
        EndpointError
            There is no endpoint yet, it is not in service, the model failed, or its response is not of the content type
            that it gives.
        InputError
            The data cannot be sent in this content type, there is no such file, or a library is missing.
        """
        runtime = self._create_client("sagemaker-runtime")
        return prediction.predict(self.service, runtime, data, content_type, accept, header=header, raw=raw, wait=wait)

    def chat(self, message: str | list[Any], *, wait: bool = False) -> Iterator[str]:
        """Send a message to a language model in OpenAI's chat format, and yield the parts of its answer as they come.

        Parameters
        ----------
        message
            The text of a message, or a list of messages such as {"role": "user", "content": "Hello"}.
        wait
            As for `predict`.

        Raises
        ------
        EndpointError
            There is no endpoint yet, it is not in service, or the model failed or answered in another format.
        InputError
            The message is empty.
        """
        return stream_chat(self.service, self._create_client("sagemaker-runtime"), message, wait=wait)

    def diagnose(self) -> Diagnosis:
        """Check that a build can succeed: deployment, roles, parameters, images, data, quotas, endpoint, messages."""
        return diagnose(self.service, self._create_client)

    def __repr__(self) -> str:
        return f"<Pipeline {self.service.label} in {self.region}, account {self.account}>"

    def _repr_html_(self) -> str:
        return render_table(sorted(self.outputs.items()), title=repr(self).strip("<>"))
