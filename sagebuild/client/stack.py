"""One deployed stack, from Python: everything that a person can do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagebuild.builds.context import describe_next
from sagebuild.builds.records import list_builds, read_build
from sagebuild.client import prediction, uploads
from sagebuild.client.build import Build, Builds
from sagebuild.client.comparison import Comparison, compare_builds
from sagebuild.client.document import Parameters
from sagebuild.client.logs import LogLine
from sagebuild.client.overview import Overview, describe_overview
from sagebuild.client.steering import Steering
from sagebuild.cost.estimate import estimate_cost
from sagebuild.cost.spent import Cost
from sagebuild.errors import NoBuildsError
from sagebuild.plan.findings import Findings
from sagebuild.plan.requests import plan_requests
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.service import Service

if TYPE_CHECKING:
    from sagebuild.client.doctor import Diagnosis


class Stack(Steering):
    """A deployed stack; `sagebuild.connect` makes it.

    Parameters
    ----------
    outputs
        What CloudFormation says that it gives out: buckets, topics, table, state machine.
    """

    def __init__(self, service: Service, create_client: Callable[[str], Any], outputs: Mapping[str, str]) -> None:
        super().__init__(service)
        self._create_client = create_client
        self.outputs = dict(outputs)

    @property
    def name(self) -> str:
        """The name of the CloudFormation stack and of its endpoint."""
        return self.service.stack_name

    @property
    def region(self) -> str:
        """Its AWS region."""
        return self.service.region

    @property
    def account(self) -> str:
        """Its AWS account."""
        return self.service.account

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters of the next build: read, change, compare, undo."""
        return Parameters(self.service)

    def builds(self, limit: int = 20) -> Builds:
        """The newest builds, newest first."""
        records = list_builds(self.service, limit)
        builds = [Build(self.service, record.number, self.made_by, record) for record in records]
        return Builds(tuple(builds), tuple(records))

    def build(self, number: int | None = None) -> Build:
        """One build; default: the newest.

        Raises
        ------
        BuildNotFoundError
            No build has that number.
        NoBuildsError
            There was none yet.
        """
        if number is None:
            records = list_builds(self.service, limit=1)
            if not records:
                raise NoBuildsError(f"No build was ever started in {self.name}; start one: sagebuild start.")
            number = records[0].number
        build = Build(self.service, number, self.made_by)
        assert build.record.number == number  # raises for one that is not there
        return build

    def status(self) -> Overview:
        """How the newest build is, whether another follows, and what the endpoint serves.

        Raises
        ------
        NoBuildsError
            There was none yet.
        """
        return describe_overview(self.service, self.build())

    def watch(self, number: int | None = None) -> Build:
        """Show a build until it has ended, see `Build.watch`; default: the newest."""
        return self.build(number).watch()

    def logs(self, number: int | None = None, follow: bool = False) -> Iterator[LogLine]:
        """What was said in a build, merged in time, see `Build.logs`; default: the newest."""
        return self.build(number).logs(follow)

    def cost(self, number: int | None = None) -> Cost:
        """What a build has cost until now, see `Build.cost`; default: the newest."""
        return self.build(number).cost()

    def estimate(self) -> Cost:
        """What a build with the parameters as they are can cost at most, an estimate in US dollars.

        Raises
        ------
        ParameterError
            The document is wrong.
        """
        context = describe_next(self.service)
        return estimate_cost(context, plan_requests(context, Findings()).bodies)

    def compare(self, first: int, second: int) -> Comparison:
        """Two builds side by side: outcome, metrics, times, and where their parameters differ."""
        return compare_builds(read_build(self.service, first), read_build(self.service, second))

    def endpoint(self) -> Endpoint | None:
        """The endpoint and what it serves; None if there is none yet."""
        return describe_endpoint(self.service)

    def predict(self, data: Any, *, content_type: str | None = None, accept: str = "application/json") -> Any:
        """Ask the endpoint.

        Parameters
        ----------
        data
            A numpy array or pandas object (sent as CSV), a list or dict (as JSON), text (as CSV), bytes, or the
            pathlib.Path of a .csv, .json, .jsonl or .npy file.
        content_type
            Send it as "text/csv", "application/json" or "application/x-npy" instead.
        accept
            What the model is asked to answer in.

        Returns
        -------
        Any
            An array for a question in numpy or pandas; else what the JSON holds, the rows of CSV, or bytes.

        Raises
        ------
        EndpointError
            There is no endpoint yet, it is not in service, or the model failed.
        InputError
            The data cannot be sent like this.
        """
        return prediction.predict(self.service, self._create_client("sagemaker-runtime"), data, content_type, accept)

    def upload_data(self, path: str | Path, prefix: str = "train/", *, progress: bool = True) -> str:
        """Upload a file, or all files of a folder, to the data bucket; the S3 address.

        Parameters
        ----------
        prefix
            Where the parameter ``channels`` looks: by default under train/.
        progress
            Show a bar.

        Raises
        ------
        InputError
            There is nothing to upload.
        """
        return uploads.upload_data(self.service, Path(path), prefix, progress=progress)

    def upload_source(self, folder: str | Path, name: str | None = None) -> str:
        """Pack a folder into the archive that SageMaker's containers unpack, and upload that to the code bucket.

        Parameters
        ----------
        name
            Of the archive; default: the folder's, with .tar.gz.

        Returns
        -------
        str
            The name, for the parameters ``trainsourcefile`` and ``hostsourcefile``.

        Raises
        ------
        InputError
            It is no folder, or has no Python file.
        """
        return uploads.upload_source(self.service, Path(folder), name)

    def diagnose(self) -> Diagnosis:
        """Look whether a build can work: deployment, roles, parameters, images, data, quotas, endpoint, messages."""
        from sagebuild.client.doctor import diagnose

        return diagnose(self.service, self._create_client)

    def __repr__(self) -> str:
        return f"<Stack {self.name} in {self.region}, account {self.account}>"

    def _repr_html_(self) -> str:
        from sagebuild.client.drawing import draw_outputs

        return draw_outputs(repr(self).strip("<>"), self.outputs)
