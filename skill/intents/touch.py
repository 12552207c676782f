"""The buttons on a screen: Approve is a yes to the skill's question, and Reject asks whether to reject."""

from skill.conversation import Answer, Confirmation, Intent, Turn
from skill.intents import answer_approval
from skill.intents.confirmation import take_yes
from skill.intents.session import fall_back
from skill.pipelines import answer_about

APPROVE, REJECT = answer_approval.INTENTS


def press(turn: Turn) -> Answer:
    """Do what the button says; the question's token makes the approval once, however often it is pressed or said."""
    match turn.pressed:
        case ("approve", str(token), int() | float() as number, str(pipeline)):
            question = Confirmation(APPROVE.name, {"token": token, "number": int(number)}, pipeline=pipeline)
            return take_yes(turn._replace(confirmation=question, asked_by=APPROVE))
        case ("reject", _, _, str(pipeline)):
            unasked = turn._replace(confirmation=None, question=None, pipeline=pipeline)
            return answer_about(pipeline, lambda name: REJECT.handle(unasked._replace(pipeline=name)))
    return fall_back(turn)


# https://developer.amazon.com/docs/alexa/alexa-presentation-language/apl-interface.html#userevent-request
REQUESTS = (Intent("Alexa.Presentation.APL.UserEvent", press, "write", settles=True),)
INTENTS = ()
