"""A project from Python: check it, run it here, and make a pipeline of a stack match it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.build import Build
from sagebuild.client.connection import connect
from sagebuild.client.diagnosis import Diagnosis
from sagebuild.client.launch_requests import request_build
from sagebuild.project.apply import ProjectChanges, apply_changes, deploy_resources, find_changes
from sagebuild.project.check import check_in_stack, check_project
from sagebuild.project.file import Definition, read_project
from sagebuild.project.run import Run, run_training

if TYPE_CHECKING:
    from sagebuild.client.pipeline import Pipeline


class Project:
    """A folder that describes a pipeline in `sagebuild.yaml`.

    Parameters
    ----------
    folder
        The folder with the project file.
    """

    def __init__(self, folder: str | Path = ".") -> None:
        self.folder = Path(folder)

    @property
    def definition(self) -> Definition:
        """The project file, read anew.

        Raises
        ------
        ProjectFileError
            There is no project file, or it is invalid.
        """
        return read_project(self.folder)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters as the project file has them, without the source archive."""
        return dict(self.definition.content.parameters)

    def check(self, pipeline: Pipeline | None = None, *, region: str | None = None) -> Diagnosis:
        """Check the project; nothing is written.

        Parameters
        ----------
        pipeline
            A pipeline, or a stack for its default one: also check data, quotas, permissions and deployment there. By
            default, no call to AWS is made.
        region
            Without a pipeline, the region whose images and prices are meant; default: AWS_REGION, or us-east-1.
        """
        if pipeline is None:
            return check_project(self.folder, region)
        with translating_errors():
            return check_in_stack(self.folder, pipeline.service)

    def run(self, report: Callable[[str], Any] = print) -> Run:
        """Run the training on this machine, without a stack or Docker, in the contract of SageMaker's containers.

        Parameters
        ----------
        report
            Called with each line of the script's output.

        Returns
        -------
        Run
            ``metrics`` has the last value of each metric, ``model`` is the folder with the trained model.

        Raises
        ------
        InputError
            The project has no script, or this machine lacks a package or data that it needs.
        RunError
            The script failed.
        """
        return run_training(self.definition, report)

    def compare(self, pipeline: Pipeline) -> ProjectChanges:
        """Return what `apply` would change; it writes nothing to AWS. ``print`` shows a line for each difference."""
        return find_changes(self.definition, pipeline.service)

    def apply(
        self, pipeline: Pipeline | None = None, *, start: bool = False, overwrite: bool = False, check: bool = True
    ) -> Build | None:
        """Make a pipeline match the project: source archive, own resources, parameter document and data.

        Parameters
        ----------
        pipeline
            A pipeline, or a stack for its default one; default: what `sagebuild.connect()` finds.
        start
            Start a build, unless nothing differs.
        overwrite
            Replace a document that was changed after the last apply.
        check
            First run the checks of `check` in that pipeline.

        Returns
        -------
        Build or None
            The build that was started; None without one.

        Raises
        ------
        ProjectFileError
            The project is invalid.
        PreflightError
            A check found an error; nothing was written but the project's own resources.
        ConflictError
            The document was changed after the last apply; nothing was written.
        """
        pipeline = pipeline or connect()
        return self.apply_changes(self.compare(pipeline), pipeline, start=start, overwrite=overwrite, check=check)

    def apply_changes(
        self,
        changes: ProjectChanges,
        pipeline: Pipeline,
        *,
        start: bool = False,
        overwrite: bool = False,
        check: bool = True,
    ) -> Build | None:
        """Write changes that `compare` returned; see `apply`."""
        if changes.is_empty:
            return None
        if changes.resources:  # before the checks, which look for the alarms that the template creates
            changes = deploy_resources(changes, overwrite=overwrite)
        if check:
            self.check(pipeline).raise_errors()
        apply_changes(changes, overwrite=overwrite)
        if not start:
            return None
        number = request_build(pipeline.service, pipeline.requested_by, commit=changes.commit)
        return Build(pipeline.service, number, pipeline.requested_by)

    def __repr__(self) -> str:
        return f"Project({str(self.folder)!r})"
