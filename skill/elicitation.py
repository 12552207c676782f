"""Asks for a slot that is missing, was not understood, or has a value that the build refuses."""

from typing import TYPE_CHECKING

from skill.conversation import Answer, Intent, SpokenError, Turn
from skill.domain import reading
from skill.parameter_slots import find_parameter, name_parameter, read_value
from skill.speech import Sentence
from skill.words import say_framework, say_parameter

if TYPE_CHECKING:
    from ask_sdk_model.dialog import ElicitSlotDirective

_NUMBERS = "AMAZON.NUMBER"


def ask_again(intent: Intent, turn: Turn) -> Answer | None:
    """Ask for the first slot that was not understood; None if there is none."""
    if intent.settles:
        return None
    # The document may know a parameter that the interaction model does not.
    asked = [slot for slot in intent.slots if slot != "parameter"]
    unclear = next(((slot, turn.unclear[slot]) for slot in asked if slot in turn.unclear), None)
    if unclear is None:
        return None
    slot, said = unclear
    question = Sentence("unclear.number") if intent.slots[slot] == _NUMBERS else Sentence("unclear.word", said=said)
    return Answer(question, reprompt=question, elicits=slot)


def ask_for_missing(turn: Turn, which: Sentence) -> Answer:
    """Ask for the parameter, or for the value of the one that was named.

    Parameters
    ----------
    which
        The question for a parameter and its value.
    """
    name = find_parameter(turn.slots)
    if not name:
        said = turn.slots.get("parameter")
        question = Sentence("unclear.word", said=said) if said else which
        return Answer(question, reprompt=question, elicits="parameter")
    question = _ask_for_value(name)
    return Answer(question, reprompt=question, elicits=_choose_value_slot(name))


def ask_for_other_value(turn: Turn, error: SpokenError, default: str) -> Answer:
    """Say why a value was refused, and ask for another one; raise any other error again.

    Parameters
    ----------
    default
        The parameter that the value was for, if none was named.
    """
    if error.sentence.key != "error.value":
        raise error
    name = find_parameter(turn.slots) or default
    question = _ask_for_value(name)
    refusal = _explain_limits(name, read_value(name, turn.slots)) or error.sentence
    refused = Sentence("value.refused", refusal=refusal, question=question)
    return Answer(refused, reprompt=question, elicits=_choose_value_slot(name))


def _ask_for_value(name: str) -> Sentence:
    parameter = name_parameter(name)
    match name:
        case "trainvolumesize":
            return Sentence("ask.value.gigabytes", parameter=parameter)
        case "trainmaxrun":
            return Sentence("ask.value.hours", parameter=parameter)
    if name.endswith("type"):
        return Sentence("ask.value.type", parameter=parameter)
    return Sentence("ask.value", parameter=parameter)


def _explain_limits(name: str, value: str) -> Sentence | None:
    """Say which values a parameter may have; None if the value was refused for another reason."""
    from sagebuild.voice.refusals import find_refusal

    with reading() as service:
        refusal = find_refusal(service, name, value)
    if refusal is None:
        return None
    if refusal.framework:
        return Sentence("value.one_instance", framework=say_framework(refusal.framework))
    low, high = (say_parameter(name, f"{limit:g}") for limit in (refusal.lowest, refusal.highest))
    return Sentence("value.range", parameter=name_parameter(name), low=low, high=high)


def _choose_value_slot(name: str) -> str:
    return "instance" if name.endswith("type") else "number"


def elicit(slot: str) -> "ElicitSlotDirective":
    """Return the directive that lets Alexa put the next words into a slot of the same intent.

    https://developer.amazon.com/docs/custom-skills/dialog-interface-reference.html
    """
    # Importing it takes a third of the time of a first reply.
    from ask_sdk_model.dialog import ElicitSlotDirective

    return ElicitSlotDirective(slot_to_elicit=slot)
