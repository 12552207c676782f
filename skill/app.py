"""The Lambda entry of the skill: guards the request, lets ask-sdk-core lead it to its intent, and always answers."""

import logging
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ask_sdk_core.handler_input import HandlerInput
from ask_sdk_core.skill_builder import SkillBuilder
from ask_sdk_core.utils import is_intent_name, is_request_type
from ask_sdk_model import Response
from ask_sdk_model.ui import SimpleCard

from skill.access import refuse_strangers
from skill.builds import answering
from skill.conversation import Answer, Intent, SpokenError, Turn
from skill.envelope import read_turn
from skill.guard import find_refusal
from skill.intents import INTENTS, REQUESTS
from skill.pictures import draw, has_screen
from skill.speech import Sentence, speak, write

_ID = re.compile(r"amzn1\.[\w.-]+")

logger = logging.getLogger("sagebuild")
logger.setLevel(logging.INFO)


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
        if refusal:
            return _end_with(refusal, event)
        with answering():
            answer: dict[str, Any] = _skill(event, context)
            return answer
    except Exception as error:
        # The SDK's messages repeat what they could not read, ids of people among it.
        told = _ID.sub("amzn1...", "".join(traceback.format_exception(error)))
        logger.error("the request was answered with an apology: %s", told)
        return _end_with(Sentence("error.unexpected"), event)


def _build_skill() -> Callable[[Any, object], dict[str, Any]]:
    builder = SkillBuilder()
    for name, handle in REQUESTS.items():
        builder.request_handler(is_request_type(name))(_adapt(name, Intent(handle)))
    for name, intent in INTENTS.items():
        builder.request_handler(is_intent_name(name))(_adapt(name, intent))
    skill: Callable[[Any, object], dict[str, Any]] = builder.lambda_handler()
    return skill


def _adapt(name: str, intent: Intent) -> Callable[[HandlerInput], Response]:
    def respond(handler_input: HandlerInput) -> Response:
        turn = read_turn(handler_input.request_envelope, datetime.now(UTC))
        answer = _answer(name, intent, turn)
        if turn.is_launched:
            answer = answer.stay_open()
        if handler_input.request_envelope.session:
            handler_input.attributes_manager.session_attributes = answer.attributes(turn)
        return _build_response(handler_input, answer)

    return respond


def _answer(name: str, intent: Intent, turn: Turn) -> Answer:
    try:
        refuse_strangers(turn, intent.needs)
        answer = intent.handle(turn)
    except SpokenError as error:
        logger.warning("%s of %s met %r", name, turn.request_id, error.__cause__)
        answer = Answer(error.sentence)
    said = answer.sentence.key if answer.sentence else "silence"
    logger.info("%s of %s: %s", name, turn.request_id, said)
    return answer


def _build_response(handler_input: HandlerInput, answer: Answer) -> Response:
    builder, locale = handler_input.response_builder, handler_input.request_envelope.request.locale
    if answer.sentence:
        builder.speak(speak(answer.sentence, locale))
    if answer.reprompt:
        builder.ask(speak(answer.reprompt, locale))
    if answer.card:
        builder.set_card(SimpleCard(title=write(answer.card.title, locale), content=write(answer.card.text, locale)))
    if answer.picture and has_screen(handler_input.request_envelope):
        builder.add_directive(draw(answer.picture, locale))
    # Left unset, the session of some devices stays open and listens without having asked.
    return builder.set_should_end_session(answer.reprompt is None).response


def _end_with(sentence: Sentence, envelope: Any) -> dict[str, Any]:
    request = envelope.get("request") if isinstance(envelope, dict) else None
    locale = request.get("locale") if isinstance(request, dict) else None
    speech = {"type": "SSML", "ssml": f"<speak>{speak(sentence, locale)}</speak>"}
    return {"version": "1.0", "response": {"outputSpeech": speech, "shouldEndSession": True}}


_skill = _build_skill()
