"""Compare the newest build's metrics with those of the build before it, or of the live one."""

from collections.abc import Mapping

from skill.cards import join_lines
from skill.conversation import PIPELINE, Answer, Card, Intent, Turn
from skill.domain import reading
from skill.speech import Quote, Sentence
from skill.words import say_number


def compare_builds(turn: Turn) -> Answer:
    """Say how the first metric differs; the card lists all."""
    from sagebuild.voice import comparison

    with_live = turn.slots.get("other") == "live"
    with reading() as service:
        found = comparison.compare_builds(service, with_live=with_live)
    number, other = found.number, found.other
    if number is None or other is None:
        return Answer(Sentence("compare.not_live") if with_live else Sentence("compare.too_few"))
    if other == number:
        return Answer(Sentence("compare.is_live", number=number))
    if not found.metrics:
        return Answer(Sentence("compare.no_shared_metric", number=number, other=other))
    return Answer(_compare(number, other, found.metrics), card=_write_card(number, other, found.metrics))


INTENTS = (Intent("CompareBuildsIntent", compare_builds, "read", slots=PIPELINE | {"other": "ComparedBuild"}),)


def _compare(number: int, other: int, metrics: Mapping[str, tuple[float, float]]) -> Sentence:
    name, (old, new) = next(iter(metrics.items()))
    metric, difference = Quote(name), say_number(abs(new - old))
    if new == old:
        return Sentence("compare.same", metric=metric, number=number, other=other)
    if new > old:
        return Sentence("compare.higher", metric=metric, number=number, other=other, difference=difference)
    return Sentence("compare.lower", metric=metric, number=number, other=other, difference=difference)


def _write_card(number: int, other: int, metrics: Mapping[str, tuple[float, float]]) -> Card:
    lines = [
        Sentence("card.metric.change", metric=name, old=say_number(old), new=say_number(new))
        for name, (old, new) in metrics.items()
    ]
    return Card(Sentence("card.comparison", other=other, number=number), join_lines(lines))
