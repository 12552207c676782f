"""Read the value of a build parameter."""

from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.domain import reading
from skill.elicitation import ask_for_missing
from skill.parameter_slots import find_parameter, name_parameter
from skill.speech import Sentence
from skill.words import say_value


def read_parameter(turn: Turn) -> Answer:
    """Say the value that the next build will have."""
    name = find_parameter(turn.slots)
    if not name and turn.slots.get("parameter"):
        return ask_for_missing(turn, Sentence("parameter.which"))
    if not name:
        return Answer(Sentence("parameter.which"), reprompt=Sentence("parameter.which"), elicits="parameter")
    from sagebuild.voice import spoken_parameters

    with reading() as service:
        value = spoken_parameters.read_parameter(service, name)
    return Answer(Sentence("parameter.value", parameter=name_parameter(name), value=say_value(value)))


INTENTS = (Intent("ReadParameterIntent", read_parameter, "read", slots=PIPELINE | {"parameter": "BuildParameter"}),)
