"""Asks for a slot that is missing, was not understood, or has a value that the build refuses."""

from typing import TYPE_CHECKING

from skill.conversation import Answer, Intent, SpokenError, Turn
from skill.speech import Sentence
from skill.words import PARAMETERS

if TYPE_CHECKING:
    from ask_sdk_model.dialog import ElicitSlotDirective

_NUMBERS = "AMAZON.NUMBER"


def ask_again(intent: Intent, turn: Turn) -> Answer | None:
    """Ask for the first slot that was not understood; None if there is none."""
    if intent.settles:
        return None
    unclear = next(((slot, turn.unclear[slot]) for slot in intent.slots if slot in turn.unclear), None)
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
    name = turn.slots.get("parameter", "")
    if name not in PARAMETERS:
        return Answer(which, reprompt=which, elicits="parameter")
    question = Sentence("ask.value", parameter=PARAMETERS[name])
    return Answer(question, reprompt=question, elicits=_choose_value_slot(name))


def ask_for_other_value(turn: Turn, error: SpokenError, default: str) -> Answer:
    """Say why a value was refused, and ask for another one; raise any other error again.

    Parameters
    ----------
    default
        The parameter that the value was for, if none was named.
    """
    name = turn.slots.get("parameter") or ("traininstancetype" if "instance" in turn.slots else default)
    if error.sentence.key != "error.value" or name not in PARAMETERS:
        raise error
    question = Sentence("ask.value", parameter=PARAMETERS[name])
    refused = Sentence("value.refused", refusal=error.sentence, question=question)
    return Answer(refused, reprompt=question, elicits=_choose_value_slot(name))


def _choose_value_slot(name: str) -> str:
    return "instance" if name.endswith("type") else "number"


def elicit(slot: str) -> "ElicitSlotDirective":
    """Return the directive that lets Alexa put the next words into a slot of the same intent.

    https://developer.amazon.com/docs/custom-skills/dialog-interface-reference.html
    """
    # Importing it takes a third of the time of a first reply.
    from ask_sdk_model.dialog import ElicitSlotDirective

    return ElicitSlotDirective(slot_to_elicit=slot)
