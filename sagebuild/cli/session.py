"""What every command shares: the common options, the stack, and how results and errors are printed."""

from __future__ import annotations

import functools
import inspect
import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console, RenderableType
from rich.text import Text

from sagebuild.cli.console import can_redraw, make_console
from sagebuild.errors import SagebuildError

# This module imports boto3 in functions, so that the page, help and versions do not wait for it.
if TYPE_CHECKING:
    from sagebuild.client.stack import Stack

# Exit codes
FAILED = 1  # the command was refused, or the build did not succeed
WITHHELD = 3  # a gate or a person decided that the trained model is not deployed
INTERRUPTED = 130  # Ctrl-C, as in shells


def _complete_pipeline(context: typer.Context, incomplete: str) -> list[str]:
    from sagebuild.cli.completion import complete_pipeline

    return complete_pipeline(context, incomplete)


StackName = Annotated[
    str | None,
    typer.Option(
        "--stack", help="Name of the CloudFormation stack.", envvar="SAGEBUILD_STACK", show_default="sagebuild-dev"
    ),
]
PipelineName = Annotated[
    str | None,
    typer.Option(
        "--pipeline",
        help="Name of a pipeline of the stack.",
        envvar="SAGEBUILD_PIPELINE",
        show_default="default",
        autocompletion=_complete_pipeline,
    ),
]
Region = Annotated[str | None, typer.Option(help="AWS region.", envvar="AWS_REGION", show_default="the profile's")]
Profile = Annotated[str | None, typer.Option(help="Profile of the AWS configuration files.", envvar="AWS_PROFILE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class Session:
    """The common options of one command, and what it prints to.

    Parameters
    ----------
    as_json
        Print JSON only.
    pipeline
        The name of a pipeline; None for the default one.
    """

    stack_name: str | None
    region: str | None
    profile: str | None
    as_json: bool
    pipeline: str | None = None

    @cached_property
    def stack(self) -> Stack:
        """The stack, which acts as the chosen pipeline; the first access finds it."""
        from sagebuild.builds.pipelines import DEFAULT
        from sagebuild.client.connection import connect

        pipeline = self.pipeline or DEFAULT  # typer has read SAGEBUILD_PIPELINE, unless the command is for the stack
        stack = connect(self.stack_name, region=self.region, profile=self.profile, pipeline=pipeline)
        stack.requested_by = "command"
        return stack

    @cached_property
    def console(self) -> Console:
        """The standard output."""
        return make_console()

    @property
    def is_live(self) -> bool:
        """False in a pipe and with --json; True in a terminal, which can be redrawn and can ask a question."""
        return can_redraw() and not self.as_json

    def print(self, text: str, style: str = "", wrap: bool = True) -> None:
        """Print text without interpreting markup; ``wrap`` breaks lines between words in a terminal."""
        self.console.print(Text(text, style=style), soft_wrap=not (wrap and sys.stdout.isatty()))

    def print_pairs(self, show: Callable[[bool], RenderableType]) -> None:
        """Print the result of ``show``; its argument is True in a terminal, where long lines wrap."""
        wrap = sys.stdout.isatty()
        self.console.print(show(wrap), soft_wrap=not wrap)

    @contextmanager
    def showing_status(self, text: str) -> Iterator[None]:
        """In a terminal, show what is being done until the block ends."""
        if not self.is_live:
            yield
            return
        with self.console.status(f"{text} ..."):
            yield

    def output(self, value: Any, print_text: Callable[[], Any]) -> None:
        """Print ``value`` as JSON with --json; else call ``print_text``."""
        if self.as_json:
            print_json(value)
        else:
            print_text()

    def fail(self, kind: str, message: str) -> NoReturn:
        """Print an error on standard error, and exit."""
        if self.as_json:
            print(json.dumps({"error": {"type": kind, "message": message}}), file=sys.stderr)
        else:
            console = make_console(sys.stderr)
            console.print(Text.assemble(("sagebuild: ", "bold red"), message), soft_wrap=not sys.stderr.isatty())
        raise typer.Exit(FAILED)


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print a value as JSON on standard output; a number that JSON lacks, such as NaN, is null."""
    print(json.dumps(_replace_non_finite(value), indent=indent, ensure_ascii=False, allow_nan=False))


def _replace_non_finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _replace_non_finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_non_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def command(
    app: typer.Typer, name: str, *, for_pipeline: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command with the common options; its first parameter is the session.

    Parameters
    ----------
    for_pipeline
        False for a command that works on the whole stack; it has no option --pipeline.
    """
    common = _COMMON if for_pipeline else [option for option in _COMMON if option.name != "pipeline"]

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(
            stack: str | None,
            region: str | None,
            profile: str | None,
            as_json: bool,
            pipeline: str | None = None,
            **given: Any,
        ) -> None:
            session = Session(stack, region, profile, as_json, pipeline)
            with _printing_errors(session):
                function(session, **given)

        original = inspect.signature(function, eval_str=True)
        own = list(original.parameters.values())[1:]
        signature = original.replace(parameters=[*(p.replace(kind=p.KEYWORD_ONLY) for p in own), *common])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        app.command(name)(run)
        return function

    return register


def _common_option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_COMMON = [
    _common_option("stack", StackName, None),
    _common_option("pipeline", PipelineName, None),
    _common_option("region", Region, None),
    _common_option("profile", Profile, None),
    _common_option("as_json", AsJson, False),
]


@contextmanager
def _printing_errors(session: Session) -> Iterator[None]:
    """Print errors of sagebuild and AWS as a sentence; an unexpected error keeps its traceback."""
    try:
        yield
    except SagebuildError as error:
        session.fail(type(error).__name__, str(error))
    except (BotoCoreError, ClientError) as error:
        from sagebuild.client.aws_errors import translate_error

        translated = translate_error(error) or error
        session.fail(type(translated).__name__, str(translated))
