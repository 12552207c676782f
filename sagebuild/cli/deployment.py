"""The commands that deploy and delete the service: up, down."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from sagebuild.child_process import end_on_signals, wait_for_signal
from sagebuild.cli.session import Session, command
from sagebuild.deployment.laptop import DEFAULT_PORT, running_laptop
from sagebuild.deployment.release import read_release
from sagebuild.deployment.stack import Deployed, Deployer, open_clients
from sagebuild.errors import InputError
from sagebuild.names import DEFAULT_STACK


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for function in (up, down):
        command(app, function.__name__, for_pipeline=False)(function)


def up(
    session: Session,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A deploy parameter; the stack keeps the values of the others."),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Deploy to an AWS on this machine, which runs until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(help="The port of the AWS on this machine.", min=0, max=65535)] = DEFAULT_PORT,
) -> None:
    """Deploy the service, or update it, from the installed package: without a clone and without Node."""
    given = _read_parameters(param or [])
    release = read_release()
    if not local:
        _show(session, _make_deployer(session).deploy(release, given))
        return
    end_on_signals()
    with running_laptop(port) as variables:
        os.environ.update(variables)
        _show(session, _make_deployer(session).deploy(release, given))
        session.print("In another terminal:", wrap=False)
        for name, value in variables.items():
            session.print(f"  export {name}={value}", wrap=False)
        session.print("Ctrl-C stops the service and deletes its data.", wrap=False)
        wait_for_signal()


def down(
    session: Session,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete the stack with everything that builds have created: endpoints, models, jobs, data, logs and parameters."""
    deployer = _make_deployer(session)
    if not yes:
        if not session.is_live or not sys.stdin.isatty():
            raise InputError(f"This deletes {deployer.name}, its buckets and endpoints; pass --yes to confirm.")
        session.print(f"This deletes the stack {deployer.name}: endpoints, models, jobs, records, parameters, and the")
        session.print("buckets with their data. It cannot be undone.")
        for name in deployer.list_resources_stacks():
            session.print(f"It also deletes the stack {name} with the own resources of a project.")
        typer.confirm("Delete it?", abort=True)
    deployer.remove()
    session.output({"stack": deployer.name}, lambda: session.print(f"The stack {deployer.name} is deleted."))


def _make_deployer(session: Session) -> Deployer:
    clients = open_clients(session.region, session.profile)
    return Deployer(clients, session.stack_name, lambda line: print(line, file=sys.stderr, flush=True))


def _show(session: Session, deployed: Deployed) -> None:
    def print_text() -> None:
        state = "is deployed" if deployed.has_changed else "is as asked for; nothing was changed"
        session.print(f"The stack {deployed.stack} {state}.")
        if deployed.stack != DEFAULT_STACK:
            session.print(f"Next: export SAGEBUILD_STACK={deployed.stack}")

    session.output(
        {
            "stack": deployed.stack,
            "changed": deployed.has_changed,
            "parameters": dict(deployed.parameters),
            "outputs": dict(deployed.outputs),
        },
        print_text,
    )


def _read_parameters(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := next((name for name, sign, _ in pairs if not sign or not name), None):
        raise InputError(f"--param is '{wrong}'; it must be NAME=VALUE, such as --param vpcAccess=true.")
    return {name: value for name, _, value in pairs}
