"""The commands about the parameters of the next build."""

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

VersionNumber = Annotated[int | None, typer.Argument(help="A version of 'sagebuild params history'.", min=1)]


def add_commands() -> None:
    """Make them commands of the group."""
    for function in (get, set_parameters, edit, diff, reset, history, undo):
        command(app, function.__name__.partition("_")[0])(function)


def get(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(help="One of them, dots for what is inside; all if left out.", autocompletion=complete_name),
    ] = None,
) -> None:
    """Print the parameter document, or one parameter of it. JSON in any case."""
    value: Any = session.stack.parameters.document
    for part in name.split(".") if name else ():
        if not isinstance(value, dict) or part not in value:
            raise InputError(f"{name} is not in the document; its default holds (docs/parameters.md).")
        value = value[part]
    print_json(value)


def set_parameters(
    session: Session,
    assignments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help="Values are JSON, or else text: hyperparameters.epochs=20",
            autocompletion=complete_assignment,
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", help="Take one out, so that its default holds.", autocompletion=complete_name),
    ] = None,
) -> None:
    """Set parameters, if the document stays right."""
    if not assignments and not remove:
        raise InputError("Nothing was given to set; say 'sagebuild params set NAME=VALUE'.")
    changes = read_assignments(assignments or ())
    tell_change(session, session.stack.parameters.change(changes, remove or ()))


def edit(session: Session) -> None:
    """Edit the document in $VISUAL or $EDITOR; it is checked before it is written."""
    parameters = session.stack.parameters
    text = parameters.text.rstrip() + "\n"
    while True:
        edited = _edit(text)
        if edited == text:
            raise InputError("Nothing was changed.")
        try:
            change = parameters.replace_text(edited.rstrip())
        except ParameterError as error:
            if not session.is_live:
                raise
            session.say(str(error), style="red")
            if not typer.confirm("Edit it again?", default=True):
                raise typer.Exit(1) from None
            text = edited
        else:
            tell_change(session, change)
            return


def diff(
    session: Session,
    version: VersionNumber = None,
    build: Annotated[int | None, typer.Option(help="Against the document that a build has read.", min=1)] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Against the defaults of the framework.")] = False,
) -> None:
    """Show what is different now from before the last change, a version, a build or the defaults."""
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
    tell_change(session, parameters.diff(other))


def reset(
    session: Session,
    framework: Annotated[str | None, typer.Option(help="Of which; of the document's own if left out.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Make the document the defaults of a framework."""
    parameters = session.stack.parameters
    if not yes:
        if not session.is_live:
            raise InputError("This replaces the whole document; say --yes if that is meant.")
        wanted = parameters.defaults(framework)
        session.console.print(show_differences(describe_differences(read_leniently(parameters.text), wanted)))
        typer.confirm("Replace the document?", abort=True)
    tell_change(session, parameters.reset(framework))


def history(session: Session) -> None:
    """List the versions of the document, newest first, each with what it changed."""
    versions = session.stack.parameters.history()
    before = [*(version.document for version in versions[1:]), {}]
    told = [(version, Change(older, version.document)) for version, older in zip(versions, before, strict=True)]
    if session.as_json:
        print_json([vars(version) | {"changes": change.differences} for version, change in told])
        return
    for version, change in told:
        session.say(f"{version.number}  {version.written_at.astimezone():%Y-%m-%d %H:%M:%S}  {version.written_by}")
        session.console.print(show_differences(change.differences))


def undo(session: Session, version: VersionNumber = None) -> None:
    """Go back to before the last change, or to a version."""
    tell_change(session, session.stack.parameters.undo(version))


def tell_change(session: Session, change: Change) -> None:
    """Show where before and after differ."""
    lines = change.differences
    session.answer({"changes": lines}, lambda: session.console.print(show_differences(lines), soft_wrap=True))


def read_assignments(texts: Iterable[str]) -> dict[str, Any]:
    """The values by name of what was typed as NAME=VALUE.

    Raises
    ------
    InputError
        One is typed differently.
    ParameterError
        The JSON of one repeats a name, or nests too deeply.
    """
    return dict(_read_assignment(text) for text in texts)


def _read_assignment(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise InputError(f"'{text}' sets nothing; it must read NAME=VALUE.")
    return name, read_value(value, name)


def _edit(text: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "parameters.json")
        # surrogateescape keeps what is not UTF-8, so that it is refused in a sentence and can be edited again.
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f"The editor '{editor}' failed ({error}); set EDITOR to another.") from None
        return file.read_text(encoding="utf-8-sig", errors="surrogateescape")
