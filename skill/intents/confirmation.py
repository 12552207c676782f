"""Yes, no, the PIN and "repeat that": their meaning depends on the question that the last turn left open."""

from skill.access import ask_for_pin, refuse_pin, refuse_strangers
from skill.changes import OutdatedError
from skill.conversation import Answer, Confirmation, Intent, Postponed, Turn
from skill.domain import UnconfirmedError
from skill.intents.session import explain_commands, fall_back, leave, take_unexpected_yes
from skill.pipelines import answer_about
from skill.speech import Sentence


def take_yes(turn: Turn) -> Answer:
    """Do what the open question asked about, or ask for the PIN first."""
    question, asked_by = turn.confirmation, turn.asked_by
    if not question or not asked_by or not asked_by.on_yes:
        return take_unexpected_yes(turn)
    if question.awaits_pin:
        return fall_back(turn)
    refuse_strangers(turn, asked_by.needs)
    return ask_for_pin(question, asked_by) or _do(turn, question, asked_by)


def take_no(turn: Turn) -> Answer:
    """Say that nothing changes; a no to "What else?" ends the conversation."""
    if not turn.confirmation:
        return leave(turn)
    question, on_no = turn.confirmation, turn.asked_by and turn.asked_by.on_no
    if not on_no:
        return Answer(Sentence("declined"))
    return answer_about(question.pipeline, lambda _: Answer(on_no(question)))


def take_pin(turn: Turn) -> Answer:
    """Do what the open question asked about if the PIN is right."""
    question, asked_by, pin = turn.confirmation, turn.asked_by, turn.slots.get("pin", "")
    if not question or not question.awaits_pin or not asked_by or not asked_by.on_yes:
        if question:
            return fall_back(turn)
        return Answer(Sentence("pin.unexpected"), reprompt=Sentence("question"))
    if not pin:
        return fall_back(turn)
    refuse_strangers(turn, "write")
    return refuse_pin(question, pin) or _do(turn, question, asked_by)


def repeat(turn: Turn) -> Answer:
    """Repeat the last answer; an open question stays open."""
    if turn.said is None:
        return explain_commands(turn)
    reprompt = turn.question or Sentence("question")
    return Answer(turn.said, reprompt=reprompt, confirmation=turn.confirmation, postponed=turn.postponed)


INTENTS = (
    Intent("GivePinIntent", take_pin, "nothing", slots={"pin": "AMAZON.FOUR_DIGIT_NUMBER"}, settles=True),
    Intent("AMAZON.YesIntent", take_yes, "nothing", settles=True),
    Intent("AMAZON.NoIntent", take_no, "nothing", settles=True),
    Intent("AMAZON.RepeatIntent", repeat, "nothing"),
)


def _do(turn: Turn, question: Confirmation, asked_by: Intent) -> Answer:
    """Do what the question asked about, for the pipeline that it named."""

    def respond(pipeline: str) -> Answer:
        return _carry_out(turn._replace(pipeline=pipeline), question, asked_by)

    return answer_about(question.pipeline, respond)


def _carry_out(turn: Turn, question: Confirmation, asked_by: Intent) -> Answer:
    """Do it; ask again if something has changed since the question, or if AWS did not confirm it."""
    assert asked_by.on_yes, "the caller has checked it"
    try:
        return asked_by.on_yes(turn, question)
    except OutdatedError:
        again = asked_by.handle(turn._replace(slots=question.slots, confirmation=None))
        if not again.confirmation or not again.sentence:
            return again._replace(request=Postponed(question.intent, question.slots))
        return again._replace(sentence=Sentence("changed.question", question=again.sentence))
    except UnconfirmedError as error:
        # The same question: a second yes confirms the first one's change, and makes no other.
        return Answer(error.sentence, reprompt=error.sentence, confirmation=question._replace(awaits_pin=False))
