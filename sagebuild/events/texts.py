"""Writes what people read about a change of a build's state, in the markup of chat applications."""

from __future__ import annotations

from collections.abc import Iterator

from sagebuild.builds.records import BuildRecord
from sagebuild.cost.spent import format_amount, includes_training, name_jobs
from sagebuild.events.states import ENDED, Change, State
from sagebuild.names import console_url
from sagebuild.notifications.words import VERBS, describe_requests, format_moment, name_kind, write_endpoint
from sagebuild.redaction import redact_secrets
from sagebuild.service import Service

# The state of a build, as it reads after "build 12".
_VERBS: dict[State, str] = {
    "pending": "is pending",
    "dropped": "was dropped",
    "launching": "starts",
    "running": "is running",
    "waiting": "asks for approval",
    "stopping": "is being stopped",
}
_LONGEST_LINE = 1000  # characters; a chat shows a longer text badly, and sagebuild show prints all of it


def write_title(service: Service, change: Change) -> str:
    """Write the title, such as "sagebuild-dev: build 12 succeeded"."""
    verb = _VERBS.get(change.state) or VERBS[change.state]
    if change.state == "running" and change.previous == "waiting":
        verb = f"was {change.record.approval}" if change.record.approval else verb
    return escape_markup(f"{service.label}: {name_kind(change.record)} {change.record.number} {verb}")


def write_description(service: Service, change: Change) -> str:
    """Write the description: reason, metrics beside those of the live model, cost, endpoint, and the link."""
    record, has_ended = change.record, change.state in ENDED
    has_execution = change.state not in ("pending", "dropped")
    lines = [
        f"Reason: {redact_secrets(record.reason)}" if record.reason else "",
        "" if has_ended else f"Started by: {describe_requests(record.trigger, record.requests, record.request_kinds)}.",
        f"Metrics: {', '.join(_compare_metrics(record))}." if record.metrics else "",
        _write_cost(record) if has_ended or change.state == "waiting" else "",
        write_endpoint(service, record) if has_ended else "",
        f"Not deployed unless approved by {format_moment(record.approval_until)}." if change.state == "waiting" else "",
        f"Details: {console_url(service, record.number)}" if has_execution else "",
    ]
    return "\n".join(escape_markup(_cut(line)) for line in lines if line)


def list_next_steps(service: Service, change: Change) -> list[str]:
    """List the commands with which a person continues: to answer a build that waits, to read why one failed."""
    pipeline = f" --pipeline {service.pipeline}" if service.pipeline else ""
    where = f"{change.record.number} --stack {service.stack_name}{pipeline}"
    if change.state == "waiting":
        return [f"To deploy the model: `sagebuild approve {where}`", f"To reject it: `sagebuild reject {where}`"]
    return [f"To read its logs: `sagebuild logs {where}`"] if change.state == "failed" else []


def escape_markup(text: str) -> str:
    """Escape the characters that begin a mention or a link, so that no text of a script notifies a channel.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _compare_metrics(record: BuildRecord) -> Iterator[str]:
    for name, value in sorted(record.metrics.items()):
        live = record.live_metrics.get(name)
        yield f"{name} {value:g}" + ("" if live is None else f" (live: {live:g})")


def _write_cost(record: BuildRecord) -> str:
    if record.cost is None:
        return ""
    jobs = name_jobs(trains=includes_training(record), has_steps=bool(record.step_jobs))
    return f"Cost: {format_amount(record.cost)} for {jobs}."


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 4]} ..."
