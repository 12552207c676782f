"""Speaks to the skill as Alexa does: the request envelopes of tests/events/alexa, and the session between them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from py_ask_sdk_test.alexa_test import AlexaTest, response_from_dict
from py_ask_sdk_test.classes import TestItem

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "tests" / "events" / "alexa"
SKILL_ID = "amzn1.ask.skill.5a7c1f0e-6d42-4b8e-9c37-1f2ab3c4d5e6"

# The second is Japanese.
QUESTION_MARKS = ("?", "\uff1f")

# py-ask-sdk-test's own rules of a conversation.
_RULES = AlexaTest(None).validators

Envelope = dict[str, Any]
Send = Callable[[Envelope], Envelope]


def load_request(name: str, now: datetime | None = None) -> Envelope:
    """The request envelope tests/events/alexa/<name>.json, made at this moment."""
    envelope: Envelope = json.loads((EVENTS / f"{name}.json").read_text())
    envelope["request"]["timestamp"] = f"{now or datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return envelope


def read_speech(response: Envelope) -> str:
    """What a person hears, without the markup."""
    return "".join(ElementTree.fromstring(response["response"]["outputSpeech"]["ssml"]).itertext())


def check_response(response: Envelope) -> None:
    """What holds for every response: an open session ends with a question and reprompts, a closed one does neither."""
    assert response["version"] == "1.0"
    body = response["response"]
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


class Conversation:
    """One person's turns, whose session Alexa carries from each answer to the next request.

    Parameters
    ----------
    send
        Hands a request envelope to the skill and returns its response envelope.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._attributes: Envelope | None = None
        self.response: Envelope = {}

    def say(self, name: str, locale: str = "en-US", **slots: str) -> str:
        """Send the request tests/events/alexa/<name>.json with these slots; return what the person hears."""
        envelope = load_request(name)
        envelope["request"]["locale"] = locale
        if slots:
            envelope["request"]["intent"]["slots"] = {
                slot: {"name": slot, "value": value, "confirmationStatus": "NONE"} for slot, value in slots.items()
            }
        envelope["session"] |= {"new": self._attributes is None, "attributes": self._attributes or {}}
        self.response = self._send(envelope)
        check_response(self.response)
        self._attributes = self.response.get("sessionAttributes", {}) if self.is_open else None
        return read_speech(self.response)

    @property
    def is_open(self) -> bool:
        """Whether Alexa listens for an answer."""
        return not self.response["response"]["shouldEndSession"]

    @property
    def card(self) -> str:
        """What the Alexa app shows."""
        card = self.response["response"]["card"]
        return f"{card['title']}\n{card['content']}"
