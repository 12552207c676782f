"""The command that runs the server for assistants."""

from __future__ import annotations

from typing import Annotated

import typer

from sagebuild.cli.session import Session, command
from sagebuild.errors import InputError


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    command(app, "mcp")(mcp)


def mcp(
    session: Session,
    allow_changes: Annotated[
        bool, typer.Option("--allow-changes/--read-only", help="Whether assistants may also change something.")
    ] = False,
) -> None:
    """Run an MCP server for assistants, on standard input and output. The assistant starts it."""
    try:
        from sagebuild.assistants.server import create_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"mcp", "mcp_types"}:
            raise
        raise InputError("The server for assistants needs mcp; run: pip install 'sagebuild[mcp]'.") from None
    create_server(lambda: session.stack, allow_changes).run()
