"""The Lambda entry of the skill: guards the request, lets ask-sdk-core lead it to its intent, and always answers."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ask_sdk_core.handler_input import HandlerInput
from ask_sdk_core.skill_builder import SkillBuilder
from ask_sdk_core.utils import is_intent_name, is_request_type
from ask_sdk_model import Response
from ask_sdk_model.ui import SimpleCard

from skill.conversation import Answer, Confirmation, SpokenError, Turn
from skill.guard import find_refusal
from skill.intents import INTENTS, REQUESTS, Handle
from skill.speech import Sentence, speak, write

logger = logging.getLogger(__name__)
logging.getLogger("skill").setLevel(logging.INFO)


def handler(event: Any, context: object) -> dict[str, Any]:
    """Answer one request of Alexa's.

    Parameters
    ----------
    event
        The request envelope.
    context
        Lambda's.

    Returns
    -------
    dict
        A response envelope, whatever arrived: a person is told something, and never a stack trace.
    """
    try:
        refusal = find_refusal(event, datetime.now(UTC))
        answer: dict[str, Any] = _end_with(refusal, event) if refusal else _skill(event, context)
        return answer
    except Exception:
        logger.exception("the request was answered with an apology")
        return _end_with(Sentence("error.unexpected"), event)


def _build_skill() -> Callable[[Any, object], dict[str, Any]]:
    builder = SkillBuilder()
    for name, handle in REQUESTS.items():
        builder.request_handler(is_request_type(name))(_adapt(name, handle))
    for name, handle in INTENTS.items():
        builder.request_handler(is_intent_name(name))(_adapt(name, handle))
    skill: Callable[[Any, object], dict[str, Any]] = builder.lambda_handler()
    return skill


def _adapt(name: str, handle: Handle) -> Callable[[HandlerInput], Response]:
    def respond(handler_input: HandlerInput) -> Response:
        envelope = handler_input.request_envelope
        attributes = (envelope.session and envelope.session.attributes) or {}
        turn = Turn(envelope.request.request_id, datetime.now(UTC), Confirmation.from_attributes(attributes))
        try:
            answer = handle(turn)
        except SpokenError as error:
            logger.warning("%s of %s met %r", name, turn.request_id, error.__cause__)
            answer = Answer(error.sentence)
        logger.info("%s of %s: %s", name, turn.request_id, answer.sentence.key if answer.sentence else "silence")
        if envelope.session:
            handler_input.attributes_manager.session_attributes = answer.attributes
        return _build_response(handler_input, answer)

    return respond


def _build_response(handler_input: HandlerInput, answer: Answer) -> Response:
    builder, locale = handler_input.response_builder, handler_input.request_envelope.request.locale
    if answer.sentence:
        builder.speak(speak(answer.sentence, locale))
    if answer.reprompt:
        builder.ask(speak(answer.reprompt, locale))
    if answer.card:
        builder.set_card(SimpleCard(title=write(answer.card.title, locale), content=write(answer.card.text, locale)))
    # Left unset, the session of some devices stays open and listens without having asked.
    return builder.set_should_end_session(answer.reprompt is None).response


def _end_with(sentence: Sentence, envelope: Any) -> dict[str, Any]:
    request = envelope.get("request") if isinstance(envelope, dict) else None
    locale = request.get("locale") if isinstance(request, dict) else None
    speech = {"type": "SSML", "ssml": f"<speak>{speak(sentence, locale)}</speak>"}
    return {"version": "1.0", "response": {"outputSpeech": speech, "shouldEndSession": True}}


_skill = _build_skill()
