"""What does it cost: a build's training so far, or in the end, and on the card the rest."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_cost_card
from skill.conversation import Answer, Turn
from skill.speech import Sentence
from skill.words import tell_money

if TYPE_CHECKING:
    from sagebuild.cost.spent import Cost


def format_cost(turn: Turn) -> Answer:
    """Tell what the build whose number was said has cost, or the latest one."""
    number = turn.slots.get("number", "")
    found = builds.describe_cost(int(number) if number.isdecimal() else None)
    if found is None:
        return Answer(Sentence("build.unknown", number=number) if number else Sentence("status.none"))
    record, cost = found
    told = _tell_total(record.number, cost) if record.has_ended else _tell_so_far(record.number, cost)
    return Answer(told, card=write_cost_card(record.number, cost))


def _tell_so_far(number: int, cost: "Cost") -> Sentence:
    if cost.spent:
        return Sentence("cost.so_far", number=number, amount=tell_money(cost.spent))
    if cost.maximum:
        return Sentence("cost.maximum", number=number, amount=tell_money(cost.maximum))
    return _tell_total(number, cost)


def _tell_total(number: int, cost: "Cost") -> Sentence:
    if cost.spent:
        return Sentence("cost.total", number=number, amount=tell_money(cost.spent))
    return Sentence("cost.unknown", number=number) if cost.spent is None else Sentence("cost.nothing", number=number)
