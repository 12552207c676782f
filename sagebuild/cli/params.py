"""The commands for the parameters of the next build."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from sagebuild.cli.assignments import read_assignments
from sagebuild.cli.completion import complete_assignment, complete_framework, complete_name
from sagebuild.cli.conversions import convert
from sagebuild.cli.session import Session, command, print_json
from sagebuild.cli.show import show_differences
from sagebuild.client.descriptions import suggest
from sagebuild.client.differences import Change, describe_differences
from sagebuild.errors import InputError, ParameterError
from sagebuild.parameters.json_text import read_leniently

Assignments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME=VALUE]...",
        help="A value is read by its parameter's kind: hyperparameters.epochs=20 frameworkversion=1.2",
        autocompletion=complete_assignment,
    ),
]
VersionNumber = Annotated[int | None, typer.Argument(help="A version number from 'sagebuild params history'.", min=1)]


def add_commands(app: typer.Typer) -> None:
    """Add the group of commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Read and change the parameters of the next build.")
    for function in (get, set_parameters, edit, replace, diff, reset, history, undo):
        command(group, function.__name__.partition("_")[0])(function)
    command(group, "from-request")(convert)
    app.add_typer(group, name="params")


def get(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(
            help="A parameter, or a dotted name inside it: hyperparameters.epochs. Default: all.",
            autocompletion=complete_name,
        ),
    ] = None,
) -> None:
    """Print the parameter document, or one parameter of it, always as JSON."""
    parameters = session.stack.parameters
    print_json(parameters.document if name is None else parameters[name])


def set_parameters(
    session: Session,
    assignments: Assignments = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", help="Remove a parameter, so that its default applies.", autocompletion=complete_name),
    ] = None,
) -> None:
    """Set parameters. The document is checked as a whole, and saved only if it is valid."""
    if not assignments and not remove:
        raise InputError("There is nothing to set; pass NAME=VALUE or --remove NAME.")
    changes = read_assignments(assignments or (), remove or ())
    print_change(session, session.stack.parameters.change(changes, remove or ()))


def edit(session: Session) -> None:
    """Edit the document in $VISUAL or $EDITOR. It is saved only if it is valid."""
    _require_editor()
    parameters = session.stack.parameters
    text = parameters.text.rstrip() + "\n"
    while True:
        edited = _edit(text)
        if edited == text:
            raise InputError("The document was not changed in the editor; nothing was saved.")
        try:
            change = parameters.replace_text(edited.rstrip())
        except ParameterError as error:
            if not session.is_live:
                raise
            session.print(str(error), style="red")
            if not typer.confirm("Edit it again?", default=True):
                raise typer.Exit(1) from None
            text = edited
        else:
            print_change(session, change)
            return


def replace(
    session: Session,
    file: Annotated[str, typer.Argument(help="A file with the whole document as JSON, or - for standard input.")],
) -> None:
    """Replace the whole document with a file. It is saved only if it is valid."""
    print_change(session, session.stack.parameters.replace_text(_read_document(file)))


def diff(
    session: Session,
    version: VersionNumber = None,
    build: Annotated[int | None, typer.Option(help="Compare with the document that a build has read.", min=1)] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Compare with the defaults of the framework.")] = False,
) -> None:
    """Compare the document with a version, a build or the defaults; default: the one before the last change."""
    parameters = session.stack.parameters
    other: Mapping[str, Any]
    if build is not None:
        other = read_leniently(session.stack.build(build).record.parameters)
    elif defaults:
        other = parameters.defaults()
    elif version is not None:
        other = parameters.version(version).document
    else:
        other = parameters.previous().document
    print_change(session, parameters.diff(other))


def reset(
    session: Session,
    assignments: Assignments = None,
    framework: Annotated[
        str | None,
        typer.Option(help="Default: the framework of the document.", autocompletion=complete_framework),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Replace the document with the defaults of a framework, and set parameters in it."""
    parameters = session.stack.parameters
    changes = read_assignments(assignments or ())
    if not yes:
        if not session.is_live:
            raise InputError("This replaces the whole document; pass --yes to confirm.")
        after = parameters.preview_reset(framework, changes)
        session.console.print(show_differences(describe_differences(read_leniently(parameters.text), after)))
        typer.confirm("Replace the document?", abort=True)
    print_change(session, parameters.reset(framework, changes))


def history(session: Session) -> None:
    """List the versions of the document and what each has changed, newest first."""
    versions = session.stack.parameters.history()
    previous = [*(version.document for version in versions[1:]), {}]
    changes = [(version, Change(before, version.document)) for version, before in zip(versions, previous, strict=True)]
    if session.as_json:
        print_json([version.to_dict(change.before) for version, change in changes])
        return
    for version, change in changes:
        restores = f"  restores version {version.restores}" if version.restores else ""
        written_at = f"{version.written_at.astimezone():%Y-%m-%d %H:%M:%S}"
        session.print(f"{version.number}  {written_at}  {version.written_by}{restores}")
        session.console.print(show_differences(change.differences))


def undo(session: Session, version: VersionNumber = None) -> None:
    """Undo the last change of the document that is not undone yet, or restore a version."""
    change = session.stack.parameters.undo(version)
    facts = {"restored": change.restored, "undone": change.undone, "changes": change.to_list()}
    again = suggest(session.stack.service, f"params undo {change.undone}")

    def print_text() -> None:
        session.console.print(show_differences(change.differences), soft_wrap=True)
        session.print(f"Version {change.restored} is restored. '{again}' restores version {change.undone}.")

    session.output(facts, print_text)


def print_change(session: Session, change: Change) -> None:
    """Print the differences between the documents before and after."""
    lines = change.differences
    session.output(
        {"changes": change.to_list()}, lambda: session.console.print(show_differences(lines), soft_wrap=True)
    )


def _read_document(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8-sig").rstrip()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8 text; save it as UTF-8.") from None


def _require_editor() -> None:
    """Refuse to edit where no editor can be used."""
    instead = "Use 'sagebuild params set NAME=VALUE', or 'sagebuild params replace FILE' with the whole document."
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(f"There is no terminal to edit in. {instead}")
    if not _find_editor():
        raise InputError(f"No editor is chosen: set EDITOR, such as EDITOR=nano. {instead}")


def _find_editor() -> str:
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""


def _edit(text: str) -> str:
    editor = _find_editor()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "parameters.json")
        # surrogateescape keeps bytes that are not UTF-8: the check refuses them with a message, and you can edit again.
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f"The editor '{editor}' failed ({error}); set EDITOR to another one.") from None
        return file.read_text(encoding="utf-8-sig", errors="surrogateescape")
