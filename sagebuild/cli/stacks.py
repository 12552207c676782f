"""The commands for the stack as a whole: predict, say, doctor."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from sagebuild.cli.session import FAILED, Session, command, print_json
from sagebuild.cli.show import show_diagnosis
from sagebuild.client.alexa import Answer
from sagebuild.client.alexa import say as ask_skill
from sagebuild.client.content_types import CSV, JSON
from sagebuild.errors import InputError


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for function in (predict, say, doctor):
        command(app, function.__name__)(function)


def predict(
    session: Session,
    file: Annotated[
        str | None,
        typer.Argument(
            help="A .csv, .json, .jsonl, .npy, .parquet, .txt or image file, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[str | None, typer.Option(help="The request as JSON: '[[1, 2, 3]]'.")] = None,
    content_type: Annotated[
        str | None,
        typer.Option(help="Content type of the request.", show_default="the file's; for -, text/csv"),
    ] = None,
    accept: Annotated[str, typer.Option(help="Content type of the response.")] = JSON,
    raw: Annotated[bool, typer.Option("--raw", help="Print the bytes of the response as they are.")] = False,
    chat: Annotated[
        str | None, typer.Option(help="A message to a language model, whose answer is printed while it comes.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until a copy of the model has started, if the endpoint scaled to zero.")
    ] = False,
) -> None:
    """Invoke the endpoint, and print its response as JSON; images and other bytes as they are."""
    if chat is not None:
        if file is not None or data is not None:
            raise InputError("Pass one request: --chat, a file, or --data.")
        for part in session.stack.chat(chat, wait=wait):
            print(part, end="", flush=True)
        print()
        return
    request = _read_request(file, data)
    kind = content_type or (CSV if file == "-" else None)
    response = session.stack.predict(request, content_type=kind, accept=accept, raw=raw, wait=wait)
    if isinstance(response, bytes):
        sys.stdout.buffer.write(response)
    elif hasattr(response, "to_json"):  # a table
        print(response.to_json(orient="records", date_format="iso"))
    else:
        print_json(response.tolist() if hasattr(response, "tolist") else response, indent=None)


def say(
    session: Session,
    sentences: Annotated[list[str], typer.Argument(help="What to say; several sentences are one conversation.")],
    locale: Annotated[str, typer.Option(help="Language and country.")] = "en-US",
) -> None:
    """Send sentences to the Alexa skill, about the pipeline of --pipeline: sagebuild say "start a build" yes."""
    answers: list[Answer] = []
    for sentence in sentences:
        answers.append(ask_skill(session.stack.service, sentence, locale, answers[-1].session if answers else None))
    turns = [{"said": sentence, **answer.to_dict()} for sentence, answer in zip(sentences, answers, strict=True)]
    session.output(turns, lambda: session.print("\n".join(answer.speech for answer in answers)))


def doctor(session: Session) -> None:
    """Check that a build can succeed, and print what to do where it cannot."""
    diagnosis = session.stack.diagnose()
    session.output(diagnosis.to_list(), lambda: session.print_pairs(partial(show_diagnosis, diagnosis)))
    if not diagnosis.has_no_errors:
        raise typer.Exit(FAILED)


def _read_request(file: str | None, data: str | None) -> Any:
    if (file is None) == (data is None):
        raise InputError("Pass one request: a file, - for standard input, --data, or --chat.")
    if data is not None:
        try:
            return json.loads(data)
        except ValueError as error:
            raise InputError(f"--data is not JSON: {error}.") from None
    return sys.stdin.buffer.read() if file == "-" else Path(str(file))
