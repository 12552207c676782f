"""The commands for the parameters of the next build."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from sagebuild.cli.completion import complete_assignment, complete_name
from sagebuild.cli.session import Session, command, print_json
from sagebuild.cli.show import show_differences
from sagebuild.client.differences import Change, describe_differences
from sagebuild.errors import InputError, ParameterError
from sagebuild.parameters.json_text import read_leniently, read_value

app = typer.Typer(no_args_is_help=True, help="Read and change the parameters of the next build.")

VersionNumber = Annotated[int | None, typer.Argument(help="A version number from 'sagebuild params history'.", min=1)]


def add_commands() -> None:
    """Add the commands to the group."""
    for function in (get, set_parameters, edit, diff, reset, history, undo):
        command(app, function.__name__.partition("_")[0])(function)


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
    value: Any = session.stack.parameters.document
    for part in name.split(".") if name else ():
        if not isinstance(value, dict) or part not in value:
            raise InputError(f"{name} is not in the document, so its default applies (docs/parameters.md).")
        value = value[part]
    print_json(value)


def set_parameters(
    session: Session,
    assignments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help="Each value is JSON, or else text: hyperparameters.epochs=20 framework=SCIKIT",
            autocompletion=complete_assignment,
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", help="Remove a parameter, so that its default applies.", autocompletion=complete_name),
    ] = None,
) -> None:
    """Set parameters. The document is saved only if it is valid."""
    if not assignments and not remove:
        raise InputError("There is nothing to set; pass NAME=VALUE or --remove NAME.")
    changes = read_assignments(assignments or ())
    print_change(session, session.stack.parameters.change(changes, remove or ()))


def edit(session: Session) -> None:
    """Edit the document in $VISUAL or $EDITOR. It is saved only if it is valid."""
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
    framework: Annotated[str | None, typer.Option(help="Default: the framework of the document.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Replace the document with the defaults of a framework."""
    parameters = session.stack.parameters
    if not yes:
        if not session.is_live:
            raise InputError("This replaces the whole document; pass --yes to confirm.")
        defaults = parameters.defaults(framework)
        session.console.print(show_differences(describe_differences(read_leniently(parameters.text), defaults)))
        typer.confirm("Replace the document?", abort=True)
    print_change(session, parameters.reset(framework))


def history(session: Session) -> None:
    """List the versions of the document and what each has changed, newest first."""
    versions = session.stack.parameters.history()
    previous = [*(version.document for version in versions[1:]), {}]
    changes = [(version, Change(before, version.document)) for version, before in zip(versions, previous, strict=True)]
    if session.as_json:
        print_json([vars(version) | {"changes": change.differences} for version, change in changes])
        return
    for version, change in changes:
        session.print(f"{version.number}  {version.written_at.astimezone():%Y-%m-%d %H:%M:%S}  {version.written_by}")
        session.console.print(show_differences(change.differences))


def undo(session: Session, version: VersionNumber = None) -> None:
    """Restore an earlier version of the document; default: the one before the last change."""
    print_change(session, session.stack.parameters.undo(version))


def print_change(session: Session, change: Change) -> None:
    """Print the differences between the documents before and after."""
    lines = change.differences
    session.output({"changes": lines}, lambda: session.console.print(show_differences(lines), soft_wrap=True))


def read_assignments(texts: Iterable[str]) -> dict[str, Any]:
    """Return the values of texts like NAME=VALUE, by name.

    Raises
    ------
    InputError
        A text is not an assignment.
    ParameterError
        The JSON of a value repeats a name, or nests too deeply.
    """
    return dict(_read_assignment(text) for text in texts)


def _read_assignment(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise InputError(f"'{text}' is not an assignment; it must be NAME=VALUE.")
    return name, read_value(value, name)


def _edit(text: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "parameters.json")
        # surrogateescape keeps bytes that are not UTF-8: the check refuses them with a message, and you can edit again.
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f"The editor '{editor}' failed ({error}); set EDITOR to another one.") from None
        return file.read_text(encoding="utf-8-sig", errors="surrogateescape")
