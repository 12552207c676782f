"""Read and set a build parameter: the old value and the new one are read back before and after."""

from skill import builds
from skill.conversation import Answer, Confirmation, SpokenError, Turn
from skill.speech import Sentence
from skill.words import tell_instance_type

NAMES = {
    "hostinstancecount": Sentence("parameter.hostinstancecount"),
    "hostinstancetype": Sentence("parameter.hostinstancetype"),
    "traininstancecount": Sentence("parameter.traininstancecount"),
    "traininstancetype": Sentence("parameter.traininstancetype"),
    "trainvolumesize": Sentence("parameter.trainvolumesize"),
    "trainmaxrun": Sentence("parameter.trainmaxrun"),
    "maxtrainingjobs": Sentence("parameter.maxtrainingjobs"),
}


def tell_parameter(turn: Turn) -> Answer:
    """Tell the value that the next build will have."""
    name = turn.slots.get("parameter", "")
    if name not in NAMES:
        return Answer(Sentence("parameter.which"), reprompt=Sentence("parameter.which"))
    return Answer(Sentence("parameter.told", parameter=NAMES[name], value=say_value(builds.read_parameter(name))))


def ask_to_set(turn: Turn) -> Answer:
    """Say what a parameter would change from and to, and ask."""
    name, value = turn.slots.get("parameter", ""), turn.slots.get("instance") or turn.slots.get("number", "")
    if name not in NAMES or not value:
        return Answer(Sentence("set.which"), reprompt=Sentence("set.which"))
    change = builds.propose_change(name, value)
    if change.old == change.new:
        return Answer(Sentence("set.same", parameter=NAMES[name], value=say_value(change.new)))
    return Answer(
        Sentence("set.question", parameter=NAMES[name], old=say_value(change.old), new=say_value(change.new)),
        reprompt=Sentence("set.reprompt", parameter=NAMES[name], new=say_value(change.new)),
        confirmation=Confirmation("SetParameterIntent", vars(change)),
    )


def set_parameter(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Set it, unless somebody else has done so meanwhile."""
    name, old, new = (str(confirmation.values[key]) for key in ("name", "old", "new"))
    if not builds.apply_change(name, old, new):
        raise SpokenError(Sentence("set.changed", parameter=NAMES[name]))
    return Answer(Sentence("set.done", parameter=NAMES[name], old=say_value(old), new=say_value(new)))


def say_value(value: str) -> str:
    """A parameter's value as it is said."""
    return tell_instance_type(value) if value.startswith("ml.") else value
