"""What every command is given: the stack that is meant, and the way in which it shall tell."""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from sagebuild.client.connection import connect
from sagebuild.client.explanations import explain
from sagebuild.client.stack import Stack
from sagebuild.errors import SagebuildError

FAILED = 1  # the exit code for what was refused, and for a build that did not succeed
WITHHELD = 3  # of a build that on purpose did not deploy its model
INTERRUPTED = 130  # by Ctrl-C, as shells have it
_WIDE = 200  # columns of a table in a pipe, which has no width of its own

StackName = Annotated[
    str | None,
    typer.Option(
        "--stack", help="Name of the CloudFormation stack.", envvar="SAGEBUILD_STACK", show_default="sagebuild-dev"
    ),
]
Region = Annotated[str | None, typer.Option(help="AWS region.", envvar="AWS_REGION", show_default="the profile's")]
Profile = Annotated[str | None, typer.Option(help="Profile of the AWS configuration files.", envvar="AWS_PROFILE")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@dataclass(frozen=True)
class Session:
    """One command's own.

    Parameters
    ----------
    as_json
        Whether the answer shall be JSON and nothing else.
    """

    stack_name: str | None
    region: str | None
    profile: str | None
    as_json: bool

    @cached_property
    def stack(self) -> Stack:
        """The stack, found when it is needed first."""
        stack = connect(self.stack_name, region=self.region, profile=self.profile)
        stack.made_by = "command"
        return stack

    @cached_property
    def console(self) -> Console:
        """Where answers go. rich heeds NO_COLOR, and leaves colours out of a pipe."""
        return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)

    @property
    def is_live(self) -> bool:
        """Whether a person looks at a terminal that can be drawn on."""
        return self.console.is_terminal and not self.as_json

    def say(self, text: str = "", style: str = "") -> None:
        """A line for a person, its brackets left alone."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    def answer(self, value: Any, tell: Callable[[], Any]) -> None:
        """Give the answer as JSON if that was asked for, else tell it."""
        if self.as_json:
            print_json(value)
        else:
            tell()

    def refuse(self, kind: str, message: str) -> NoReturn:
        """Say on standard error why not, and end."""
        if self.as_json:
            print(json.dumps({"error": {"type": kind, "message": message}}), file=sys.stderr)
        else:
            console = Console(stderr=True, highlight=False)
            console.print(Text.assemble(("sagebuild: ", "bold red"), message), soft_wrap=True)
        raise typer.Exit(FAILED)


def print_json(value: Any, indent: int | None = 2) -> None:
    """The value on standard output."""
    print(json.dumps(value, indent=indent, default=str, ensure_ascii=False))


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function, whose first parameter is the session, a command with the options that all have."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(stack: str | None, region: str | None, profile: str | None, as_json: bool, **given: Any) -> None:
            session = Session(stack, region, profile, as_json)
            with _telling_errors(session):
                function(session, **given)

        shown = inspect.signature(function, eval_str=True)
        own = list(shown.parameters.values())[1:]
        signature = shown.replace(parameters=[*(p.replace(kind=p.KEYWORD_ONLY) for p in own), *_COMMON])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        app.command(name)(run)
        return function

    return register


def _common_option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_COMMON = [
    _common_option("stack", StackName, None),
    _common_option("region", Region, None),
    _common_option("profile", Profile, None),
    _common_option("as_json", AsJson, False),
]


@contextmanager
def _telling_errors(session: Session) -> Iterator[None]:
    """Tell a person in a sentence; what nobody has foreseen keeps its traceback."""
    try:
        yield
    except SagebuildError as error:
        session.refuse(type(error).__name__, str(error))
    except (BotoCoreError, ClientError) as error:
        explained = explain(error) or error
        session.refuse(type(explained).__name__, str(explained))
