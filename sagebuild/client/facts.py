"""What is told of a build, by name, in a terminal and in a notebook."""

from __future__ import annotations

from sagebuild.builds.records import BuildRecord
from sagebuild.cost.spent import format_dollars
from sagebuild.notifications.words import describe_requests, format_metrics, format_moment, format_seconds


def describe_facts(record: BuildRecord) -> dict[str, str]:
    """All that a person asks of a build's record; what it has none of is left out."""
    facts = {
        "outcome": record.status,
        "step": record.step,
        "reason": record.reason,
        "started": format_moment(record.created_at),
        "took": format_seconds(record.seconds),
        "started by": describe_requests(record.trigger, record.requests, record.request_kinds),
        "rollback to": describe_target(record),
        "for this build alone": record.overrides,
        "training": record.training_job,
        "tuning": record.tuning_job,
        "image": record.training_image,
        "metrics": format_metrics(record.metrics),
        "live metrics": format_metrics(record.live_metrics),
        "approval": _tell_answer(record),
        "cost": describe_costs(record),
        "model": record.artifacts,
        "served before": record.live_before,
        "serves now": record.live_after,
        "notes": "\n".join(record.notes),
    }
    return {name: value for name, value in facts.items() if value}


def describe_costs(record: BuildRecord) -> str:
    """What the training came to, or can come to, in a few words; `sagebuild cost` tells more."""
    if record.cost is not None:
        return f"about {format_dollars(record.cost)} of training".replace("about less", "less")
    return f"at most {format_dollars(record.cost_max)} of training" if record.cost_max is not None else ""


def name_build(record: BuildRecord) -> str:
    """Its number, and of a rollback whither: "Build 4", "Build 5, a rollback to build 3,"."""
    target = describe_target(record)
    return f"Build {record.number}" + (f", a rollback to {target}," if target else "")


def describe_target(record: BuildRecord) -> str:
    """What a rollback goes back to; empty for a build."""
    if not record.trigger.rollback:
        return ""
    target = str(record.restores or record.trigger.rollback)
    return f"build {target}" if target.isdecimal() else "the previous build"


def _tell_answer(record: BuildRecord) -> str:
    if not record.approval:
        return f"asked for until {format_moment(record.approval_until)}" if record.awaits_approval else ""
    said = f": {record.approval_comment}" if record.approval_comment else ""
    return f"{record.approval} by {record.approval_by}{said}"
