"""Asks Alexa to listen for one slot, so that a bare answer such as "4711" or "fraud" fills it.

No sample consists of such a slot alone: outside a question it would also match words that mean nothing to the skill.
https://developer.amazon.com/en-US/docs/alexa/custom-skills/dialog-interface-reference.html
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from skill.conversation import Answer

if TYPE_CHECKING:
    from ask_sdk_model.dialog import ElicitSlotDirective


class Elicited(NamedTuple):
    """The slot that answers a question, and the intent that gets it."""

    intent: str
    slot: str


PIN = Elicited("GivePinIntent", "pin")
CHOSEN_PIPELINE = Elicited("ChoosePipelineIntent", "pipeline")
NAMED_PARAMETER = Elicited("ReadParameterIntent", "parameter")
ELICITED = (PIN, CHOSEN_PIPELINE, NAMED_PARAMETER)


def find_elicited(answer: Answer) -> Elicited | None:
    """Return the slot that the answer's question asks for, if another intent than that of the turn gets it."""
    if answer.elicits:
        return Elicited(answer.request.intent, answer.elicits) if answer.request else None
    if answer.confirmation and answer.confirmation.awaits_pin:
        return PIN
    return CHOSEN_PIPELINE if answer.postponed else None


def build_elicitation(elicited: Elicited, slots: Mapping[str, str], values: Mapping[str, str]) -> "ElicitSlotDirective":
    """Return the directive that makes Alexa listen for the slot.

    Parameters
    ----------
    slots
        The slots of the intent.
    values
        The values of those that were said before.
    """
    # Importing them takes a tenth of the time of a first reply.
    from ask_sdk_model import Intent, IntentConfirmationStatus, Slot, SlotConfirmationStatus
    from ask_sdk_model.dialog import ElicitSlotDirective

    filled = {
        name: Slot(name=name, value=values.get(name), confirmation_status=SlotConfirmationStatus.NONE) for name in slots
    }
    intent = Intent(name=elicited.intent, confirmation_status=IntentConfirmationStatus.NONE, slots=filled)
    return ElicitSlotDirective(updated_intent=intent, slot_to_elicit=elicited.slot)
