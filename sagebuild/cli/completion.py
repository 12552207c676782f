"""What the shell completes a word to: names of parameters, and the numbers of the builds that there are."""

from __future__ import annotations

import typer
from botocore.exceptions import BotoCoreError, ClientError

from sagebuild.builds.records import list_builds
from sagebuild.client.connection import connect
from sagebuild.errors import SagebuildError
from sagebuild.parameters import MODELS

_BUILDS = 50  # the newest


def complete_name(incomplete: str) -> list[str]:
    """Parameters, of whatever framework."""
    names = {name for model in MODELS.values() for name in model.model_fields}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_assignment(incomplete: str) -> list[str]:
    """Parameters, ready to be given a value."""
    return [f"{name}=" for name in complete_name(incomplete)]


def complete_number(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Numbers of builds, newest first, with what became of them; nothing where no stack answers."""
    given = context.params
    try:
        stack = connect(given.get("stack"), region=given.get("region"), profile=given.get("profile"))
        records = list_builds(stack.service, _BUILDS)
    except (SagebuildError, BotoCoreError, ClientError):
        return []
    return [(str(one.number), one.status) for one in records if str(one.number).startswith(incomplete)]
