"""The command that promotes a build to another stack."""

from __future__ import annotations

from typing import Annotated

import typer

from sagebuild.cli.builds import BuildNumber, Watch, Yes
from sagebuild.cli.live import watch
from sagebuild.cli.session import Session, command
from sagebuild.client.build import Build
from sagebuild.client.descriptions import suggest
from sagebuild.client.promotion import plan_promotion
from sagebuild.errors import InputError

Receiver = Annotated[
    str,
    typer.Option(
        "--to", metavar="STACK", help="The receiving stack, or STACK/PIPELINE; default: the pipeline of the same name."
    ),
]
ToProfile = Annotated[
    str | None, typer.Option(help="Profile for the receiving stack.", show_default="the one of this stack")
]
ToRegion = Annotated[
    str | None, typer.Option(help="AWS region of the receiving stack.", show_default="the one of this stack")
]


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    command(app, "promote")(promote)


def promote(
    session: Session,
    to: Receiver,
    number: BuildNumber = None,
    to_profile: ToProfile = None,
    to_region: ToRegion = None,
    yes: Yes = False,
    follow: Watch = False,
) -> None:
    """Deploy a build's model in another stack, as a build there that trains nothing."""
    build = session.stack.build(number)
    with session.showing_status("Examining both stacks"):
        promotion = plan_promotion(session.stack.service, build.number, to, to_region, to_profile)
    if not yes:
        if not session.is_live:
            raise InputError(f"{promotion} Pass --yes to confirm.")
        session.print(str(promotion))
        typer.confirm("Promote it?", abort=True)
    with session.showing_status("Copying the model"):
        receiver, started_number = promotion.start(session.stack.requested_by)
    started = Build(receiver, started_number, session.stack.requested_by)
    if follow:
        if not session.as_json:
            session.print(str(promotion) if yes else str(started))
        watch(session, started)
        return
    chosen = {"--stack": receiver.stack_name, "--region": to_region, "--profile": to_profile}
    option = "".join(f" {name} {value}" for name, value in chosen.items() if value)
    result = {"number": started.number, "stack": receiver.stack_name, "pipeline": receiver.pipeline or "default"}
    shown = f"{promotion} " if yes else ""
    hint = f"'{suggest(receiver, f'watch {started.number}')}{option}' shows it."
    session.output(
        result, lambda: session.print(f"{shown}Build {started.number} of {receiver.label} has started. {hint}")
    )
