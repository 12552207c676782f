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
    """Answer what the skill does not understand; an open question stays open, and is asked again."""
    if turn.confirmation and turn.confirmation.awaits_pin:
        again = Sentence("fallback.pin")
        return Answer(again, reprompt=again, confirmation=turn.confirmation)
    if turn.question and (turn.confirmation or turn.postponed):
        return Answer(
            Sentence("fallback.question", question=turn.question),
            reprompt=turn.question,
            confirmation=turn.confirmation,
            postponed=turn.postponed,
            remember=turn.said,
        )
    return _ask_what_to_do(Sentence("fallback"))


def leave(turn: Turn) -> Answer:
    """End the conversation."""
    return Answer(Sentence("goodbye.declined") if turn.confirmation else Sentence("goodbye"), ends=True)


def leave_running(turn: Turn) -> Answer:
    """End the conversation and nothing else: only a yes to StopBuildIntent's question stops a build."""
    return leave(turn) if turn.confirmation else Answer(Sentence("goodbye.stopped_nothing"), ends=True)


def _ask_what_to_do(sentence: Sentence) -> Answer:
    return Answer(sentence, reprompt=Sentence("question"))


REQUESTS = (Intent("LaunchRequest", welcome, "nothing", settles=True),)
INTENTS = (
    Intent("AMAZON.HelpIntent", explain_commands, "nothing"),
    Intent("AMAZON.FallbackIntent", fall_back, "nothing"),
    Intent("AMAZON.NavigateHomeIntent", leave, "nothing", settles=True),
    Intent("AMAZON.StopIntent", leave_running, "nothing", settles=True),
    Intent("AMAZON.CancelIntent", leave_running, "nothing", settles=True),
)
