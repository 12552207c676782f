"""The command that serves the page of builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sagebuild.builds.pipelines import DEFAULT
from sagebuild.cli.session import Session, command
from sagebuild.errors import InputError
from sagebuild.names import DEFAULT_STACK

if TYPE_CHECKING:
    from sagebuild.client.stack import Stack


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    command(app, "ui")(ui)


def ui(
    session: Session,
    port: Annotated[int, typer.Option(help="Port on this machine; 0: a free one.", min=0, max=65535)] = 0,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse everything that changes something.")] = False,
) -> None:
    """Serve a page of builds on this machine, with your credentials, until Ctrl-C. It prints the address."""
    try:
        from sagebuild.page.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"jinja2", "markupsafe", "starlette", "uvicorn"}:
            raise
        raise InputError("The page needs Starlette and other libraries; run: pip install 'sagebuild[ui]'.") from None
    serve(
        lambda name: _connect(session, name),
        session.stack_name or DEFAULT_STACK,
        session.pipeline or DEFAULT,
        port=port,
        read_only=read_only,
        report=lambda address: _report(session, address),
    )


def _connect(session: Session, name: str | None) -> Stack:
    """Return another stack than the command's by its name; in a thread of the page, whose first view needs no boto3."""
    from sagebuild.client.connection import connect

    return connect(name, region=session.region, profile=session.profile) if name else session.stack


def _report(session: Session, address: str) -> None:
    session.output(
        {"address": address}, lambda: session.print(f"The page is at {address}\nCtrl-C ends it.", wrap=False)
    )
