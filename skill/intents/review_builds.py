"""How good were my builds: metrics, comparisons, and a count of outcomes."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_comparison_card, write_list_card, write_metrics_card
from skill.conversation import Answer, Turn
from skill.intents import describe_build
from skill.speech import Quote, Sentence
from skill.words import tell_number

if TYPE_CHECKING:
    from sagebuild.builds.records import BuildRecord

_LISTED = 5


def read_metrics(_turn: Turn) -> Answer:
    """Tell the first metric of the newest build that has any."""
    records = builds.list_builds()
    measured = next((record for record in records if record.metrics), None)
    if measured is None:
        return Answer(Sentence("metrics.none") if records else Sentence("status.none"))
    name, value = min(measured.metrics.items())
    sentence = Sentence("metrics.told", number=measured.number, metric=Quote(name), value=tell_number(value))
    return Answer(sentence, card=write_metrics_card(measured))


def compare(turn: Turn) -> Answer:
    """Tell how the newest build's first metric differs from that of the last one, or of the live one."""
    with_live = turn.slots.get("other") == "live"
    found = builds.compare_builds(with_live=with_live)
    if found.number is None or found.other is None:
        return Answer(Sentence("compare.not_live") if with_live else Sentence("compare.none"))
    if found.other == found.number:
        return Answer(Sentence("compare.is_live", number=found.number))
    if not found.metrics:
        return Answer(Sentence("compare.unlike", number=found.number, other=found.other))
    (name, (old, new)), *_ = found.metrics.items()
    metric, number, other, card = Quote(name), found.number, found.other, write_comparison_card(found)
    if new == old:
        return Answer(Sentence("compare.same", metric=metric, number=number, other=other), card=card)
    difference = tell_number(abs(new - old))
    if new > old:
        return Answer(
            Sentence("compare.higher", metric=metric, number=number, other=other, difference=difference), card=card
        )
    return Answer(
        Sentence("compare.lower", metric=metric, number=number, other=other, difference=difference), card=card
    )


def list_builds(turn: Turn) -> Answer:
    """Tell how many of the last builds had an outcome."""
    count = turn.slots.get("count", "")
    records = builds.list_builds()[: max(1, int(count)) if count.isdecimal() else _LISTED]
    if not records:
        return Answer(Sentence("status.none"))
    outcome = turn.slots.get("outcome", "succeeded")
    if len(records) == 1:
        return describe_build.describe(turn)
    return Answer(_count(outcome, records), card=write_list_card(records))


def _count(outcome: str, records: "list[BuildRecord]") -> Sentence:
    matching = sum(record.status == outcome for record in records)
    match outcome:
        case "failed":
            return Sentence("list.failed", matching=matching, total=len(records))
        case "withheld":
            return Sentence("list.withheld", matching=matching, total=len(records))
        case "stopped":
            return Sentence("list.stopped", matching=matching, total=len(records))
    return Sentence("list.succeeded", matching=matching, total=len(records))
