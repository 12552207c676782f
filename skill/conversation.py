"""One turn of a conversation: what an intent is given, and the answer it gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from skill.speech import Sentence


@dataclass(frozen=True)
class Confirmation:
    """A question that waits for yes or no.

    Parameters
    ----------
    intent
        The intent that asked it.
    number
        The build it is about.
    """

    intent: str
    number: int

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> "Confirmation | None":
        """The question that the last turn left in the session, if it left one."""
        match attributes.get("confirmation"):
            case {"intent": str(intent), "number": int(number)}:
                return cls(intent, number)
        return None


@dataclass(frozen=True)
class Turn:
    """What the person said, and when.

    Parameters
    ----------
    request_id
        Alexa's name of the request, by which a build's record leads to the log.
    now
        The moment of the answer.
    confirmation
        The question that the last turn left open.
    """

    request_id: str
    now: datetime
    confirmation: Confirmation | None = None


@dataclass(frozen=True)
class Card:
    """What the Alexa app shows beside the spoken sentence."""

    title: Sentence
    text: Sentence


@dataclass(frozen=True)
class Answer:
    """What is said, and what is left open.

    Parameters
    ----------
    sentence
        What is said; None says nothing, which is all that Alexa accepts once a session has ended.
    reprompt
        The question again, for a person who stays silent. It keeps the session open, so `sentence` must ask it too.
    card
        Details for the Alexa app.
    confirmation
        What a yes to the question would confirm.
    """

    sentence: Sentence | None
    reprompt: Sentence | None = None
    card: Card | None = None
    confirmation: Confirmation | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """What the session remembers: this answer's question alone, so that a later yes means no earlier one."""
        return {"confirmation": vars(self.confirmation)} if self.confirmation else {}


class SpokenError(Exception):
    """Something went wrong that has a sentence of its own."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence.key)
        self.sentence = sentence
