"""The project file `sagebuild.yaml`: what a pipeline consists of, relative to the file's folder.

YAML, because people write this file by hand and explain their choices in comments. sagebuild never rewrites it. The
parameters stay a JSON document in SSM; the same names and values are below ``parameters`` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from sagebuild.errors import ProjectFileError
from sagebuild.parameters.groups import PATH, RelativePath, StrictModel
from sagebuild.parameters.shown import show_name, show_path, show_value, split_shown
from sagebuild.parameters.text_kinds import Scalar, Text
from sagebuild.project.yaml_text import Document, YamlError, parse_yaml

FILE = "sagebuild.yaml"
# The parameters of serverless.yml.
DEPLOY_PARAMETERS = (
    "framework", "alexaSkillId", "dashboard", "notebookInstanceType", "notebookRepository", "notificationEmail",
    "chatTopic", "webhookSecret",
    "overridesMayLoosen", "permissionsBoundary", "vpcAccess", "readBuckets", "writeBuckets", "trainingPolicies",
    "hostingPolicies", "kmsKeys", "asyncTopics", "codecommitRepositories", "trainingConfigFunction",
    "modelConfigFunction", "endpointConfigFunction", "preprocessStateMachine", "postprocessStateMachine",
    "uploadTrigger", "uploadPrefix", "uploadSuffix", "codecommitRepository", "codecommitBranch", "githubRepository",
    "githubBranch", "githubOwnerId", "githubRepositoryId", "schedule", "triggerTopic", "triggerAlarm",
    "promoteFrom", "promoteFromAccount", "promoteTo",
)  # fmt: skip
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_PLACE = "a file or folder inside the project, such as data/train.csv"


class ProjectData(StrictModel):
    """The data of one channel, or of one input of a job."""

    path: Annotated[str, Text(_PLACE, rf"{PATH}/?")] = Field(
        description="File or folder with the data, relative to the project file."
    )
    script: Annotated[str | None, Text("a Python file inside the project, such as make_data.py", rf"{PATH}\.py")] = (
        Field(
            default=None,
            description="Python script that creates path if it does not exist. It gets path as its argument.",
        )
    )


def _complete_data(value: Any) -> Any:
    """Return the object that a bare path stands for."""
    return {"path": value} if isinstance(value, str) else value


class ProjectFile(StrictModel):
    """The content of sagebuild.yaml."""

    parameters: dict[str, Any] = Field(
        description="The parameter document; [parameters.md](parameters.md) lists the parameters."
    )
    source: Annotated[str | None, RelativePath] = Field(
        default=None,
        description="Folder with the scripts, or for BYOD with the Dockerfiles. It is packed and uploaded; do not set "
        "trainsourcefile or sourcelocation then.",
    )
    data: dict[str, Annotated[ProjectData, BeforeValidator(_complete_data)]] = Field(
        default_factory=dict,
        description="Data to upload, by channel, by job and input, such as split.raw or evaluation.test, or for "
        "batchtransform: a file or folder, or an object with path and script.",
    )
    resources: Annotated[str | None, Text("a CloudFormation template inside the project", rf"{PATH}\.(ya?ml|json)")] = (
        Field(
            default=None,
            description="CloudFormation template with the pipeline's [own resources](#resources), such as an alarm or "
            "a state machine; apply deploys it as a stack of its own.",
        )
    )
    deploy: dict[str, Annotated[str, Scalar(500)]] = Field(
        default_factory=dict,
        description="Deploy parameters that the stack needs, such as vpcAccess: true.",
    )


@dataclass(frozen=True)
class Problem:
    """A problem of a file: a sentence, and the place.

    Parameters
    ----------
    line
        From 1; 0 if the problem concerns no line.
    """

    sentence: str
    line: int = 0
    file: str = FILE

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}" if self.line else f"{self.file}: {self.sentence}"


@dataclass(frozen=True)
class Definition:
    """A valid project file, its folder, and the lines of its values."""

    folder: Path
    content: ProjectFile
    text: Document

    @property
    def name(self) -> str:
        """The project's name: that of its folder."""
        return self.folder.resolve().name

    def find_line(self, *path: str | int) -> int:
        """Return the line of a value in the file."""
        return self.text.find_line(path)


def read_project(folder: Path) -> Definition:
    """Read the project file of a folder.

    Raises
    ------
    ProjectFileError
        There is no project file, or it is invalid; the message has a line for each problem.
    """
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        advice = "create one with 'sagebuild init', or pass the folder of the project"
        raise ProjectFileError([Problem(f"{folder} has no file {FILE}; {advice}.")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFileError([Problem(f"{path} cannot be read: {error}.")]) from None
    try:
        document = parse_yaml(text)
    except YamlError as error:
        raise ProjectFileError([Problem(f"The file is not valid YAML: {error}.", error.line)]) from None
    content, problems = _validate(document)
    if content is None or problems:
        raise ProjectFileError(problems)
    return Definition(folder, content, document)


def _validate(document: Document) -> tuple[ProjectFile | None, list[Problem]]:
    if not isinstance(document.value, dict):
        names = ", ".join(ProjectFile.model_fields)
        return None, [Problem(f"The file must be an object with {names}.", 1)]
    try:
        content = ProjectFile.model_validate(document.value)
    except ValidationError as error:
        shown, more = split_shown(error.errors(include_url=False))
        problems = [Problem(_describe(one), document.find_line(one["loc"])) for one in shown]
        return None, [*problems, *map(Problem, more)]
    return content, list(_find_conflicts(content, document))


def _describe(error: ErrorDetails) -> str:
    path, name = show_path(error["loc"]), str(error["loc"][-1])
    known = ProjectData.model_fields if error["loc"][0] == "data" else ProjectFile.model_fields
    match error["type"]:
        case "extra_forbidden":
            near = get_close_matches(name, known, n=1)
            return f"{path} is unknown; {_advise(name, near, known)}"
        case "missing":
            return f"{path} is missing; {_explain(name, known)}"
        case "allowed":
            return f"{path} is {show_value(error['input'])}; it must be {error['ctx']['allowed']}."
        case "dict_type" | "model_type":
            return f"{path} is {show_value(error['input'])}; it must be an object. {_explain(name, known)}".rstrip()
    return f"{path} is {show_value(error['input'])}; {error['msg']}."


def _advise(name: str, near: list[str], known: Mapping[str, Any]) -> str:
    if near:
        return f"did you mean '{near[0]}'?"
    name = show_name(name)
    return f"the names are {', '.join(known)}. A parameter of the build, such as {name}, belongs below parameters."


def _explain(name: str, known: Mapping[str, Any]) -> str:
    return _LINK.sub(r"\1", known[name].description) if name in known else ""


def _find_conflicts(content: ProjectFile, document: Document) -> Iterator[Problem]:
    unknown, more = split_shown(sorted(content.deploy.keys() - set(DEPLOY_PARAMETERS)))
    for name in unknown:
        near = get_close_matches(name, DEPLOY_PARAMETERS, n=1)
        advice = f"did you mean '{near[0]}'?" if near else f"the names are {', '.join(DEPLOY_PARAMETERS)}."
        path = ("deploy", name)
        yield Problem(f"{show_path(path)} is no deploy parameter; {advice}", document.find_line(path))
    yield from map(Problem, more)
    for name in ("trainsourcefile", "sourcelocation"):
        if content.source and content.parameters.get(name):
            yield Problem(
                f"source is {content.source}, whose archive becomes {name}; remove {name} from parameters, or remove "
                "source.",
                document.find_line(("parameters", name)),
            )
