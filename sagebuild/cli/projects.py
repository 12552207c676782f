"""The commands for projects: folders that describe a pipeline."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from sagebuild.cli.session import FAILED, Session, command
from sagebuild.cli.show import show_diagnosis
from sagebuild.client.diagnosis import Diagnosis
from sagebuild.project.check import ProjectFinding
from sagebuild.project.project import Project

Folder = Annotated[Path, typer.Argument(help="The folder with sagebuild.yaml.", show_default="this folder")]
_LEVELS = {"error": "error", "unknown": "notice"}


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for function in (check,):
        command(app, function.__name__)(function)


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
