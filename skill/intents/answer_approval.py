"""Approve or reject the build that waits: the skill says what the build has measured and cost, and asks first."""

from typing import TYPE_CHECKING

from skill.cards import join_lines
from skill.conversation import PIPELINE, Answer, Card, Confirmation, Intent, Turn
from skill.domain import reading, writing
from skill.speech import Quote, Sentence
from skill.words import say_money, say_number, write_time

if TYPE_CHECKING:
    from sagebuild.voice.approval import Waiting


def ask_to_approve(turn: Turn) -> Answer:
    """Compare the waiting build with the live one, and ask."""
    waiting = _find_waiting(turn)
    if waiting is None:
        return _say_none_waits(turn)
    return Answer(
        Sentence("approve.question", facts=_describe(waiting)),
        reprompt=Sentence("approve.reprompt", number=waiting.number),
        card=_write_card(waiting),
        confirmation=Confirmation("ApproveBuildIntent", {"number": waiting.number}),
    )


def ask_to_reject(turn: Turn) -> Answer:
    """Say what a rejection means, and ask."""
    waiting = _find_waiting(turn)
    if waiting is None:
        return _say_none_waits(turn)
    return Answer(
        Sentence("reject.question", number=waiting.number),
        reprompt=Sentence("reject.reprompt", number=waiting.number),
        card=_write_card(waiting),
        confirmation=Confirmation("RejectBuildIntent", {"number": waiting.number}),
    )


def approve(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Approve the build that the question named."""
    number = int(confirmation.values["number"])
    if _answer_approval(number, approved=True):
        return Answer(Sentence("approve.done", number=number))
    return Answer(Sentence("approval.not_waiting", number=number))


def reject(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Reject the build that the question named."""
    number = int(confirmation.values["number"])
    if _answer_approval(number, approved=False):
        return Answer(Sentence("reject.done", number=number))
    return Answer(Sentence("approval.not_waiting", number=number))


def leave_waiting(confirmation: Confirmation) -> Sentence:
    """Say what a no means: the build waits as before."""
    return Sentence("approval.declined", number=int(confirmation.values["number"]))


_SLOTS = PIPELINE | {"number": "AMAZON.NUMBER"}

INTENTS = (
    Intent(
        "ApproveBuildIntent",
        ask_to_approve,
        "write",
        slots=_SLOTS,
        on_yes=approve,
        on_no=leave_waiting,
        asks_pin=True,
    ),
    Intent("RejectBuildIntent", ask_to_reject, "write", slots=_SLOTS, on_yes=reject, on_no=leave_waiting),
)


def _find_waiting(turn: Turn) -> "Waiting | None":
    """Find the build that waits; None if none waits, or if the person named another build."""
    from sagebuild.voice.approval import describe_waiting

    with reading() as service:
        waiting = describe_waiting(service)
    return waiting if waiting and turn.read_number() in (None, waiting.number) else None


def _answer_approval(number: int, *, approved: bool) -> bool:
    """Answer for the build; return False if it no longer waits, or if a different answer was first."""
    from sagebuild.errors import NoApprovalPendingError
    from sagebuild.steps.approval import answer_approval

    with writing() as service:
        try:
            answer_approval(service, approved, "voice", number)
        except NoApprovalPendingError:
            return False
        return True


def _say_none_waits(turn: Turn) -> Answer:
    number = turn.read_number()
    return Answer(Sentence("approval.none") if number is None else Sentence("approval.not_waiting", number=number))


def _describe(waiting: "Waiting") -> Sentence:
    facts = _describe_metric(waiting)
    if not waiting.spent:
        return facts
    return Sentence("approve.with_cost", facts=facts, amount=say_money(waiting.spent))


def _describe_metric(waiting: "Waiting") -> Sentence:
    number, metric = waiting.number, Quote(waiting.metric)
    if waiting.value is None:
        return Sentence("approve.no_metric", number=number)
    value = say_number(waiting.value)
    if waiting.live is None:
        return Sentence("approve.metric", number=number, metric=metric, value=value)
    return Sentence("approve.compared", number=number, metric=metric, value=value, other=say_number(waiting.live))


def _write_card(waiting: "Waiting") -> Card:
    lines = [Sentence("card.approval", until=write_time(waiting.until))]
    if waiting.value is not None:
        metric, value = waiting.metric, say_number(waiting.value)
        measured = (
            Sentence("card.metric", metric=metric, value=value)
            if waiting.live is None
            else Sentence("card.metric.change", metric=metric, old=say_number(waiting.live), new=value)
        )
        lines.insert(0, measured)
    return Card(Sentence("card.title", number=waiting.number), join_lines(lines))
