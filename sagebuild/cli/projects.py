"""The commands for projects: folders that describe a pipeline."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from sagebuild.child_process import end_on_signals
from sagebuild.cli.builds import report_start
from sagebuild.cli.session import FAILED, Session, command, print_json
from sagebuild.cli.show import show_diagnosis, show_differences
from sagebuild.client.diagnosis import Diagnosis
from sagebuild.project.apply import ProjectChanges
from sagebuild.project.check import ProjectFinding
from sagebuild.project.init import DEFAULT_PIPELINE, create_project, list_ready_pipelines
from sagebuild.project.live import read_live_model
from sagebuild.project.project import Project
from sagebuild.project.run import Run, serving_model

_LEVELS = {"error": "error", "unknown": "notice"}
Folder = Annotated[Path, typer.Argument(help="The folder with sagebuild.yaml.", show_default="this folder")]


def _complete_pipeline(incomplete: str) -> list[str]:
    return [name for name in list_ready_pipelines() if name.startswith(incomplete)]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the application."""
    command(app, "init", for_pipeline=False)(init)
    for function in (check, run, apply):
        command(app, function.__name__)(function)


def init(
    session: Session,
    ready: Annotated[
        str, typer.Argument(metavar="[PIPELINE]", help="A ready pipeline to copy.", autocompletion=_complete_pipeline)
    ],
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="The new folder.", show_default=False)] = None,
) -> None:
    """Create a project: a copy of a ready pipeline, with a workflow for GitHub."""
    if folder is None:  # the only argument is the folder
        folder, ready = Path(ready), _choose_pipeline(session)
    files = create_project(folder, ready)

    def print_text() -> None:
        for name in files:
            session.print(f"+ {folder / name}")
        session.print(f"Next: sagebuild check {shlex.quote(str(folder))}", wrap=False)

    session.output({"folder": str(folder), "pipeline": ready, "files": files}, print_text)


def _choose_pipeline(session: Session) -> str:
    """Ask for the ready pipeline in a terminal; elsewhere, take the default one."""
    if not session.is_live or not sys.stdin.isatty():
        return DEFAULT_PIPELINE
    for name, title in list_ready_pipelines().items():
        session.print(f"{name}: {title}")
    return str(typer.prompt("Pipeline to copy", default=DEFAULT_PIPELINE))


def check(session: Session, folder: Folder = Path()) -> None:
    """Check a project: without AWS, or with --stack also its data, quotas and permissions there."""
    project = Project(folder)
    stack = session.stack if session.stack_name else None
    with session.showing_status("Check the project"):
        diagnosis = project.check(stack, region=session.region)
    session.output(diagnosis.to_list(), lambda: session.print_pairs(partial(show_diagnosis, diagnosis)))
    if os.environ.get("GITHUB_ACTIONS") == "true" and not session.as_json:
        print_annotations(diagnosis)
    if not diagnosis.has_no_errors:
        raise typer.Exit(FAILED)


def run(
    session: Session,
    folder: Folder = Path(),
    serve: Annotated[bool, typer.Option("--serve", help="Serve the model until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="The port to serve on.", min=1, max=65535)] = 8080,
    compare: Annotated[
        bool, typer.Option("--compare", help="Also print the metrics of the live model; needs the stack.")
    ] = False,
) -> None:
    """Run the training of a project on this machine, without AWS or Docker; with --serve, also its endpoint."""
    end_on_signals()
    live = read_live_model(session.stack) if compare else None
    done = Project(folder).run(lambda line: print(line, file=sys.stderr if session.as_json else sys.stdout))
    metrics = "".join(f" {name}={value:g}" for name, value in done.metrics.items())
    lines = [f"The model is in {done.model};{metrics or ' no metrics'}."]
    facts: dict[str, Any] = {"metrics": dict(done.metrics), "model": str(done.model)}
    if live:
        facts["live"] = live.to_dict()
        lines += live.compare(done.metrics)
    session.output(facts, lambda: session.print("\n".join(lines), wrap=False))
    if serve:
        _serve(session, done, port)


def _serve(session: Session, run: Run, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM, which end the endpoint, too."""
    with suppress(KeyboardInterrupt), serving_model(run, port) as process:
        session.print(f"POST requests to http://127.0.0.1:{port}/invocations; Ctrl-C ends the endpoint.")
        process.wait()


def apply(
    session: Session,
    folder: Folder = Path(),
    start: Annotated[bool, typer.Option("--start", help="Start a build, unless nothing has changed.")] = False,
    follow: Annotated[bool, typer.Option("--watch", help="Start a build, and show it until it has ended.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the changes and write nothing.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a document that was changed after the last apply.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="First check the project, as 'check --stack' does.")
    ] = True,
) -> None:
    """Make the pipeline match a project: source archive, parameters and data. Prints the changes first."""
    project = Project(folder)
    _ = project.definition  # an invalid project needs no stack
    stack = session.stack
    with session.showing_status("Compare the project with the pipeline"):
        changes = project.compare(stack)
    if not session.as_json:
        _print_changes(session, changes, dry_run or overwrite)
    build = None
    if not dry_run:
        with session.showing_status("Apply the project"):
            build = project.apply_changes(changes, stack, start=start or follow, overwrite=overwrite, check=check)
    if build:
        report_start(session, build, follow)
    elif session.as_json:
        print_json(changes.to_dict())
    elif (start or follow) and not dry_run:
        session.print("No build was started; 'sagebuild start' starts one.")


def _print_changes(session: Session, changes: ProjectChanges, shows_conflict: bool) -> None:
    session.console.print(show_differences(changes.lines), soft_wrap=True)
    for note in changes.notes:
        session.print(note)
    if changes.conflict and shows_conflict:
        session.print(changes.conflict)


def print_annotations(diagnosis: Diagnosis) -> None:
    """Print an annotation of GitHub for each finding that is not ok.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
    """
    for finding in diagnosis.findings:
        if not isinstance(finding, ProjectFinding) or finding.state not in _LEVELS:
            continue
        properties: dict[str, Any] = {"file": finding.file, "title": f"sagebuild: {finding.subject}"}
        properties |= {"line": finding.line} if finding.line else {}
        listed = ",".join(f"{name}={_escape(str(value), inside=True)}" for name, value in properties.items() if value)
        print(f"::{_LEVELS[finding.state]} {listed}::{_escape(finding.message)}")


def _escape(text: str, *, inside: bool = False) -> str:
    """Escape a text as toolkit's command.ts does: https://github.com/actions/toolkit/blob/main/packages/core/src."""
    for character in "%\r\n" + (":," if inside else ""):
        text = text.replace(character, f"%{ord(character):02X}")
    return text
