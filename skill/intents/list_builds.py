"""List the last builds: how many of them had an outcome."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import join_lines, name_outcome
from skill.conversation import PIPELINE, Answer, Card, Intent, Turn
from skill.intents.describe_build import describe_build
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.builds.records import BuildRecord

_LISTED = 5  # builds, if the person says no number


def list_builds(turn: Turn) -> Answer:
    """Say how many of the last builds had the outcome; the card has a line for each build."""
    count = turn.read_number("count")
    records = builds.list_builds()[: _LISTED if count is None else max(1, count)]
    if not records:
        return Answer(Sentence("build.none"))
    if len(records) == 1:
        return describe_build(turn)
    return Answer(_count(turn.slots.get("outcome", "succeeded"), records), card=_write_card(records))


INTENTS = (
    Intent("ListBuildsIntent", list_builds, "read", slots=PIPELINE | {"count": "AMAZON.NUMBER", "outcome": "Outcome"}),
)


def _count(outcome: str, records: "list[BuildRecord]") -> Sentence:
    total, matching = len(records), sum(record.status == outcome for record in records)
    if not matching:
        return _count_none(outcome, total)
    match outcome:
        case "failed":
            return Sentence("list.failed", count=matching, total=total)
        case "withheld":
            return Sentence("list.withheld", count=matching, total=total)
        case "stopped":
            return Sentence("list.stopped", count=matching, total=total)
    return Sentence("list.succeeded", count=matching, total=total)


def _count_none(outcome: str, total: int) -> Sentence:
    match outcome:
        case "failed":
            return Sentence("list.failed.none", total=total)
        case "withheld":
            return Sentence("list.withheld.none", total=total)
        case "stopped":
            return Sentence("list.stopped.none", total=total)
    return Sentence("list.succeeded.none", total=total)


def _write_card(records: "list[BuildRecord]") -> Card:
    return Card(Sentence("card.builds"), join_lines([_write_line(record) for record in records]))


def _write_line(record: "BuildRecord") -> Sentence:
    outcome = name_outcome(record.status if record.has_ended else "running")
    return Sentence("card.line", number=record.number, outcome=outcome, started=record.created_at[:16])
