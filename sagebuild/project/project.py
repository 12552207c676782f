"""A project from Python: check it, and make a pipeline of a stack match it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.diagnosis import Diagnosis
from sagebuild.project.check import check_in_stack, check_project
from sagebuild.project.file import Definition, read_project

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

    def __repr__(self) -> str:
        return f"Project({str(self.folder)!r})"
