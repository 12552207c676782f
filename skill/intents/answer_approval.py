"""Approve or reject the build that waits: asked first, with what it has measured and cost; done on a yes."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_approval_card
from skill.conversation import Answer, Confirmation, Turn
from skill.speech import Quote, Sentence
from skill.words import tell_money, tell_number

if TYPE_CHECKING:
    from sagebuild.voice.approval import Waiting


def ask_to_approve(turn: Turn) -> Answer:
    """Say what would go live, beside what is, and ask."""
    waiting = builds.find_waiting()
    if waiting is None or _is_other(turn, waiting):
        return _tell_none(turn)
    return Answer(
        Sentence("approve.question", facts=_tell_facts(waiting)),
        reprompt=Sentence("approve.reprompt", number=waiting.number),
        card=write_approval_card(waiting),
        confirmation=Confirmation("ApproveBuildIntent", {"number": waiting.number}),
    )


def ask_to_reject(turn: Turn) -> Answer:
    """Say what a rejection means, and ask."""
    waiting = builds.find_waiting()
    if waiting is None or _is_other(turn, waiting):
        return _tell_none(turn)
    return Answer(
        Sentence("reject.question", number=waiting.number),
        reprompt=Sentence("reject.reprompt", number=waiting.number),
        card=write_approval_card(waiting),
        confirmation=Confirmation("RejectBuildIntent", {"number": waiting.number}),
    )


def approve(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Let the build that the person was asked about go live."""
    number = int(confirmation.values["number"])
    done = builds.answer_approval(number, approved=True)
    return Answer(Sentence("approve.done", number=number) if done else Sentence("approval.over", number=number))


def reject(_turn: Turn, confirmation: Confirmation) -> Answer:
    """End the build that the person was asked about, and leave alone what is live."""
    number = int(confirmation.values["number"])
    done = builds.answer_approval(number, approved=False)
    return Answer(Sentence("reject.done", number=number) if done else Sentence("approval.over", number=number))


def leave_waiting(confirmation: Confirmation) -> Sentence:
    """What a no means here: the build waits as before."""
    return Sentence("approval.waits", number=int(confirmation.values["number"]))


def _is_other(turn: Turn, waiting: "Waiting") -> bool:
    """Whether another build was named than the one that waits."""
    number = turn.slots.get("number", "")
    return number.isdecimal() and int(number) != waiting.number


def _tell_none(turn: Turn) -> Answer:
    number = turn.slots.get("number", "")
    return Answer(Sentence("approval.over", number=number) if number.isdecimal() else Sentence("approval.none"))


def _tell_facts(waiting: "Waiting") -> Sentence:
    facts = _tell_metric(waiting)
    if not waiting.spent:
        return facts
    return Sentence("approve.costs", facts=facts, amount=tell_money(waiting.spent))


def _tell_metric(waiting: "Waiting") -> Sentence:
    number, metric = waiting.number, Quote(waiting.metric)
    if waiting.value is None:
        return Sentence("approve.plain", number=number)
    value = tell_number(waiting.value)
    if waiting.live is None:
        return Sentence("approve.metric", number=number, metric=metric, value=value)
    return Sentence("approve.compared", number=number, metric=metric, value=value, other=tell_number(waiting.live))
