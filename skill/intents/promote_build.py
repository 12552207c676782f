"""Promote a build: the skill says what moves to which stack and asks first; the PIN follows the yes."""

from skill.conversation import PIPELINE, Answer, Confirmation, Intent, Turn
from skill.domain import reading, writing
from skill.pipelines import join_all
from skill.speech import Sentence

# The service is part of each stack's name: sagebuild-prod.
_SERVICE = "sagebuild-"


def ask_to_promote(turn: Turn) -> Answer:
    """Say what a promotion of the named build, or of the newest one, would move where, and ask."""
    from sagebuild.builds import records
    from sagebuild.errors import BuildNotFoundError
    from sagebuild.promotion import requests

    with reading() as service:
        number = turn.read_number() or next((each.number for each in records.list_builds(service, limit=1)), 0)
        try:
            record = records.read_build(service, number)
        except BuildNotFoundError:
            return Answer(Sentence("build.not_found", number=number))
        if not record.has_succeeded or record.trigger.rollback or record.pruned_at:
            return Answer(Sentence("promote.not_good", number=number))
        receivers = requests.list_receivers(service)
    if not receivers:
        return Answer(Sentence("promote.no_receiver"))
    found = _choose(receivers, turn.slots.get("stage", ""))
    if len(found) != 1:
        names = [_say_stack(each) for each in found or receivers]
        return Answer(Sentence("promote.which", number=number, names=join_all(names), name=names[0]))
    values: dict[str, str | int] = {"receiver": found[0], "number": number, "id": turn.request_id}
    return Answer(
        Sentence("promote.question", number=number, receiver=_say_stack(found[0])),
        reprompt=Sentence("promote.reprompt", number=number),
        confirmation=Confirmation("PromoteBuildIntent", values, turn.slots),
    )


def promote(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Send the request that the question named."""
    from sagebuild.promotion import requests

    receiver = str(confirmation.values["receiver"])
    with writing() as service:
        requests.request_promotion(service, confirmation.number, receiver, str(confirmation.values["id"]))
    return Answer(Sentence("promote.started", number=confirmation.number, receiver=_say_stack(receiver)))


INTENTS = (
    Intent(
        "PromoteBuildIntent",
        ask_to_promote,
        "write",
        slots=PIPELINE | {"number": "AMAZON.NUMBER", "stage": "Stage"},
        on_yes=promote,
        asks_pin=True,
    ),
)


def _choose(receivers: list[str], said: str) -> list[str]:
    """Return the stacks that were named; all of them without a name.

    "production" is the id "prod" of the slot type, with which a word of the stage's name must begin.
    """
    return [each for each in receivers if any(word.startswith(said) for word in _say_stack(each).split())]


def _say_stack(name: str) -> str:
    """Return the name of a stack as it is spoken: its stage."""
    return name.removeprefix(_SERVICE).replace("-", " ").lower()
