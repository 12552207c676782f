"""Shell completion: names of parameters and pipelines, and numbers of builds."""

from __future__ import annotations

import typer
from botocore.exceptions import BotoCoreError, ClientError

from sagebuild.builds.lock import list_states
from sagebuild.builds.pipelines import DEFAULT
from sagebuild.builds.records import list_builds
from sagebuild.client.connection import connect
from sagebuild.client.stack import Stack
from sagebuild.errors import SagebuildError
from sagebuild.parameters import MODELS

_BUILDS = 50  # the newest


def complete_name(incomplete: str) -> list[str]:
    """Complete the name of a parameter of any framework."""
    names = {name for model in MODELS.values() for name in model.model_fields}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_assignment(incomplete: str) -> list[str]:
    """Complete the name of a parameter, and add "="."""
    return [f"{name}=" for name in complete_name(incomplete)]


def complete_number(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Complete the number of a build, newest first, each with its status; nothing if the stack cannot be read."""
    try:
        records = list_builds(_connect(context, context.params.get("pipeline")).service, _BUILDS)
    except (SagebuildError, BotoCoreError, ClientError):
        return []
    return [(str(one.number), one.status) for one in records if str(one.number).startswith(incomplete)]


def complete_pipeline(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a pipeline; nothing if the stack cannot be read."""
    try:
        states = list_states(_connect(context, DEFAULT).service)
    except (SagebuildError, BotoCoreError, ClientError):
        return []
    names = (state.pipeline or DEFAULT for state in states)
    return [name for name in names if name.startswith(incomplete)]


def _connect(context: typer.Context, pipeline: str | None) -> Stack:
    options = context.params
    return connect(
        options.get("stack"), region=options.get("region"), profile=options.get("profile"), pipeline=pipeline
    )
