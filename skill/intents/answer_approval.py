"""Approve or reject the build that waits: the skill says what the build has measured and cost, and asks first."""

from typing import TYPE_CHECKING, Literal, cast

from skill import changes
from skill.cards import join_lines
from skill.conversation import PIPELINE, Answer, Card, Confirmation, Intent, SpokenError, Turn
from skill.domain import reading
from skill.intents.session import fall_back
from skill.speech import Quote, Sentence
from skill.words import say_money, say_number, write_time

if TYPE_CHECKING:
    from sagebuild.changes.approval import Waiting
    from sagebuild.changes.plan import PlannedChange


def ask_to_approve(turn: Turn) -> Answer:
    """Compare the waiting build with the live one, and ask; an open question about another change comes first."""
    if _is_asked_something_else(turn):
        return fall_back(turn)
    planned = _plan(turn, "approve")
    if planned is None:
        return _say_none_waits(turn)
    waiting = cast("Waiting", planned.effect)
    return Answer(
        Sentence("approve.question", facts=_describe(waiting)),
        reprompt=Sentence("approve.reprompt", number=waiting.number),
        card=_write_card(waiting),
        confirmation=changes.bind(turn, "ApproveBuildIntent", planned, waiting.number),
    )


def ask_to_reject(turn: Turn) -> Answer:
    """Say what a rejection means, and ask; an open question about another change comes first."""
    if _is_asked_something_else(turn):
        return fall_back(turn)
    planned = _plan(turn, "reject")
    if planned is None:
        return _say_none_waits(turn)
    waiting = cast("Waiting", planned.effect)
    return Answer(
        Sentence("reject.question", number=waiting.number),
        reprompt=Sentence("reject.reprompt", number=waiting.number),
        card=_write_card(waiting),
        confirmation=changes.bind(turn, "RejectBuildIntent", planned, waiting.number),
    )


def approve(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Approve the build that the question named."""
    return _answer(confirmation, Sentence("approve.done", number=confirmation.number))


def reject(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Reject the build that the question named."""
    return _answer(confirmation, Sentence("reject.done", number=confirmation.number))


def leave_waiting(confirmation: Confirmation) -> Sentence:
    """Say what a no means: the build waits as before."""
    return Sentence("approval.declined", number=confirmation.number)


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


def _plan(turn: Turn, action: Literal["approve", "reject"]) -> "PlannedChange | None":
    """Plan the answer; None if no build waits, or if the person named another build."""
    from sagebuild.changes.plan import plan_change
    from sagebuild.errors import NoApprovalPendingError

    with reading() as service:
        try:
            return plan_change(service, action, number=turn.read_number())
        except NoApprovalPendingError:
            return None


def _is_asked_something_else(turn: Turn) -> bool:
    """Return True for "go ahead with it" or "don't do it" after another question, which they may answer."""
    names = {intent.name for intent in INTENTS}
    return turn.confirmation is not None and turn.confirmation.intent not in names and turn.read_number() is None


def _answer(confirmation: Confirmation, done: Sentence) -> Answer:
    """Answer for the build, unless it no longer waits, or a different answer was first."""
    try:
        changes.apply(confirmation)
    except SpokenError as error:
        if error.sentence.key != "approval.none":
            raise
        return Answer(Sentence("approval.not_waiting", number=confirmation.number))
    return Answer(done)


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
