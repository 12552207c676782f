"""The command that converts code of the SageMaker SDK to a project."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sagebuild.cli.conversions import print_report
from sagebuild.cli.session import FAILED, Session, command
from sagebuild.project.sdk_code.conversion import convert_script
from sagebuild.project.sdk_code.files import write_project
from sagebuild.project.sdk_code.report import describe_script


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    command(app, "convert", for_pipeline=False)(convert)


def convert(
    session: Session,
    script: Annotated[Path, typer.Argument(help="A Python script that uses the SageMaker SDK.", show_default=False)],
    folder: Annotated[
        Path | None, typer.Argument(help="The new folder.", show_default="the script's name without .py")
    ] = None,
) -> None:
    """Convert a script of the SageMaker SDK to a project, without running it, and list what was not understood."""
    folder = folder or Path(script.stem)
    conversion = convert_script(script)
    files = write_project(conversion, folder, script)

    def print_text() -> None:
        for name in files:
            session.print(f"+ {folder / name}")
        print_report(describe_script(conversion))
        session.print(f"Next: sagebuild check {shlex.quote(str(folder))}", wrap=False)

    report = {
        "folder": str(folder),
        "files": files,
        "document": conversion.document,
        "unconverted": [entry._asdict() for entry in conversion.unconverted],
        "given": list(conversion.given),
        "notes": list(conversion.notes),
        "problems": list(conversion.problems),
    }
    session.output(report, print_text)
    if conversion.problems:
        raise typer.Exit(FAILED)
