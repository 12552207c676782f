"""The commands that convert requests of SageMaker, and documents of aws-sagemaker-build, to a parameter document."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from sagebuild.cli.session import FAILED, Session, command, print_json
from sagebuild.client.conversion.report import describe_conversion
from sagebuild.client.conversion.requests import convert_requests
from sagebuild.client.migration.document import migrate_document
from sagebuild.client.migration.report import describe_migration
from sagebuild.errors import InputError
from sagebuild.framework_facts import FRAMEWORKS

STANDARD_INPUT = "-"


def _complete_framework(incomplete: str) -> list[str]:
    return [name for name in FRAMEWORKS if name.startswith(incomplete.upper())]


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application; `convert` belongs to the group of the parameters."""
    command(app, "migrate")(migrate)


def convert(
    session: Session,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Files with the JSON that aws sagemaker describe-... prints, or of Create requests; - is standard "
            "input.",
        ),
    ],
    framework: Annotated[
        str | None,
        typer.Option(
            help="The framework of your own images that run a script.",
            show_default="BYOD for your own images",
            autocompletion=_complete_framework,
        ),
    ] = None,
) -> None:
    """Convert SageMaker requests to a parameter document, and list what has no counterpart."""
    result = convert_requests(((file, read_text(file)) for file in files), _check_framework(framework))
    if session.as_json:
        print_json(
            {
                "document": result.document,
                "unconverted": [entry._asdict() for entry in result.unconverted],
                "given": result.given,
                "notes": result.notes,
                "problems": result.problems,
            }
        )
    else:
        print_json(result.document)
        print_report(describe_conversion(result))
    if result.problems:
        raise typer.Exit(FAILED)


def migrate(
    session: Session,
    file: Annotated[
        str,
        typer.Argument(help="The file with the old document, or - for standard input.", show_default=False),
    ],
    framework: Annotated[
        str | None,
        typer.Option(help="The framework.", show_default="the document's", autocompletion=_complete_framework),
    ] = None,
) -> None:
    """Convert a parameter document of aws-sagemaker-build, and report every change."""
    result = migrate_document(read_text(file), _check_framework(framework))
    if session.as_json:
        changes = [change._asdict() for change in result.changes]
        print_json({"document": result.document, "changes": changes, "problems": result.problems})
    else:
        print_json(result.document)
        print_report(describe_migration(result))
    if result.problems:
        raise typer.Exit(FAILED)


def _check_framework(given: str | None) -> str | None:
    name = given and given.strip().upper()
    if name and name not in FRAMEWORKS:
        raise InputError(f"--framework is '{given}'; it must be one of {', '.join(FRAMEWORKS)}.")
    return name


def print_report(lines: Iterable[str]) -> None:
    """Print lines on standard error; a character that a terminal could interpret is escaped."""
    for line in lines:
        print(line if line.isprintable() else line.encode("unicode_escape").decode(), file=sys.stderr)


def read_text(file: str) -> str:
    """Return the text of a JSON file in UTF-8, or in the UTF-16 that PowerShell writes.

    Raises
    ------
    InputError
        The file cannot be read, or is no text.
    """
    try:
        data = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from None
    try:
        return data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        raise InputError(f"{file} is not text in UTF-8 or UTF-16.") from None
