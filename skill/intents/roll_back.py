"""Roll back: asked first, saying which build takes which one's place; done on a yes, and the PIN."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_launch_card
from skill.conversation import Answer, Confirmation, SpokenError, Turn
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.voice.rollback import RollbackPlan


def ask_to_roll_back(turn: Turn) -> Answer:
    """Say what a rollback to the build whose number was said, or to the last good one, would change, and ask."""
    number = turn.slots.get("number", "")
    plan = builds.plan_rollback(int(number) if number.isdecimal() else None)
    if plan is None:
        return Answer(Sentence("build.unknown", number=number))
    return Answer(
        _tell_what_will_happen(plan),
        reprompt=Sentence("rollback.reprompt", number=plan.number),
        confirmation=Confirmation("RollBackIntent", {"number": plan.number, "live": plan.live}),
    )


def roll_back(turn: Turn, confirmation: Confirmation) -> Answer:
    """Start the rollback that the person was asked about, unless something else is live by now."""
    number, live = int(confirmation.values["number"]), str(confirmation.values["live"])
    launched = builds.roll_back(number, live, turn.request_id)
    if launched is None:
        raise SpokenError(Sentence("rollback.changed"))
    sentence = Sentence("rollback.started", number=number, build=launched.number)
    return Answer(sentence, card=write_launch_card(launched.number, launched.waiting))


def _tell_what_will_happen(plan: "RollbackPlan") -> Sentence:
    if plan.replaces is not None:
        return Sentence("rollback.question", number=plan.number, live=plan.replaces)
    if plan.live:
        return Sentence("rollback.question.other", number=plan.number)
    return Sentence("rollback.question.nothing", number=plan.number)
