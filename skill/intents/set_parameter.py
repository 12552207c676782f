"""Set a build parameter: the skill says the old and the new value, before and after."""

from skill.conversation import PIPELINE, Answer, Confirmation, Intent, SpokenError, Turn
from skill.domain import reading, writing
from skill.speech import Sentence
from skill.words import PARAMETERS, say_value


def ask_to_set(turn: Turn) -> Answer:
    """Say the old and the new value, and ask."""
    name, value = turn.slots.get("parameter", ""), turn.slots.get("instance") or turn.slots.get("number", "")
    if name not in PARAMETERS or not value:
        return Answer(Sentence("set.which"), reprompt=Sentence("set.which"))
    from sagebuild.voice.spoken_parameters import propose_change

    parameter = PARAMETERS[name]
    with reading() as service:
        change = propose_change(service, name, value)
    old, new = say_value(change.old), say_value(change.new)
    if change.old == change.new:
        return Answer(Sentence("set.same", parameter=parameter, value=new))
    return Answer(
        Sentence("set.question", parameter=parameter, old=old, new=new),
        reprompt=Sentence("set.reprompt", parameter=parameter, new=new),
        confirmation=Confirmation("SetParameterIntent", vars(change)),
    )


def set_parameter(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Set the parameter, unless it has changed since the question."""
    from sagebuild.voice.spoken_parameters import Change, apply_change

    name, old, new = (str(confirmation.values[key]) for key in ("name", "old", "new"))
    with writing() as service:
        applied = apply_change(service, Change(name, old, new))
    if not applied:
        raise SpokenError(Sentence("set.changed", parameter=PARAMETERS[name]))
    return Answer(Sentence("set.done", parameter=PARAMETERS[name], old=say_value(old), new=say_value(new)))


INTENTS = (
    Intent(
        "SetParameterIntent",
        ask_to_set,
        "write",
        slots=PIPELINE | {"parameter": "BuildParameter", "number": "AMAZON.NUMBER", "instance": "InstanceType"},
        on_yes=set_parameter,
        asks_pin=True,
    ),
)
