"""One turn of a conversation: what an intent is given, and the answer it gives."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from skill.speech import Sentence, can_say


class Confirmation(NamedTuple):
    """A question that waits for yes or no.

    Parameters
    ----------
    intent
        The intent that asked it.
    values
        What a yes is a yes to: the build's number, the parameter's new value.
    awaits_pin
        Whether the yes has come, and the PIN that must follow it has not.
    """

    intent: str
    values: Mapping[str, str | int] = {}
    awaits_pin: bool = False

    @classmethod
    def from_json(cls, kept: object) -> "Confirmation | None":
        """The question that the last turn left in the session, if it left one."""
        match kept:
            case {"intent": str(intent), "values": dict(values), "awaits_pin": bool(awaits_pin)}:
                if all(isinstance(value, str | int) for value in values.values()):
                    return cls(intent, values, awaits_pin)
        return None


class Turn(NamedTuple):
    """What the person said, and when.

    Parameters
    ----------
    request_id
        Alexa's name of the request, by which a build's record leads to the log.
    now
        The moment of the answer.
    slots
        What was said in the intent's slots; of a slot with a list of values, the value's id.
    identities
        The ids of the account and, where Alexa knows the voice, of the person.
    confirmation
        The question that the last turn left open.
    is_launched
        Whether the person has opened the skill to talk, rather than asked one thing.
    said
        The last answer, where the session has stayed open after it.
    """

    request_id: str
    now: datetime
    slots: Mapping[str, str] = {}
    identities: frozenset[str] = frozenset()
    confirmation: Confirmation | None = None
    is_launched: bool = False
    said: Sentence | None = None

    def remember(self, attributes: object) -> "Turn":
        """This turn with what the session remembers; what is not as an answer has left it counts for nothing."""
        kept = attributes if isinstance(attributes, dict) else {}
        said = Sentence.from_json(kept.get("said"))
        return self._replace(
            confirmation=Confirmation.from_json(kept.get("confirmation")),
            is_launched=kept.get("launched") is True,
            said=said if said and can_say(said) else None,
        )


class Card(NamedTuple):
    """What the Alexa app shows beside the spoken sentence."""

    title: Sentence
    text: Sentence


class Picture(NamedTuple):
    """A build's progress for a device with a screen.

    Parameters
    ----------
    title
        Which build.
    reached
        The place of the phase that the build is in; past the last one after success.
    state
        "running", "succeeded", "withheld" or "failed".
    """

    title: Sentence
    reached: int
    state: str


class Answer(NamedTuple):
    """What is said, and what is left open.

    Parameters
    ----------
    sentence
        What is said; None says nothing, which is all that Alexa accepts once a session has ended.
    reprompt
        The question again, for a person who stays silent. It keeps the session open, so `sentence` must ask it too.
    card
        Details for the Alexa app.
    picture
        The same for a screen.
    confirmation
        What a yes to the question would confirm.
    ends
        Whether the conversation is over, even one that the person has opened to talk.
    launches
        Whether it begins one.
    """

    sentence: Sentence | None
    reprompt: Sentence | None = None
    card: Card | None = None
    picture: Picture | None = None
    confirmation: Confirmation | None = None
    ends: bool = False
    launches: bool = False

    def stay_open(self) -> "Answer":
        """The answer in a conversation that goes on: it asks what else there is."""
        if self.reprompt or self.ends or self.sentence is None:
            return self
        return self._replace(sentence=Sentence("and.more", said=self.sentence), reprompt=Sentence("question"))

    def attributes(self, turn: Turn) -> dict[str, Any]:
        """What the session remembers: this answer's question alone, so that a later yes means no earlier one."""
        if not self.reprompt:
            return {}
        kept: dict[str, Any] = {"launched": True} if turn.is_launched or self.launches else {}
        if self.sentence:
            kept["said"] = self.sentence.to_json()
        if self.confirmation:
            kept["confirmation"] = self.confirmation._asdict() | {"values": dict(self.confirmation.values)}
        return kept


Handle = Callable[[Turn], Answer]


class Intent(NamedTuple):
    """What an intent does, and what the speaker must be allowed for it; "nothing" is answered without AWS."""

    handle: Handle
    needs: Literal["nothing", "read", "write"] = "nothing"


class Confirmable(NamedTuple):
    """What is done only after a yes.

    Parameters
    ----------
    carry_out
        Does what was asked about.
    asks_pin
        Whether the yes must be followed by the PIN, if there is one.
    decline
        What a no means, where that is more than that nothing is changed.
    """

    carry_out: Callable[[Turn, Confirmation], Answer]
    asks_pin: bool = False
    decline: Callable[[Confirmation], Sentence] | None = None


class SpokenError(Exception):
    """Something went wrong that has a sentence of its own."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence.key)
        self.sentence = sentence
