"""Read the value of a build parameter."""

from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.domain import reading
from skill.speech import Sentence
from skill.words import PARAMETERS, say_value


def read_parameter(turn: Turn) -> Answer:
    """Say the value that the next build will have."""
    name = turn.slots.get("parameter", "")
    if name not in PARAMETERS:
        return Answer(Sentence("parameter.which"), reprompt=Sentence("parameter.which"), elicits="parameter")
    from sagebuild.voice import spoken_parameters

    with reading() as service:
        value = spoken_parameters.read_parameter(service, name)
    return Answer(Sentence("parameter.value", parameter=PARAMETERS[name], value=say_value(value)))


INTENTS = (Intent("ReadParameterIntent", read_parameter, "read", slots=PIPELINE | {"parameter": "BuildParameter"}),)
