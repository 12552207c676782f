"""The commands that upload data, source code and models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sagebuild.cli.session import Session, command
from sagebuild.client import uploads
from sagebuild.client.upload_results import Upload

Hidden = Annotated[bool, typer.Option("--hidden", help="Include hidden files and folders.")]


def add_commands(app: typer.Typer) -> None:
    """Add the group of commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Upload training data, source code or a trained model.")
    for function in (upload_data, upload_source, upload_model):
        command(group, function.__name__.removeprefix("upload_"))(function)
    app.add_typer(group, name="upload")


def upload_data(
    session: Session,
    path: Annotated[Path, typer.Argument(help="A file or a folder.")],
    prefix: Annotated[str, typer.Option(help="Key prefix in the data bucket, in the pipeline's folder.")] = "train/",
    hidden: Hidden = False,
) -> None:
    """Upload training data to the data bucket."""
    service = session.stack.service
    upload = uploads.upload_data(service, path, prefix, hidden=hidden, progress=session.is_live)
    session.output(upload.to_dict(), lambda: _print(session, upload, f"{upload}\nUploaded {upload.size_text}."))


def upload_source(
    session: Session,
    path: Annotated[
        Path,
        typer.Argument(
            help="The folder of the training script, or its .tar.gz; for BYOD, the folder of the Dockerfiles or a .zip."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the archive.", show_default="the folder's")] = None,
    dependency: Annotated[
        list[Path] | None,
        typer.Option(help="A folder or file to pack beside the script, under its own name; may be repeated."),
    ] = None,
    docker: Annotated[
        bool | None,
        typer.Option(
            "--docker/--script",
            help="Whether it is the source of Dockerfiles.",
            show_default="by framework and content",
        ),
    ] = None,
    hidden: Hidden = False,
) -> None:
    """Pack a folder into an archive, and upload it to the code bucket."""
    upload = uploads.upload_source(
        session.stack.service,
        path,
        name,
        dependencies=dependency or (),
        docker=docker,
        hidden=hidden,
        progress=session.is_live,
    )
    _report_archive(session, upload, f"{upload} is in the code bucket ({upload.size_text})")


def upload_model(
    session: Session,
    path: Annotated[Path, typer.Argument(help="A model.tar.gz, or the folder with the model's files.")],
    name: Annotated[
        str | None, typer.Option(help="First part of the archive's name.", show_default="the folder's or file's")
    ] = None,
    hidden: Hidden = False,
) -> None:
    """Upload a trained model to the model bucket, so that a build can deploy it without a training."""
    upload = uploads.upload_model(session.stack.service, path, name, hidden=hidden, progress=session.is_live)
    _report_archive(session, upload, f"{upload}\nUploaded {upload.size_text}")


def _report_archive(session: Session, upload: Upload, sentence: str) -> None:
    hint = f"'{upload.suggest_command(session.stack.service)}' makes builds use it."
    session.output({"name": str(upload), **upload.to_dict()}, lambda: _print(session, upload, f"{sentence}; {hint}"))


def _print(session: Session, upload: Upload, text: str) -> None:
    for line in (*text.splitlines(), *upload.lines):
        session.print(line, wrap=False)
