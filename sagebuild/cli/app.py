"""The application: all commands under one name."""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from sagebuild.cli import (
    assistants,
    builds,
    conversions,
    deployment,
    lineage,
    page,
    params,
    pipelines,
    projects,
    sdk_code,
    stacks,
    uploads,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Start, stop and follow builds of SageMaker models, and change their parameters. "
    "Credentials and region come from the same places as for other AWS tools.",
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"sagebuild {metadata.version('sagebuild')}")
        raise typer.Exit


@app.callback()
def accept_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Accept the options before a command."""


builds.add_commands(app)
lineage.add_commands(app)
stacks.add_commands(app)
projects.add_commands(app)
sdk_code.add_commands(app)
deployment.add_commands(app)
params.add_commands()
conversions.add_commands(app, params.app)
pipelines.add_commands()
uploads.add_commands()
assistants.add_commands(app)
page.add_commands(app)
app.add_typer(params.app, name="params")
app.add_typer(pipelines.app, name="pipelines")
app.add_typer(uploads.app, name="upload")
