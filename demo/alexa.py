"""Speaks to the deployed skill as Alexa does: it sends request envelopes to the deployed function."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from demo.local_aws import SKILL_ID, Aws, DemoError


class Conversation:
    """One session with the skill; its attributes go into the next turn."""

    def __init__(self, aws: Aws, function_arn: str) -> None:
        self._lambda = aws.client("lambda")
        self._function_arn = function_arn
        self._session_id = f"amzn1.echo-api.session.{uuid.uuid4()}"
        self._attributes: dict[str, Any] = {}
        self._new = True

    def say(self, intent: str) -> str:
        """Send an intent without slots.

        Returns
        -------
        str
            The speech, without its markup.

        Raises
        ------
        DemoError
            The function raised an error.
        """
        answer = self._lambda.invoke(FunctionName=self._function_arn, Payload=json.dumps(self._envelope(intent)))
        payload = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise DemoError(f"the skill failed: {payload}")
        self._attributes, self._new = payload.get("sessionAttributes") or {}, False
        ssml: str = payload["response"]["outputSpeech"]["ssml"]
        return ssml.removeprefix("<speak>").removesuffix("</speak>")

    def _envelope(self, intent: str) -> dict[str, Any]:
        application, user = {"applicationId": SKILL_ID}, {"userId": "amzn1.ask.account.demo"}
        return {
            "version": "1.0",
            "session": {
                "new": self._new,
                "sessionId": self._session_id,
                "application": application,
                "attributes": self._attributes,
                "user": user,
            },
            "context": {
                "System": {
                    "application": application,
                    "user": user,
                    "device": {"deviceId": "amzn1.ask.device.demo", "supportedInterfaces": {}},
                    "apiEndpoint": "https://api.amazonalexa.com",
                }
            },
            "request": {
                "type": "IntentRequest",
                "requestId": f"amzn1.echo-api.request.{uuid.uuid4()}",
                "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "locale": "en-US",
                "intent": {"name": intent, "confirmationStatus": "NONE", "slots": {}},
            },
        }
