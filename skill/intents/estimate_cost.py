"""Estimate what a build's paid jobs have cost; the card lists the other costs."""

from typing import TYPE_CHECKING

from skill.cards import join_lines
from skill.conversation import PIPELINE, Answer, Card, Intent, Turn
from skill.domain import reading
from skill.intents.estimate_next_cost import estimate_next_cost
from skill.speech import Quote, Sentence
from skill.words import say_money, write_money

if TYPE_CHECKING:
    from sagebuild.cost.spent import Cost


def estimate_cost(turn: Turn) -> Answer:
    """Say what the build whose number was said has cost, or the latest one; after a question, the build of it."""
    asked = turn.confirmation
    if asked and asked.intent == "StartBuildIntent" and turn.read_number() is None:
        return estimate_next_cost(turn)
    from sagebuild.builds import records
    from sagebuild.cost.spent import describe_cost
    from sagebuild.errors import BuildNotFoundError

    number = turn.read_number()
    with reading() as service:
        try:
            found = records.list_builds(service, limit=1) if number is None else [records.read_build(service, number)]
        except BuildNotFoundError:
            return Answer(Sentence("build.not_found", number=turn.slots["number"]))
        if not found:
            return Answer(Sentence("build.none"))
        record, cost = found[0], describe_cost(service, found[0])
    if record.trigger.rollback:
        sentence = Sentence("cost.nothing", number=record.number)
    else:
        sentence = _say_total(record.number, cost) if record.has_ended else _say_so_far(record.number, cost)
    return Answer(sentence, card=_write_card(record.number, cost))


INTENTS = (Intent("EstimateCostIntent", estimate_cost, "read", slots=PIPELINE | {"number": "AMAZON.NUMBER"}),)


def _say_so_far(number: int, cost: "Cost") -> Sentence:
    if cost.spent:
        return Sentence("cost.so_far", number=number, amount=say_money(cost.spent))
    if cost.maximum:
        return Sentence("cost.maximum", number=number, amount=say_money(cost.maximum))
    return _say_total(number, cost)


def _say_total(number: int, cost: "Cost") -> Sentence:
    if cost.spent:
        return Sentence("cost.total", number=number, amount=say_money(cost.spent))
    return Sentence("cost.unknown", number=number) if cost.spent is None else Sentence("cost.nothing", number=number)


def _write_card(number: int, cost: "Cost") -> Card | None:
    """Write every part of the cost that has a price, and what the estimate omits; None before the build is planned."""
    if not cost.prices_date:
        return None
    lines = [Sentence("card.cost.prices", date=cost.prices_date)]
    if cost.spent:
        lines.append(Sentence("card.cost.spent", amount=write_money(cost.spent)))
    if cost.maximum:
        lines.append(Sentence("card.cost.maximum", amount=write_money(cost.maximum)))
    if cost.endpoint_hourly:
        lines.append(Sentence("card.cost.endpoint", amount=write_money(cost.endpoint_hourly)))
    lines += [Sentence("card.note", note=Quote(sentence)) for sentence in cost.left_out]
    return Card(Sentence("card.title", number=number), join_lines(lines))
