"""Sends utterances to the deployed Alexa skill without a device, resolved by the skill's interaction model."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sagebuild.client.utterances import LAUNCH, PARAMETER, PIPELINE, Resolved, resolve, resolve_slot
from sagebuild.errors import SagebuildError
from sagebuild.service import Service, aws_call


class SkillUnreachableError(SagebuildError):
    """The stack's skill does not exist, has no skill id, or failed."""


@dataclass(frozen=True)
class Answer:
    """The skill's response.

    Parameters
    ----------
    resolved
        The utterance as it was resolved.
    speech
        What Alexa says, without markup.
    card
        Title and text for the Alexa app; empty if there is none.
    session
        For the next `say` of the same conversation; None when the conversation is over.
    """

    resolved: Resolved
    speech: str
    card: str
    session: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON; ``ends`` is True when the conversation is over."""
        facts = {"resolved": asdict(self.resolved), "speech": self.speech, "card": self.card}
        return {**facts, "ends": self.session is None}


def say(service: Service, utterance: str, locale: str = "en-US", session: dict[str, Any] | None = None) -> Answer:
    """Send an utterance to the stack's skill, on AWS or in local/.

    Parameters
    ----------
    utterance
        "start a build", with or without "Alexa, ask sage build to" before it; the name alone opens the skill.
    session
        The last answer's session, to continue its conversation; default: a new conversation.

    Raises
    ------
    UnknownLocaleError
        The skill does not support the locale.
    SkillUnreachableError
        The stack has no skill, was deployed without a skill id, or its skill failed.
    """
    session = dict(session or {})
    entities, elicited = session.pop("entities", {}), session.pop("elicited", None)
    resolved = _resolve(utterance, locale, entities, elicited)
    function = f"{service.stack_name}-alexaSkill"
    session = session or _begin_session(service.pipeline)
    envelope = _build_envelope(_read_skill_id(service, function), resolved, locale, session)
    with aws_call("invoke the skill"):
        answer = service.functions.invoke(FunctionName=function, Payload=json.dumps(envelope))
        response = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise SkillUnreachableError(f"The function {function} failed: {response.get('errorMessage', response)}")
    return _read_answer(resolved, response, envelope["session"], entities)


# The words of the dynamic entities that the skill has sent, by the name of their slot type, and the id of each.
_Entities = Mapping[str, Mapping[str, str]]


def _resolve(utterance: str, locale: str, entities: _Entities, elicited: dict[str, Any] | None) -> Resolved:
    """Resolve an utterance; after a question for a slot, the slot's value alone is an answer."""
    pipelines, parameters = entities.get(PIPELINE, {}), entities.get(PARAMETER, ())
    if not elicited:
        return resolve(utterance, locale, pipelines, parameters=parameters)
    intent, slot = elicited["intent"], elicited["slot"]
    # A pipeline may have any name, so the samples come first.
    if slot == "pipeline":
        return resolve(utterance, locale, pipelines, (intent, slot), parameters=parameters)
    if value := resolve_slot(utterance, locale, intent, slot, parameters):
        return Resolved(intent, elicited["slots"] | {slot: value})
    return resolve(utterance, locale, pipelines, parameters=parameters)


def _read_skill_id(service: Service, function: str) -> str:
    with aws_call("find the skill"):
        try:
            configuration = service.functions.get_function_configuration(FunctionName=function)
        except service.functions.exceptions.ResourceNotFoundException:
            raise SkillUnreachableError(f"There is no function {function}; deploy the stack first.") from None
    skill_id = configuration.get("Environment", {}).get("Variables", {}).get("SKILL_ID", "")
    if not skill_id:
        raise SkillUnreachableError(
            f"{service.stack_name} was deployed without a skill id, so its skill answers no request; deploy it with "
            '--param="alexaSkillId=amzn1.ask.skill...." (docs/alexa.md).'
        )
    return str(skill_id)


def _build_envelope(skill_id: str, resolved: Resolved, locale: str, session: dict[str, Any]) -> dict[str, Any]:
    application, user = {"applicationId": skill_id}, {"userId": "amzn1.ask.account.COMMANDLINE"}
    request: dict[str, Any] = {
        "type": LAUNCH if resolved.intent == LAUNCH else "IntentRequest",
        "requestId": f"amzn1.echo-api.request.{uuid.uuid4()}",
        "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "locale": locale,
    }
    if resolved.intent != LAUNCH:
        slots: dict[str, Any] = {
            name: {"name": name, "value": value, "confirmationStatus": "NONE"} for name, value in resolved.slots.items()
        }
        if resolved.pipeline:
            slots["pipeline"]["resolutions"] = _build_resolutions(skill_id, resolved.pipeline)
        request["intent"] = {"name": resolved.intent, "confirmationStatus": "NONE", "slots": slots}
    device = {"deviceId": "amzn1.ask.device.COMMANDLINE", "supportedInterfaces": {}}
    return {
        "version": "1.0",
        "session": {"application": application, "user": user} | session,
        "context": {"System": {"application": application, "user": user, "device": device}},
        "request": request,
    }


def _begin_session(pipeline: str) -> dict[str, Any]:
    """Begin a conversation, about a pipeline unless it is the default one."""
    attributes = {"pipeline": pipeline} if pipeline else {}
    return {"new": True, "sessionId": f"amzn1.echo-api.session.{uuid.uuid4()}", "attributes": attributes}


def _build_resolutions(skill_id: str, pipeline: str) -> dict[str, Any]:
    value = {"value": {"name": pipeline, "id": pipeline}}
    matched = {"authority": f"amzn1.er-authority.echo-sdk.{skill_id}.{PIPELINE}", "values": [value]}
    return {"resolutionsPerAuthority": [matched | {"status": {"code": "ER_SUCCESS_MATCH"}}]}


def _read_answer(resolved: Resolved, response: dict[str, Any], sent: dict[str, Any], entities: _Entities) -> Answer:
    body = response["response"]
    entities = _read_entities(body) or entities
    ssml, card = body.get("outputSpeech", {}).get("ssml", ""), body.get("card", {})
    session: dict[str, Any] = {
        "new": False,
        "sessionId": sent["sessionId"],
        "attributes": response.get("sessionAttributes") or {},
    }
    session |= {"entities": entities} if entities else {}
    if elicited := _read_elicited(resolved, body):
        session["elicited"] = elicited
    speech = re.sub(r"<[^>]*>", "", ssml)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        speech = speech.replace(entity, character)
    return Answer(
        resolved,
        speech,
        "\n".join(part for part in (card.get("title", ""), card.get("content", "")) if part),
        None if body.get("shouldEndSession", True) else session,
    )


def _read_elicited(resolved: Resolved, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the slot that the skill asks for, its intent, and the intent's other slots; None if it asks for none."""
    for directive in body.get("directives", ()):
        if directive["type"] == "Dialog.ElicitSlot":
            intent, slots = resolved.intent, resolved.slots
            if other := directive.get("updatedIntent"):
                filled = ((name, slot.get("value")) for name, slot in other["slots"].items())
                intent, slots = other["name"], {name: value for name, value in filled if value}
            return {"intent": intent, "slot": directive["slotToElicit"], "slots": slots}
    return None


def _read_entities(body: dict[str, Any]) -> _Entities:
    """Return the words of the dynamic entities that the skill sends, by slot type, and the id of each."""
    return {
        kind["name"]: {
            word: value["id"]
            for value in kind["values"]
            for word in (value["name"]["value"], *value["name"].get("synonyms", ()))
        }
        for directive in body.get("directives", ())
        if directive["type"] == "Dialog.UpdateDynamicEntities"
        for kind in directive["types"]
    }
