"""List the last builds, or say how many of them had an outcome."""

from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING

from skill import builds
from skill.cards import join_lines, name_outcome
from skill.conversation import PIPELINE, Answer, Card, Intent, Turn
from skill.intents.describe_build import describe_build
from skill.pipelines import join_all
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.builds.records import BuildRecord

_LISTED = 5  # builds, if the person says no number
_SAID = 5  # groups of builds; more are too many to remember, so only the card lists them


def list_builds(turn: Turn) -> Answer:
    """List the last builds, or say how many of them had the outcome; the card has a line for each build."""
    count = turn.read_number("count")
    records = builds.list_builds()[: _LISTED if count is None else max(1, count)]
    if not records:
        return Answer(Sentence("build.none"))
    if len(records) == 1:
        return describe_build(turn)
    outcome = turn.slots.get("outcome")
    groups = _group(records)
    is_list = not outcome and len(groups) <= _SAID
    said = _list(groups, len(records)) if is_list else _count(outcome or "succeeded", records)
    return Answer(said, card=_write_card(records))


INTENTS = (
    Intent("ListBuildsIntent", list_builds, "read", slots=PIPELINE | {"count": "AMAZON.NUMBER", "outcome": "Outcome"}),
)


def _group(records: "list[BuildRecord]") -> list[Sentence]:
    """Say the outcome of each group of neighbours that have the same one."""
    groups = groupby(records, lambda record: record.status if record.has_ended else "running")
    return [_say_group(status, [record.number for record in group]) for status, group in groups]


def _list(groups: list[Sentence], total: int) -> Sentence:
    *first, last = groups
    said = reduce(lambda groups, group: Sentence("list.comma", groups=groups, group=group), first) if first else None
    return Sentence("list.all", total=total, groups=Sentence("list.and", groups=said, group=last) if said else last)


def _say_group(status: str, numbers: list[int]) -> Sentence:
    builds, count = join_all([Sentence("list.number", number=number) for number in numbers]), len(numbers)
    match status:
        case "running":
            return Sentence("list.are.running", builds=builds, count=count)
        case "succeeded":
            return Sentence("list.are.succeeded", builds=builds, count=count)
        case "stopped":
            return Sentence("list.are.stopped", builds=builds, count=count)
        case "withheld":
            return Sentence("list.are.withheld", builds=builds, count=count)
    return Sentence("list.are.failed", builds=builds, count=count)


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
