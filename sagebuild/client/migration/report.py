"""The report of a migration, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import get_args

from sagebuild.client.conversion.report import describe_problems
from sagebuild.client.migration.changes import Action, Change
from sagebuild.client.migration.document import Migration
from sagebuild.parameters.shown import show_value

_TITLES: dict[str, str] = {
    "renamed": "Renamed, with the same meaning",
    "retyped": "Written in another form, with the same meaning",
    "defaulted": "Set by the migration",
    "moved": "Set by the deployment or elsewhere, no longer by the document",
    "kept": "To look at",
    "dropped": "Left out",
}


def describe_migration(migration: Migration) -> Iterator[str]:
    """Yield the lines of a report: every change with its reason, by kind, and the problems of the document."""
    order = list(get_args(Action))
    ordered = sorted(migration.changes, key=lambda change: order.index(change.action))
    for action, changes in groupby(ordered, key=lambda change: change.action):
        yield f"{_TITLES[action]}:"
        yield from (f"- {_describe(change)}" for change in changes)
    yield from describe_problems(migration.problems)


def _describe(change: Change) -> str:
    value = "" if change.value is None else f" {show_value(change.value)}"
    return f"{change.name}{value}: {change.reason}"
