"""Read the value of a build parameter."""

from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.domain import reading
from skill.elicitation import ask_for_missing
from skill.parameter_slots import MEASURED, find_parameter, name_parameter
from skill.speech import Sentence
from skill.words import say_parameter


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
    parameter, said = name_parameter(name), say_parameter(name, value)
    if name in MEASURED:
        return Answer(Sentence("parameter.measured", parameter=parameter, value=said))
    return Answer(Sentence("parameter.value", parameter=parameter, value=said))


INTENTS = (Intent("ReadParameterIntent", read_parameter, "read", slots=PIPELINE | {"parameter": "BuildParameter"}),)
