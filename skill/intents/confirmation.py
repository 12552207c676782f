"""Yes, and say that again: what they mean depends on the question that was left open."""

from collections.abc import Callable
from typing import NamedTuple

from skill.conversation import Answer, Confirmation, Turn
from skill.intents import conversation, stop_build


class Confirmable(NamedTuple):
    """What is done only after a yes.

    Parameters
    ----------
    ask
        Says what will happen and asks; asking again looks again, since the build may have ended meanwhile.
    carry_out
        Does it.
    """

    ask: Callable[[Turn], Answer]
    carry_out: Callable[[Confirmation], Answer]


CONFIRMABLE = {"StopBuildIntent": Confirmable(stop_build.ask_to_stop, stop_build.stop)}


def agree(turn: Turn) -> Answer:
    """Yes."""
    if turn.confirmation and turn.confirmation.intent in CONFIRMABLE:
        return CONFIRMABLE[turn.confirmation.intent].carry_out(turn.confirmation)
    return conversation.take_stray_yes(turn)


def repeat(turn: Turn) -> Answer:
    """Say that again; whatever else keeps a session open says what help says."""
    if turn.confirmation and turn.confirmation.intent in CONFIRMABLE:
        return CONFIRMABLE[turn.confirmation.intent].ask(turn)
    return conversation.help_out(turn)
