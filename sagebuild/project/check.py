"""Checks a project: without a stack everything that needs no AWS, and with one also data, quotas and permissions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sagebuild.client.diagnosis import Diagnosis, Finding
from sagebuild.client.doctor import BUILD_CHECKS, run_checks
from sagebuild.client.examination import Examination
from sagebuild.cost.estimate import estimate_cost
from sagebuild.cost.spent import format_cost
from sagebuild.errors import OfflineError, ProjectFileError
from sagebuild.plan.findings import Findings
from sagebuild.plan.outputs import examine_outputs
from sagebuild.plan.preflight import examine_inputs
from sagebuild.plan.steps import examine_steps
from sagebuild.plan.transform import examine_transform
from sagebuild.project.content import Content, read_content, read_path
from sagebuild.project.file import FILE, Definition, Problem, read_project
from sagebuild.project.folder_objects import FolderObject, FolderObjects, refuse_client
from sagebuild.project.offline import OfflineExamination, open_offline
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service


@dataclass(frozen=True)
class ProjectFinding(Finding):
    """The result of one check of a project, and its place.

    Parameters
    ----------
    file
        The path of the project file.
    line
        From 1; 0 if the finding concerns no line.
    """

    file: str = ""
    line: int = 0

    @property
    def text(self) -> str:
        """The message, after the place in the file as compilers and editors write it: sagebuild.yaml:6."""
        return f"{self.file}:{self.line}: {self.message}" if self.line and self.state != "ok" else self.message


def check_project(folder: Path, region: str | None = None) -> Diagnosis:
    """Check a project without a stack.

    Parameters
    ----------
    region
        The region whose images, instance types and prices are meant; see `open_offline`.
    """
    service = open_offline(region)
    try:
        content = read_content(read_project(folder), service)
    except ProjectFileError as error:
        return Diagnosis(list(_describe(folder, error)))
    findings = [ProjectFinding("project", "ok", _summarize(content), _show(folder))]
    examined = OfflineExamination(_bind(content), refuse_client, document=content.text)
    found = [*run_checks(examined, ("images", "requests")).findings, *_examine_folder(examined, content)]
    return Diagnosis([*findings, *(_place(content, one) for one in found)])


def check_in_stack(folder: Path, service: Service) -> Diagnosis:
    """Check a project as the next build of a pipeline: also its data, roles, quotas and deployment."""
    try:
        definition = read_project(folder)
        content = read_content(definition, service)
    except ProjectFileError as error:
        return Diagnosis(list(_describe(folder, error)))
    findings = [
        ProjectFinding("project", "ok", _summarize(content), _show(folder)),
        *_check_deployment(definition, service),
    ]
    examined = Examination(_bind(content), service.open_client, document=content.text)
    found = run_checks(examined, (*BUILD_CHECKS, "cost")).findings
    return Diagnosis([*findings, *(_place(content, one) for one in found)])


def _bind(content: Content) -> Service:
    """Return the service, whose S3 client also shows the objects that the project brings."""
    bound, objects = content.service.for_pipeline(content.service.pipeline), content.list_objects()
    try:
        objects_in_s3 = FolderObjects(objects, content.service.s3)
    except OfflineError:  # without a stack; `_list_assumed` reports these places
        missing = (place.address for place in content.find_missing_data())
        assumed = {split_s3_uri(uri): FolderObject(1, bytes) for uri in missing}
        objects_in_s3 = FolderObjects(objects | assumed)
    bound.s3 = objects_in_s3  # type: ignore[assignment]
    return bound


def _examine_folder(examined: OfflineExamination, content: Content) -> Iterator[Finding]:
    """Examine scripts and data as far as they are in the folder, and estimate the cost."""
    findings = Findings(notes=list(_list_assumed(content)))
    try:
        examine_inputs(examined.context, None, findings)
        examine_steps(examined.context, findings)
        examine_transform(examined.context, findings)
        examine_outputs(examined.context, findings)
    except OfflineError as reason:
        findings.notes.append(str(reason))
    yield from (Finding("files", "error", problem) for problem in dict.fromkeys(findings.problems))
    yield from (Finding("files", "unknown", note) for note in dict.fromkeys(findings.notes))
    if not findings.problems and not findings.notes:
        yield Finding("files", "ok", "scripts and data fit the parameters")
    if examined.requests.are_valid:
        estimate = format_cost(estimate_cost(examined.context, examined.requests.bodies))
        yield Finding("cost", "ok", f"a build in {examined.service.region}: {estimate}")


def _list_assumed(content: Content) -> Iterator[str]:
    """Yield a sentence for each place whose data the folder does not bring."""
    for place in content.find_missing_data():
        yield f"The project has no data for {place.title}; pass --stack to examine the data bucket."


def _check_deployment(definition: Definition, service: Service) -> Iterator[ProjectFinding]:
    """Compare the deploy parameters that the project needs with those of the stack."""
    for name, wanted in definition.content.deploy.items():
        setting = "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()
        found = service.settings.read(setting)
        line, file = definition.find_line("deploy", name), _show(definition.folder)
        if found == wanted:
            yield ProjectFinding("deployment", "ok", f"{name} is {wanted}", file, line)
        elif found:
            advice = f'deploy the service with --param="{name}={wanted}"'
            message = f"{name} is {found}, and the project needs {wanted}; {advice}."
            yield ProjectFinding("deployment", "error", message, file, line)
        else:
            message = f"The stack does not say whether {name} is {wanted}."
            yield ProjectFinding("deployment", "unknown", message, file, line)


def _summarize(content: Content) -> str:
    source = f", source {content.archive.name}" if content.archive else ""
    data = "".join(f", data for {each.place.name}" for each in content.data)
    return f"framework {content.parameters.framework}{source}{data}"


def _describe(folder: Path, error: ProjectFileError) -> Iterator[ProjectFinding]:
    for problem in error.problems:
        assert isinstance(problem, Problem)
        yield ProjectFinding("project", "error", problem.sentence, _show(folder), problem.line)


def _place(content: Content, finding: Finding) -> ProjectFinding:
    """Return a finding with the line of the parameter by whose name its message begins."""
    definition, path = content.definition, read_path(finding.message)
    if content.archive is not None and path == [content.archive.parameter]:
        line = definition.find_line("source")
    else:
        is_named = ("parameters", *path[:1]) in definition.text.lines and path
        line = definition.find_line("parameters", *path) if is_named else 0
    return ProjectFinding(finding.subject, finding.state, finding.message, _show(definition.folder), line)


def _show(folder: Path) -> str:
    return Path(os.path.relpath(folder / FILE)).as_posix()
