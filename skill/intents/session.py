"""Welcome, help, goodbye and the fallback: they belong to any conversation and read no build."""

from skill.conversation import Answer, Intent, Turn
from skill.speech import Sentence


def welcome(_turn: Turn) -> Answer:
    """Open a conversation."""
    return Answer(Sentence("welcome"), reprompt=Sentence("question"), launches=True)


def explain_commands(_turn: Turn) -> Answer:
    """Say what a person can ask for."""
    return _ask_what_to_do(Sentence("help"))


def take_unexpected_yes(_turn: Turn) -> Answer:
    """Answer a yes that confirms nothing, such as one to the welcome."""
    return _ask_what_to_do(Sentence("yes.unexpected"))


def fall_back(turn: Turn) -> Answer:
    """Answer what the skill does not understand; an open question stays open."""
    if turn.confirmation:
        again = Sentence("fallback.pin") if turn.confirmation.awaits_pin else Sentence("fallback.confirmation")
        return Answer(again, reprompt=again, confirmation=turn.confirmation)
    return _ask_what_to_do(Sentence("fallback"))


def leave(turn: Turn) -> Answer:
    """End the conversation and nothing else: only a yes to StopBuildIntent's question stops a build."""
    return Answer(Sentence("goodbye.declined") if turn.confirmation else Sentence("goodbye"), ends=True)


def say_nothing(_turn: Turn) -> Answer:
    """Answer the end of a session, after which Alexa plays nothing."""
    return Answer(None)


def _ask_what_to_do(sentence: Sentence) -> Answer:
    return Answer(sentence, reprompt=Sentence("question"))


REQUESTS = (
    Intent("LaunchRequest", welcome, "nothing"),
    Intent("SessionEndedRequest", say_nothing, "nothing"),
)
INTENTS = (
    Intent("AMAZON.HelpIntent", explain_commands, "nothing"),
    Intent("AMAZON.FallbackIntent", fall_back, "nothing"),
    Intent("AMAZON.NavigateHomeIntent", leave, "nothing"),
    Intent("AMAZON.StopIntent", leave, "nothing"),
    Intent("AMAZON.CancelIntent", leave, "nothing"),
)
