"""Read the metrics of the newest build that has any."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import join_lines
from skill.conversation import PIPELINE, Answer, Card, Intent, Turn
from skill.speech import Quote, Sentence
from skill.words import say_number

if TYPE_CHECKING:
    from sagebuild.builds.records import BuildRecord


def read_metrics(_turn: Turn) -> Answer:
    """Say the first metric; the card lists all."""
    records = builds.list_builds()
    measured = next((record for record in records if record.metrics), None)
    if measured is None:
        return Answer(Sentence("metrics.none") if records else Sentence("build.none"))
    name, value = min(measured.metrics.items())
    sentence = Sentence("metrics.value", number=measured.number, metric=Quote(name), value=say_number(value))
    return Answer(sentence, card=_write_card(measured))


INTENTS = (Intent("ReadMetricsIntent", read_metrics, "read", slots=PIPELINE),)


def _write_card(record: "BuildRecord") -> Card:
    lines = [
        Sentence("card.metric", metric=name, value=say_number(value)) for name, value in sorted(record.metrics.items())
    ]
    return Card(Sentence("card.title", number=record.number), join_lines(lines))
