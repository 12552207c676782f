"""What belongs to any conversation and touches no build: welcome, help, goodbye, and what was not understood."""

from skill.conversation import Answer, Turn
from skill.speech import Sentence


def welcome(_turn: Turn) -> Answer:
    """Open a conversation."""
    return Answer(Sentence("welcome"), reprompt=Sentence("question"), launches=True)


def help_out(_turn: Turn) -> Answer:
    """Say what can be said."""
    return _ask_what_to_do(Sentence("help"))


def take_stray_yes(_turn: Turn) -> Answer:
    """A yes that answers no confirmation, such as one to the welcome."""
    return _ask_what_to_do(Sentence("yes.unasked"))


def fall_back(turn: Turn) -> Answer:
    """Something that the skill does not understand; an open confirmation stays open."""
    if turn.confirmation:
        again = Sentence("fallback.pin") if turn.confirmation.awaits_pin else Sentence("fallback.confirmation")
        return Answer(again, reprompt=again, confirmation=turn.confirmation)
    return _ask_what_to_do(Sentence("fallback"))


def leave(turn: Turn) -> Answer:
    """End the conversation and nothing else: a build is stopped by a yes to the question alone."""
    return Answer(Sentence("goodbye.unconfirmed") if turn.confirmation else Sentence("goodbye"), ends=True)


def fall_silent(_turn: Turn) -> Answer:
    """The session has ended already; Alexa plays nothing any more."""
    return Answer(None)


def _ask_what_to_do(sentence: Sentence) -> Answer:
    return Answer(sentence, reprompt=Sentence("question"))
