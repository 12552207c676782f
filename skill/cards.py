"""Cards: the details of builds, and the way to them in the console, for the Alexa app."""

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING

from skill.conversation import Card
from skill.speech import Quote, Sentence, Value
from skill.words import tell_money, tell_number, tell_reason, write_time

if TYPE_CHECKING:
    from sagebuild.builds.records import BuildRecord
    from sagebuild.builds.status import BuildStatus
    from sagebuild.cost.spent import Cost
    from sagebuild.running.stop import Stopped
    from sagebuild.voice.approval import Waiting
    from sagebuild.voice.comparison import Comparison


def write_build_card(build: "BuildStatus") -> Card:
    """All that is known of a build."""
    return Card(Sentence("card.title", number=build.number), _describe(build))


def write_stop_card(stopped: "Stopped") -> Card:
    """What AWS said last of the build that was stopped."""
    return Card(
        Sentence("card.title", number=stopped.number),
        Sentence("card.stop", job=stopped.job_status or Sentence("job.none")),
    )


def write_launch_card(number: int, waiting: int) -> Card:
    """The build that runs, and how many requests the build after it holds."""
    return Card(
        Sentence("card.title", number=number),
        Sentence("card.noted", count=waiting) if waiting else Sentence("card.started"),
    )


def write_metrics_card(record: "BuildRecord") -> Card:
    """All metrics of a build."""
    lines = [
        Sentence("card.metric", metric=name, value=tell_number(value)) for name, value in sorted(record.metrics.items())
    ]
    return Card(Sentence("card.title", number=record.number), _join(lines))


def write_comparison_card(comparison: "Comparison") -> Card:
    """All metrics of two builds."""
    lines = [
        Sentence("card.change", metric=name, old=tell_number(old), new=tell_number(new))
        for name, (old, new) in comparison.metrics.items()
    ]
    return Card(Sentence("card.comparison", other=comparison.other or 0, number=comparison.number or 0), _join(lines))


def write_list_card(records: "Iterable[BuildRecord]") -> Card:
    """A line for each build."""
    return Card(Sentence("card.builds"), _join([_write_line(record) for record in records]))


def write_notice_card(topic: str) -> Card:
    """How to be told of every build's end."""
    command = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint you@example.com"
    return Card(Sentence("card.notice.title"), Sentence("card.notice", command=command))


def write_cost_card(number: int, cost: "Cost") -> Card | None:
    """Every part of a build's cost that has a price, and what is left out; None for a build that was not planned."""
    if not cost.prices_date:
        return None
    lines = [Sentence("card.cost.prices", date=cost.prices_date)]
    if cost.spent:
        lines.append(Sentence("card.cost.spent", amount=tell_money(cost.spent)))
    if cost.maximum:
        lines.append(Sentence("card.cost.maximum", amount=tell_money(cost.maximum)))
    if cost.endpoint_hourly:
        lines.append(Sentence("card.cost.endpoint", amount=tell_money(cost.endpoint_hourly)))
    lines += [Sentence("card.note", note=Quote(sentence)) for sentence in cost.left_out]
    return Card(Sentence("card.title", number=number), _join(lines))


def write_approval_card(waiting: "Waiting") -> Card:
    """What the build that waits has measured, and how long it waits."""
    until = Sentence("card.approval", until=write_time(waiting.until))
    if waiting.value is None:
        return Card(Sentence("card.title", number=waiting.number), until)
    metric, value = waiting.metric, tell_number(waiting.value)
    measured = (
        Sentence("card.metric", metric=metric, value=value)
        if waiting.live is None
        else Sentence("card.change", metric=metric, old=tell_number(waiting.live), new=value)
    )
    return Card(Sentence("card.title", number=waiting.number), _join([measured, until]))


def name_outcome(outcome: str) -> Value:
    """A build's outcome in one word."""
    match outcome:
        case "running" | "launching":
            return Sentence("outcome.running")
        case "succeeded":
            return Sentence("outcome.succeeded")
        case "failed":
            return Sentence("outcome.failed")
        case "stopped":
            return Sentence("outcome.stopped")
        case "withheld":
            return Sentence("outcome.withheld")
    return Quote(outcome)


def _write_line(record: "BuildRecord") -> Sentence:
    outcome = name_outcome(record.status if record.has_ended else "running")
    return Sentence("card.line", number=record.number, outcome=outcome, started=record.created_at[:16])


def _join(lines: list[Sentence]) -> Sentence:
    return reduce(lambda above, below: Sentence("card.lines", above=above, below=below), lines)


def _describe(build: "BuildStatus") -> Sentence:
    outcome, url = name_outcome(build.outcome), build.console_url
    step = Quote(build.step) if build.step else Sentence("step.unknown")
    started = write_time(build.started_at)
    if build.outcome == "running":
        return Sentence("card.running", outcome=outcome, step=step, started=started, url=url)
    ended = write_time(build.ended_at) if build.ended_at else Sentence("time.unrecorded")
    if build.outcome == "succeeded":
        return Sentence("card.succeeded", outcome=outcome, started=started, ended=ended, url=url)
    reason = tell_reason(build.reason)
    return Sentence("card.failed", outcome=outcome, reason=reason, step=step, started=started, ended=ended, url=url)
