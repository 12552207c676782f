"""The Lambda entry point of the skill: it refuses or answers each request, through ask-sdk-core."""

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from ask_sdk_core.handler_input import HandlerInput
from ask_sdk_core.skill_builder import SkillBuilder
from ask_sdk_core.utils import get_intent_name, get_request_type, is_request_type
from ask_sdk_model import Response
from ask_sdk_model.ui import AskForPermissionsConsentCard, SimpleCard

from sagebuild.log_keys import log_about, logged
from skill.access import refuse_strangers
from skill.bare_answers import build_elicitation, find_elicited
from skill.conversation import PIPELINE, Answer, Intent, SpokenError, Turn
from skill.domain import limit_calls
from skill.elicitation import ask_again, elicit
from skill.entities import build_entities
from skill.envelope import read_confidence, read_turn
from skill.guard import find_refusal
from skill.intents import find_intent
from skill.notices import is_notice
from skill.pictures import draw_answer, has_screen
from skill.pipelines import answer_for_pipeline
from skill.speech import Sentence, speak, write

# How sure Alexa is of the speaker of this request.
_confidence: ContextVar[int] = ContextVar("confidence", default=0)
_ID = re.compile(r"amzn1\.[\w.-]+")

logger = logging.getLogger("sagebuild")
logger.setLevel(logging.INFO)


@logged("Answer Alexa")
def handler(event: Any, context: object) -> dict[str, Any]:
    """Answer one request of Alexa's.

    Parameters
    ----------
    event
        The request envelope.
    context
        The context that Lambda passes.

    Returns
    -------
    dict
        A response envelope, for any event: the skill answers every error with a sentence.
    """
    try:
        if is_notice(event):
            return {"version": "1.0", "response": {}}
        refusal = find_refusal(event, datetime.now(UTC))
        if refusal:
            return _end_with(refusal, event)
        with limit_calls(), _hearing_with(read_confidence(event)):
            answer: dict[str, Any] = _skill(event, context)
            return answer
    except Exception as error:
        # The SDK's messages quote what it could not parse, which may contain ids of people.
        details = _ID.sub("amzn1...", "".join(traceback.format_exception(error)))
        logger.error("the skill answered with an apology: %s", details)
        return _end_with(Sentence("error.unexpected"), event)


@contextmanager
def _hearing_with(confidence: int) -> Iterator[None]:
    """Keep how sure Alexa is of the speaker, which the SDK drops."""
    token = _confidence.set(confidence)
    try:
        yield
    finally:
        _confidence.reset(token)


def _build_skill() -> Callable[[Any, object], dict[str, Any]]:
    builder = SkillBuilder()
    builder.request_handler(lambda given: _find_requested(given) is not None)(_respond)
    skill: Callable[[Any, object], dict[str, Any]] = builder.lambda_handler()
    return skill


def _find_requested(handler_input: HandlerInput) -> Intent | None:
    is_intent = is_request_type("IntentRequest")(handler_input)
    return find_intent(get_intent_name(handler_input) if is_intent else get_request_type(handler_input))


def _respond(handler_input: HandlerInput) -> Response:
    intent = _find_requested(handler_input)
    assert intent, "the skill has found it before"
    turn = _find_intents(read_turn(handler_input.request_envelope, datetime.now(UTC)))
    answer = _answer(intent, turn._replace(confidence=_confidence.get()))
    if not intent.settles:
        answer = answer.keep_question(turn)
    if turn.is_launched:
        answer = answer.stay_open()
    if handler_input.request_envelope.session:
        handler_input.attributes_manager.session_attributes = answer.attributes(turn)
    return _build_response(handler_input, answer)


def _find_intents(turn: Turn) -> Turn:
    """Return the turn with the intent that asked the open question, or whose request waits for a pipeline."""
    if turn.confirmation:
        turn = turn._replace(asked_by=find_intent(turn.confirmation.intent))
    if turn.postponed:
        turn = turn._replace(waits=find_intent(turn.postponed.intent))
    return turn


def _answer(intent: Intent, turn: Turn) -> Answer:
    try:
        refuse_strangers(turn, intent.needs)
        if unclear := ask_again(intent, turn):
            return unclear
        answer = answer_for_pipeline(intent, turn) if intent.slots.keys() >= PIPELINE.keys() else intent.handle(turn)
    except SpokenError as error:
        logger.warning("%s of %s failed: %r", intent.name, turn.request_id, error.__cause__)
        answer = Answer(error.sentence, card=error.card)
    with log_about(answer.pipeline or ""):
        logger.info("%s of %s: %s", intent.name, turn.request_id, answer.sentence and answer.sentence.key)
    return answer


def _build_response(handler_input: HandlerInput, answer: Answer) -> Response:
    builder, locale = handler_input.response_builder, handler_input.request_envelope.request.locale
    if answer.sentence:
        builder.speak(speak(answer.sentence, locale))
    if answer.reprompt:
        builder.ask(speak(answer.reprompt, locale))
    if elicited := find_elicited(answer):
        said = answer.request.slots if answer.elicits and answer.request else {}
        intent = find_intent(elicited.intent)
        builder.add_directive(build_elicitation(elicited, intent.slots if intent else {}, said))
    elif answer.elicits:
        builder.add_directive(elicit(answer.elicits))
    if answer.permission:
        builder.set_card(AskForPermissionsConsentCard(permissions=[answer.permission]))
    elif answer.card:
        builder.set_card(SimpleCard(title=write(answer.card.title, locale), content=write(answer.card.text, locale)))
    if has_screen(handler_input.request_envelope) and (drawn := draw_answer(answer, locale)):
        builder.add_directive(drawn)
    # Alexa forgets the entities with the session, so an answer that closes it has no use for them.
    if (answer.entities or answer.parameters) and answer.reprompt:
        builder.add_directive(build_entities(answer.entities, answer.parameters))
    # If this is unset, some devices keep the session open and listen although the skill asked nothing.
    return builder.set_should_end_session(answer.reprompt is None).response


def _end_with(sentence: Sentence, envelope: Any) -> dict[str, Any]:
    request = envelope.get("request") if isinstance(envelope, dict) else None
    locale = request.get("locale") if isinstance(request, dict) else None
    speech = {"type": "SSML", "ssml": f"<speak>{speak(sentence, locale)}</speak>"}
    return {"version": "1.0", "response": {"outputSpeech": speech, "shouldEndSession": True}}


_skill = _build_skill()
