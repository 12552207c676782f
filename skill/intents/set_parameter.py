"""Set a build parameter: the skill says the old and the new value, before and after."""

from typing import TYPE_CHECKING, cast

from skill import changes
from skill.conversation import PIPELINE, Answer, Confirmation, Intent, SpokenError, Turn
from skill.domain import reading
from skill.elicitation import ask_for_missing, ask_for_other_value
from skill.parameter_slots import VALUES, find_parameter, name_parameter, read_value
from skill.speech import Sentence
from skill.words import say_parameter

if TYPE_CHECKING:
    from sagebuild.changes.document import NewValues


def ask_to_set(turn: Turn) -> Answer:
    """Say the old and the new value, and ask."""
    name = find_parameter(turn.slots)
    value = read_value(name, turn.slots)
    if not name or not value:
        return ask_for_missing(turn, Sentence("set.which"))
    from sagebuild.changes.plan import plan_change
    from sagebuild.voice.spoken_parameters import read_said, write_spoken

    try:
        with reading() as service:
            planned = plan_change(service, "set parameters", parameters=read_said({name: value}))
    except SpokenError as error:
        return ask_for_other_value(turn, error, default=name)
    parameter, values = name_parameter(name), cast("NewValues", planned.effect)
    old, new = (write_spoken(each[name]) for each in (values.old, values.new))
    if old == new:
        return Answer(Sentence("set.same", parameter=parameter, value=say_parameter(name, new)))
    said = say_parameter(name, old), say_parameter(name, new)
    question = changes.bind(turn, "SetParameterIntent", planned)
    return Answer(
        Sentence("set.question", parameter=parameter, old=said[0], new=said[1]),
        reprompt=Sentence("set.reprompt", parameter=parameter, new=said[1]),
        confirmation=question._replace(values={**question.values, "name": name, "old": old, "new": new}),
    )


def set_parameter(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Set the parameter."""
    changes.apply(confirmation)
    name, old, new = (str(confirmation.values[key]) for key in ("name", "old", "new"))
    said = say_parameter(name, old), say_parameter(name, new)
    return Answer(Sentence("set.done", parameter=name_parameter(name), old=said[0], new=said[1]))


INTENTS = (
    Intent(
        "SetParameterIntent",
        ask_to_set,
        "write",
        slots=PIPELINE | {"parameter": "BuildParameter"} | VALUES,
        on_yes=set_parameter,
        asks_pin=True,
    ),
)
