"""The commands about the stack as a whole: upload, predict, say, doctor."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from sagebuild.cli.session import FAILED, Session, command, print_json
from sagebuild.cli.show import show_diagnosis
from sagebuild.client.prediction import CSV
from sagebuild.client.say import Answer
from sagebuild.client.say import say as ask_skill
from sagebuild.errors import InputError

uploads = typer.Typer(no_args_is_help=True, help="Upload training data or source code.")


def add_commands(app: typer.Typer) -> None:
    """Make them commands of the application."""
    for function in (predict, say, doctor):
        command(app, function.__name__)(function)
    command(uploads, "data")(upload_data)
    command(uploads, "source")(upload_source)


def predict(
    session: Session,
    file: Annotated[
        str | None,
        typer.Argument(help="A .csv, .json, .jsonl or .npy file, or - for standard input.", show_default=False),
    ] = None,
    data: Annotated[str | None, typer.Option(help="The question itself, in JSON: '[[1, 2, 3]]'.")] = None,
    content_type: Annotated[
        str | None, typer.Option(help="What the question is written in.", show_default="the file's; of -, text/csv")
    ] = None,
    accept: Annotated[str, typer.Option(help="What the answer shall be written in.")] = "application/json",
) -> None:
    """Ask the endpoint. The answer is JSON in any case."""
    question = _read_question(file, data)
    kind = content_type or (CSV if file == "-" else None)
    answer = session.stack.predict(question, content_type=kind, accept=accept)
    if hasattr(answer, "tolist"):
        answer = answer.tolist()
    if isinstance(answer, bytes):
        sys.stdout.buffer.write(answer)
    else:
        print_json(answer, indent=None)


def say(
    session: Session,
    sentences: Annotated[list[str], typer.Argument(help="What to say; several are one conversation.")],
    locale: Annotated[str, typer.Option(help="In which language.")] = "en-US",
) -> None:
    """Say something to the Alexa skill: sagebuild say "start a build" yes."""
    answers: list[Answer] = []
    for sentence in sentences:
        answers.append(ask_skill(session.stack.service, sentence, locale, answers[-1].session if answers else None))
    told = [{"said": said, **asdict(answer)} for said, answer in zip(sentences, answers, strict=True)]
    session.answer(told, lambda: session.say("\n".join(answer.speech for answer in answers)))


def doctor(session: Session) -> None:
    """Look whether a build can work, and say what to do where it cannot."""
    diagnosis = session.stack.diagnose()
    session.answer(diagnosis.to_list(), lambda: session.print_pairs(partial(show_diagnosis, diagnosis)))
    if not diagnosis.is_good:
        raise typer.Exit(FAILED)


def upload_data(
    session: Session,
    path: Annotated[Path, typer.Argument(help="A file or a folder.")],
    prefix: Annotated[str, typer.Option(help="Where in the data bucket.")] = "train/",
) -> None:
    """Upload training data to the data bucket."""
    address = session.stack.upload_data(path, prefix, progress=session.is_live)
    session.answer({"uri": address}, lambda: session.say(address, as_it_is=True))


def upload_source(
    session: Session,
    folder: Annotated[Path, typer.Argument(help="The folder that holds the training script.")],
    name: Annotated[str | None, typer.Option(help="Of the archive.", show_default="the folder's")] = None,
) -> None:
    """Pack a folder and upload it to the code bucket."""
    archive = session.stack.upload_source(folder, name)
    told = f"{archive} is in the code bucket; 'sagebuild params set trainsourcefile={archive}' lets builds use it."
    session.answer({"name": archive}, lambda: session.say(told))


def _read_question(file: str | None, data: str | None) -> Any:
    if (file is None) == (data is None):
        raise InputError("Say what to ask: a file, - for standard input, or --data; one of them.")
    if data is not None:
        try:
            return json.loads(data)
        except ValueError as error:
            raise InputError(f"--data is not JSON: {error}.") from None
    return sys.stdin.buffer.read() if file == "-" else Path(str(file))
