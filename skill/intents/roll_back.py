"""Roll back: the skill says which build replaces which and asks first; the PIN follows the yes."""

from typing import TYPE_CHECKING

from skill.cards import write_launch_card
from skill.conversation import PIPELINE, Answer, Confirmation, Intent, SpokenError, Turn
from skill.domain import reading, writing
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.voice.rollback import RollbackPlan


def ask_to_roll_back(turn: Turn) -> Answer:
    """Say what a rollback to the named build, or to the last good one, would change, and ask."""
    from sagebuild.errors import BuildNotFoundError
    from sagebuild.launch.triggers import PREVIOUS
    from sagebuild.voice.rollback import plan_rollback

    number = turn.read_number()
    with reading() as service:
        try:
            plan = plan_rollback(service, PREVIOUS if number is None else str(number))
        except BuildNotFoundError:
            return Answer(Sentence("build.not_found", number=turn.slots.get("number", "")))
    return Answer(
        _describe_effect(plan),
        reprompt=Sentence("rollback.reprompt", number=plan.number),
        confirmation=Confirmation("RollBackIntent", {"number": plan.number, "live": plan.live}),
    )


def roll_back(turn: Turn, confirmation: Confirmation) -> Answer:
    """Start the rollback that the question named, unless another build has become live since."""
    from sagebuild.builds.records import Trigger
    from sagebuild.voice.rollback import apply_rollback

    number, live = int(confirmation.values["number"]), str(confirmation.values["live"])
    with writing() as service:
        launched = apply_rollback(service, number, live, Trigger("voice", turn.request_id))
    if launched is None:
        raise SpokenError(Sentence("rollback.changed"))
    sentence = Sentence("rollback.started", number=number, build=launched.number)
    return Answer(sentence, card=write_launch_card(launched.number, launched.waiting))


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


def _describe_effect(plan: "RollbackPlan") -> Sentence:
    if plan.replaces is not None:
        return Sentence("rollback.question", number=plan.number, live=plan.replaces)
    if plan.live:
        return Sentence("rollback.question.other", number=plan.number)
    return Sentence("rollback.question.nothing", number=plan.number)
