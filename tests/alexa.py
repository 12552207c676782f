"""Speaks to the skill as Alexa does: in the recorded envelopes of tests/events/alexa, with a session between turns."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from py_ask_sdk_test.alexa_test import AlexaTest, response_from_dict
from py_ask_sdk_test.classes import TestItem

from skill.intents import INTENTS

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "tests" / "events" / "alexa"
SKILL_ID = "amzn1.ask.skill.5a7c1f0e-6d42-4b8e-9c37-1f2ab3c4d5e6"

# Slots that requests have if a test names none.
SLOTS = {
    "ApproveBuildIntent": {"number": "12"},
    "CompareBuildsIntent": {"other": "live"},
    "DescribeBuildIntent": {"number": "12"},
    "EstimateCostIntent": {"number": "12"},
    "GivePinIntent": {"pin": "4711"},
    "ListBuildsIntent": {"count": "3", "outcome": "failed"},
    "ReadParameterIntent": {"parameter": "trainvolumesize"},
    "PromoteBuildIntent": {"number": "12", "stage": "prod"},
    "RejectBuildIntent": {"number": "12"},
    "RollBackIntent": {"number": "11"},
    "SetParameterIntent": {"parameter": "trainvolumesize", "number": "20"},
}

# The second is Japanese.
QUESTION_MARKS = ("?", "\uff1f")

# py-ask-sdk-test's own rules of a conversation.
_RULES = AlexaTest(None).validators

Envelope = dict[str, Any]
Send = Callable[[Envelope], Envelope]


def name_request(intent: str) -> str:
    """Return the name of an intent's request: start_build for StartBuildIntent, yes for AMAZON.YesIntent."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", intent.removeprefix("AMAZON.").removesuffix("Intent")).lower()


REQUESTS = sorted(["launch", "session_ended", "touch", *map(name_request, INTENTS)])


def load_request(name: str, now: datetime | None = None) -> Envelope:
    """Return the request envelope of this name, made at this moment."""
    intent = next((intent for intent in INTENTS if name_request(intent) == name), None)
    envelope: Envelope = json.loads((EVENTS / f"{'intent' if intent else name}.json").read_text())
    envelope["request"]["timestamp"] = f"{now or datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if intent:
        envelope["request"]["requestId"] = f"amzn1.echo-api.request.{uuid.uuid5(uuid.NAMESPACE_DNS, intent)}"
        envelope["request"]["intent"]["name"] = intent
        fill_slots(envelope, SLOTS.get(intent, {}))
    return envelope


def fill_slots(envelope: Envelope, slots: dict[str, str], entities: Mapping[str, str] | None = None) -> None:
    """Fill an intent's slots as Alexa does; a slot whose type lists its values also gets a resolution.

    Parameters
    ----------
    entities
        The dynamic entities of the slot type Pipeline: the id of each word.
    """
    intent = envelope["request"]["intent"]
    kinds = INTENTS[intent["name"]].slots
    intent["slots"] = {name: {"name": name, "confirmationStatus": "NONE"} for name in kinds}
    for name, value in slots.items():
        intent["slots"][name] |= {"value": value, "source": "USER"}
        if kinds[name] in _load_slot_types():
            intent["slots"][name] |= _resolve(kinds[name], value)
        if kinds[name] == "Pipeline":
            # People say other words than the id, so the value stays what was said.
            intent["slots"][name]["value"] = value
            if found := (entities or {}).get(value):
                authority = {
                    "authority": f"amzn1.er-authority.echo-sdk.dynamic.{SKILL_ID}.Pipeline",
                    "status": {"code": "ER_SUCCESS_MATCH"},
                    "values": [{"value": {"name": value, "id": found}}],
                }
                intent["slots"][name]["resolutions"]["resolutionsPerAuthority"].append(authority)


def _resolve(kind: str, value: str) -> Envelope:
    """Return a slot's value and resolution for a value's id, or for a word that is none of the values."""
    word = _load_slot_types()[kind].get(value)
    authority: Envelope = {"authority": f"amzn1.er-authority.echo-sdk.{SKILL_ID}.{kind}"}
    if word is None:
        authority["status"] = {"code": "ER_SUCCESS_NO_MATCH"}
    else:
        authority |= {"status": {"code": "ER_SUCCESS_MATCH"}, "values": [{"value": {"name": word, "id": value}}]}
    return {"value": word or value, "resolutions": {"resolutionsPerAuthority": [authority]}}


@cache
def _load_slot_types() -> dict[str, dict[str, str]]:
    """Load each slot type of the English model: the id of each value, and the word for it."""
    model = json.loads((ROOT / "interactionModels" / "custom" / "en.json").read_text(encoding="utf-8"))
    types = model["interactionModel"]["languageModel"]["types"]
    return {kind["name"]: {value["id"]: value["name"]["value"] for value in kind["values"]} for kind in types}


def read_speech(response: Envelope) -> str:
    """Return what a person hears, without the markup."""
    return "".join(ElementTree.fromstring(response["response"]["outputSpeech"]["ssml"]).itertext())


def check_response(response: Envelope) -> None:
    """Check that an open session ends with a question and a reprompt, and a closed session with neither.

    The response to a notice of Alexa's is empty.
    """
    assert response["version"] == "1.0"
    body = response["response"]
    if not body:
        return
    reprompt = body.get("reprompt", {}).get("outputSpeech", {}).get("ssml", "")
    if body["shouldEndSession"] is False:
        assert read_speech(response).endswith(QUESTION_MARKS)
        assert "".join(ElementTree.fromstring(reprompt).itertext()).endswith(QUESTION_MARKS)
    else:
        assert body["shouldEndSession"] is True
        assert not reprompt
        assert "outputSpeech" not in body or not read_speech(response).endswith(QUESTION_MARKS)
    json.dumps(response)
    for rule in _RULES:
        rule.validate(TestItem(None), response_from_dict(response))


def _check_elicitation(envelope: Envelope, response: Envelope) -> None:
    """Check that a question asks for at most one slot, and that its intent has this slot."""
    asked = [one for one in response["response"].get("directives", ()) if one["type"] == "Dialog.ElicitSlot"]
    assert len(asked) <= 1
    for one in asked:
        intent = one.get("updatedIntent") or envelope["request"]["intent"]
        assert one["slotToElicit"] in INTENTS[intent["name"]].slots


class Conversation:
    """One person's turns; the session of each answer goes into the next request.

    Parameters
    ----------
    send
        Sends a request envelope to the skill and returns its response envelope.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._attributes: Envelope | None = None
        self.entities: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.response: Envelope = {}

    def say(self, name: str, locale: str = "en-US", **slots: str) -> str:
        """Send the request of this name with these slots; return what the person hears."""
        envelope = load_request(name)
        envelope["request"]["locale"] = locale
        if slots:
            fill_slots(envelope, slots, self.entities)
        envelope["session"] |= {"new": self._attributes is None, "attributes": self._attributes or {}}
        self.response = self._send(envelope)
        check_response(self.response)
        _check_elicitation(envelope, self.response)
        self._attributes = self.response.get("sessionAttributes", {}) if self.is_open else None
        self._keep_entities()
        return read_speech(self.response)

    def _keep_entities(self) -> None:
        for directive in self.response["response"].get("directives", []):
            if directive["type"] == "Dialog.UpdateDynamicEntities":
                assert directive["updateBehavior"] == "REPLACE"
                found = {kind["name"]: kind["values"] for kind in directive["types"]}
                assert found.keys() <= {"Pipeline", "BuildParameter"}
                self.entities, self.parameters = (
                    {
                        word: value["id"]
                        for value in found.get(kind, [])
                        for word in (value["name"]["value"], *value["name"]["synonyms"])
                    }
                    for kind in ("Pipeline", "BuildParameter")
                )

    @property
    def is_open(self) -> bool:
        """Return True if Alexa listens for an answer."""
        return not self.response["response"]["shouldEndSession"]

    @property
    def card(self) -> str:
        """Return what the Alexa app shows."""
        card = self.response["response"]["card"]
        return f"{card['title']}\n{card['content']}"
