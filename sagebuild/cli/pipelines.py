"""The commands for the pipelines of the stack: list, create, remove."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sagebuild.cli.assignments import read_assignments
from sagebuild.cli.completion import complete_assignment, complete_framework, complete_pipeline
from sagebuild.cli.session import Session, command
from sagebuild.cli.show import show_pipelines
from sagebuild.client.descriptions import suggest
from sagebuild.client.pipeline_removal import describe_removal, find_removable
from sagebuild.errors import InputError
from sagebuild.parameters import MODELS


class ListByDefault(TyperGroup):
    """Runs the command "list" if the first word is an option, or if there is none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words after the group's name."""
        is_bare = not args and not ctx.resilient_parsing
        if is_bare or (args and args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def add_commands(app: typer.Typer) -> None:
    """Add the group of commands to the application."""
    group = typer.Typer(cls=ListByDefault, help="List, create and remove the pipelines of the stack.")
    for function in (list_pipelines, create, remove):
        command(group, function.__name__.partition("_")[0], for_pipeline=False)(function)
    app.add_typer(group, name="pipelines")


def list_pipelines(session: Session) -> None:
    """List the pipelines: newest build, live build, and estimated costs. This is the default command."""
    found = session.stack.pipelines()
    session.output(found.to_list(), lambda: session.console.print(show_pipelines(found.rows)))


def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Letters, digits and single hyphens.", show_default=False)],
    framework: Annotated[
        str,
        typer.Option(
            help=f"The parameter document begins with its defaults: {', '.join(MODELS)}.",
            show_default=False,
            autocompletion=complete_framework,
        ),
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="NAME=VALUE",
            help="A parameter for the document; may be repeated. Values as in 'sagebuild params set'.",
            autocompletion=complete_assignment,
        ),
    ] = None,
) -> None:
    """Create a pipeline, with a parameter document of its own. Repeat the command if it was interrupted."""
    parameters = read_assignments(assignments or ())
    pipeline = session.stack.create_pipeline(name, framework=framework, parameters=parameters)
    result = {"name": pipeline.name, "parameters": pipeline.parameters.name, "endpoint": pipeline.endpoint_name}
    hint = f"'{suggest(pipeline.service, 'params get')}' prints its parameters, in {pipeline.parameters.name}."
    session.output(result, lambda: session.print(f"The pipeline {pipeline.name} exists. {hint}"))


def remove(
    session: Session,
    name: Annotated[
        str, typer.Argument(help="Name of the pipeline.", show_default=False, autocompletion=complete_pipeline)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a pipeline's endpoint, models, jobs, records and parameters. Repeat the command if it failed."""
    removal = describe_removal(find_removable(session.stack.service, name))
    if not yes and not session.is_live:
        raise InputError(f"{removal}\nPass --yes to confirm.")
    if not session.as_json:
        session.print(str(removal))
    if not yes:
        typer.confirm(f"Delete the pipeline {removal.pipeline}?", abort=True)
    session.stack.remove_pipeline(removal.pipeline, report=_ignore if session.as_json else session.print)
    session.output(removal.to_dict(), lambda: session.print(f"The pipeline {removal.pipeline} is removed."))


def _ignore(_sentence: str) -> Any:
    """Report no progress, so that only JSON is printed."""
