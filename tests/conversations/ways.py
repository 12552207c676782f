"""Two ways of changing something: the skill, which asks and hears a yes, and the server for assistants."""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from tests.alexa import Conversation, Envelope, Send, read_speech
from tests.assistants import Assistant

# What the skill says if a question no longer holds, and what the server says.
_CHANGED = {"voice": "Something has changed since I asked.", "assistant": "plan the change again"}
_REQUESTS = {"roll back": "roll_back", "set parameters": "set_parameter"}


class Wish(NamedTuple):
    """A change that the user wants: its action, the build that they name, and new values of parameters."""

    action: str
    number: int | None
    parameters: Mapping[str, Any]


class Reply(NamedTuple):
    """What a way of changing something replies; `refused` is True if it made or planned nothing."""

    text: str
    refused: bool = False

    def has_changed(self, way: str) -> bool:
        """Return True if the reply says that the plan no longer holds."""
        return _CHANGED[way] in self.text


class Way(Protocol):
    """A way of changing something."""

    name: str

    def ask(self, wish: Wish) -> Reply:
        """Ask for a change."""

    def answer(self, answer: str) -> Reply:
        """Answer the question: "yes", "yes again", "yes to the new question" or "no"."""


class Voice:
    """The skill; Alexa may deliver the last yes again.

    Parameters
    ----------
    send
        Sends a request envelope to the skill.
    pipeline
        What people call the pipeline; empty for the default one.
    """

    name = "voice"

    def __init__(self, send: Send, pipeline: str = "") -> None:
        self._send, self._pipeline = send, {"pipeline": pipeline} if pipeline else {}
        self._alexa = Conversation(self._deliver)
        self._last: Envelope = {}

    def _deliver(self, envelope: Envelope) -> Envelope:
        self._last = copy.deepcopy(envelope)
        return self._send(envelope)

    def ask(self, wish: Wish) -> Reply:
        """Say the request; a question that asks for no yes refuses it."""
        request = _REQUESTS.get(wish.action, f"{wish.action}_build")
        said = next((value for value in (wish.number, *wish.parameters.values()) if value is not None), None)
        slots = {} if said is None else {"number": str(said)}
        if wish.action == "set parameters":
            slots["parameter"] = next(iter(wish.parameters))
        text = self._alexa.say(request, **slots, **self._pipeline)
        return Reply(text, "confirmation" not in self._alexa.response.get("sessionAttributes", {}))

    def answer(self, answer: str) -> Reply:
        """Say yes or no, or deliver the last yes again."""
        if answer == "yes again":
            return Reply(read_speech(self._send(copy.deepcopy(self._last))))
        return Reply(self._alexa.say("no" if answer == "no" else "yes"))


class Tools:
    """The server for assistants, called by the SDK's own client; the user's yes is a call of apply_change."""

    name = "assistant"

    def __init__(self, assistant: Assistant, pipeline: str = "") -> None:
        self._assistant, self._pipeline = assistant, pipeline
        self._wish: Wish | None = None
        self._token = ""

    def ask(self, wish: Wish) -> Reply:
        """Plan the change."""
        self._wish = wish
        given = {name: value for name, value in wish._asdict().items() if value}
        reply, result = self._call("plan_change", pipeline=self._pipeline, **given)
        self._token = result.get("token", "")
        return reply._replace(text=result.get("effect", reply.text))

    def answer(self, answer: str) -> Reply:
        """Apply the plan, a new plan of the same change, or none."""
        if answer == "no":
            return Reply("")
        if answer == "yes to the new question" and self._wish:
            self.ask(self._wish)
        reply, result = self._call("apply_change", token=self._token)
        return reply._replace(text=result.get("sentence", reply.text))

    def _call(self, tool: str, **arguments: Any) -> tuple[Reply, dict[str, Any]]:
        text, result = self._assistant.try_call(tool, **arguments)
        return Reply(text, result is None), result or {}
