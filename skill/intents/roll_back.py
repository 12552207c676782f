"""Roll back: the skill says which build replaces which and asks first; the PIN follows the yes."""

from typing import TYPE_CHECKING, cast

from skill import changes
from skill.cards import write_launch_card
from skill.conversation import PIPELINE, Answer, Confirmation, Intent, Turn
from skill.domain import reading
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.changes.rollback import Rollback


def ask_to_roll_back(turn: Turn) -> Answer:
    """Say what a rollback to the named build, or to the last good one, would change, and ask."""
    from sagebuild.changes.plan import plan_change
    from sagebuild.errors import BuildNotFoundError

    with reading() as service:
        try:
            planned = plan_change(service, "roll back", number=turn.read_number())
        except BuildNotFoundError:
            return Answer(Sentence("build.not_found", number=turn.slots.get("number", "")))
    rollback = cast("Rollback", planned.effect)
    return Answer(
        _describe_effect(rollback),
        reprompt=Sentence("rollback.reprompt", number=rollback.number),
        confirmation=changes.bind(turn, "RollBackIntent", planned, rollback.number),
    )


def roll_back(turn: Turn, confirmation: Confirmation) -> Answer:
    """Start the rollback that the question named."""
    done = changes.apply(confirmation, turn.request_id)
    sentence = Sentence("rollback.started", number=done.restores, build=done.number)
    return Answer(sentence, card=write_launch_card(done.number, done.waiting))


INTENTS = (
    Intent(
        "RollBackIntent",
        ask_to_roll_back,
        "write",
        slots=PIPELINE | {"number": "AMAZON.NUMBER"},
        on_yes=roll_back,
        asks_pin=True,
    ),
)


def _describe_effect(rollback: "Rollback") -> Sentence:
    if rollback.replaces is not None:
        return Sentence("rollback.question", number=rollback.number, live=rollback.replaces)
    if rollback.live:
        return Sentence("rollback.question.other", number=rollback.number)
    return Sentence("rollback.question.nothing", number=rollback.number)
