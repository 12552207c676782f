"""The application: all commands under one name."""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from sagebuild.cli import builds, params, stacks

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Builds of SageMaker models: start, stop, follow, and change what the next one does. "
    "The stack is found by its name; credentials and region are those of every AWS tool.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sagebuild {metadata.version('sagebuild')}")
        raise typer.Exit


@app.callback()
def take_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


builds.add_commands(app)
stacks.add_commands(app)
params.add_commands()
app.add_typer(params.app, name="params")
app.add_typer(stacks.uploads, name="upload")
