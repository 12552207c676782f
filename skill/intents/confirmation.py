"""Yes, no, a PIN, and say that again: what they mean depends on the question that was left open."""

from collections.abc import Callable, Mapping

from skill.access import ask_for_pin, judge_pin, refuse_strangers
from skill.conversation import Answer, Confirmable, Turn
from skill.intents import conversation
from skill.speech import Sentence


def take_yes(confirmable: Mapping[str, Confirmable]) -> Callable[[Turn], Answer]:
    """What a yes does, given the intents that ask before they do something."""

    def agree(turn: Turn) -> Answer:
        question = turn.confirmation
        if not question or question.intent not in confirmable:
            return conversation.take_stray_yes(turn)
        if question.awaits_pin:
            return conversation.fall_back(turn)
        refuse_strangers(turn, "write")
        wanted = confirmable[question.intent]
        return (ask_for_pin(question) if wanted.asks_pin else None) or wanted.carry_out(turn, question)

    return agree


def take_no(confirmable: Mapping[str, Confirmable]) -> Callable[[Turn], Answer]:
    """What a no does: nothing, and it says so; to "what else?", there is nothing else."""

    def decline(turn: Turn) -> Answer:
        question = turn.confirmation
        if not question:
            return conversation.leave(turn)
        declined = confirmable[question.intent].decline if question.intent in confirmable else None
        return Answer(declined(question) if declined else Sentence("unconfirmed"))

    return decline


def take_pin(confirmable: Mapping[str, Confirmable]) -> Callable[[Turn], Answer]:
    """What four digits do."""

    def judge(turn: Turn) -> Answer:
        question, pin = turn.confirmation, turn.slots.get("pin", "")
        if not question or not question.awaits_pin or question.intent not in confirmable:
            return Answer(Sentence("pin.unasked"), reprompt=Sentence("question"))
        if not pin:
            return conversation.fall_back(turn)
        refuse_strangers(turn, "write")
        return judge_pin(question, pin) or confirmable[question.intent].carry_out(turn, question)

    return judge


def repeat(turn: Turn) -> Answer:
    """Say that again, and leave open what was."""
    if turn.said is None:
        return conversation.help_out(turn)
    return Answer(
        turn.said, reprompt=turn.said if turn.confirmation else Sentence("question"), confirmation=turn.confirmation
    )
