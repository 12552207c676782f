"""The command for the lineage of a model."""

from __future__ import annotations

import typer

from sagebuild.cli.builds import BuildNumber
from sagebuild.cli.session import Session, command


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    command(app, "lineage")(lineage)


def lineage(session: Session, number: BuildNumber = None) -> None:
    """Show the path of a build's model: data, source, image, training, approval, and every build that deployed it."""
    path = session.stack.build(number).lineage()
    session.output(path.to_list(), lambda: session.print(str(path)))
