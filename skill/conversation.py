"""One turn of a conversation: the intent that handles it, what that intent gets, and the answer that it returns."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from skill.speech import Sentence, can_say

# The slot of every intent about builds: the pipeline that the person named.
PIPELINE = {"pipeline": "Pipeline"}


class Confirmation(NamedTuple):
    """A question that waits for yes or no.

    Parameters
    ----------
    intent
        The name of the intent that asked it.
    values
        What a yes confirms: the token of the planned change, and what later answers name, such as the build's number.
    slots
        The slots with which the question was asked, to ask it again if the change is no longer possible as planned.
    awaits_pin
        True after the yes, while the PIN is still missing.
    pipeline
        The pipeline that the question was about; empty for the default one. A yes changes no other pipeline.
    """

    intent: str
    values: Mapping[str, str | int] = {}
    slots: Mapping[str, str] = {}
    awaits_pin: bool = False
    pipeline: str = ""

    @property
    def number(self) -> int:
        """The number of the build that the question named."""
        return int(self.values["number"])

    @classmethod
    def from_json(cls, kept: object) -> "Confirmation | None":
        """Return the open question of the session; None if there is none."""
        match kept:
            case {
                "intent": str(intent),
                "values": dict(values),
                "slots": dict(slots),
                "awaits_pin": bool(awaits_pin),
                "pipeline": str(name),
            }:
                if all(isinstance(value, str | int) for value in values.values()):
                    return cls(intent, values, _read_texts(slots), awaits_pin, name)
        return None

    def to_json(self) -> dict[str, Any]:
        """Return the question as the session keeps it."""
        return self._asdict() | {"values": dict(self.values), "slots": dict(self.slots)}


class Postponed(NamedTuple):
    """A request that waits for the answer to a question, such as "Which pipeline?".

    Parameters
    ----------
    intent
        The name of its intent.
    slots
        Its other slots.
    """

    intent: str
    slots: Mapping[str, str] = {}

    @classmethod
    def from_json(cls, kept: object) -> "Postponed | None":
        """Return the request that the session kept; None if there is none."""
        match kept:
            case {"intent": str(intent), "slots": dict(slots)}:
                return cls(intent, _read_texts(slots))
        return None


class Api(NamedTuple):
    """Where and as whom the skill calls Amazon's services for the person who speaks.

    Parameters
    ----------
    endpoint, token
        The address of the services, and the person's token.
    locale
        The locale of the request.
    """

    endpoint: str
    token: str
    locale: str


class Turn(NamedTuple):
    """What the person said, and when.

    Parameters
    ----------
    request_id
        Alexa's id of the request. A build's record names it, so that you find the request in the log.
    now
        The time of the answer.
    slots
        The slots of the intent that were filled. If a slot type lists its values, this is the value's id.
    heard
        What the slot "pipeline" may stand for, the most certain first; empty if no pipeline was named.
    pipeline
        The pipeline that the conversation is about; empty for the default one, None if that is not decided.
    identities
        The ids of the account and, if Alexa knows the voice, of the person.
    confidence
        How sure Alexa is of the person: 300 if she recognized the voice, 400 with the profile PIN.
    unclear
        The slots that Alexa heard and did not understand, and the words that she heard; "?" for a number.
    confirmation
        The question that the last turn left open.
    asked_by
        The intent that asked that question.
    postponed
        The request that waits because the last turn asked for the pipeline.
    waits
        The intent of that request.
    is_launched
        True if the person opened the skill to talk, False if they asked one thing.
    said
        The last answer, if the session stayed open after it.
    question
        The short form of the question that the last turn left open.
    api
        For calls of Amazon's services; None if the request has no token for them.
    pressed
        What the button sends that was pressed on a screen; empty for what was said.
    """

    request_id: str
    now: datetime
    slots: Mapping[str, str] = {}
    heard: tuple[str, ...] = ()
    pipeline: str | None = None
    identities: frozenset[str] = frozenset()
    confidence: int = 0
    unclear: Mapping[str, str] = {}
    confirmation: Confirmation | None = None
    asked_by: "Intent | None" = None
    postponed: Postponed | None = None
    waits: "Intent | None" = None
    is_launched: bool = False
    said: Sentence | None = None
    question: Sentence | None = None
    api: Api | None = None
    pressed: tuple[object, ...] = ()

    def remember(self, attributes: object) -> "Turn":
        """Return this turn with the session's attributes; malformed attributes are ignored."""
        kept = attributes if isinstance(attributes, dict) else {}
        said, pipeline = Sentence.from_json(kept.get("said")), kept.get("pipeline")
        question = Sentence.from_json(kept.get("question"))
        return self._replace(
            pipeline=pipeline if isinstance(pipeline, str) else None,
            confirmation=Confirmation.from_json(kept.get("confirmation")),
            postponed=Postponed.from_json(kept.get("postponed")),
            is_launched=kept.get("launched") is True,
            said=said if said and can_say(said) else None,
            question=question if question and can_say(question) else None,
        )

    def read_number(self, slot: str = "number") -> int | None:
        """Return the number in a slot; None if the slot is empty or holds no number."""
        value = self.slots.get(slot, "")
        return int(value) if value.isdecimal() else None


class Card(NamedTuple):
    """What the Alexa app shows beside the spoken sentence."""

    title: Sentence
    text: Sentence


class Picture(NamedTuple):
    """A build's progress for a device with a screen.

    Parameters
    ----------
    title
        Names the build.
    reached
        The index of the phase that the build is in; past the last one after success.
    state
        "running", "succeeded", "withheld" or "failed".
    """

    title: Sentence
    reached: int
    state: str


class Answer(NamedTuple):
    """What the skill says, and what it leaves open.

    Parameters
    ----------
    sentence
        What the skill says; None says nothing. Alexa accepts only None after a session has ended.
    reprompt
        The question that Alexa repeats if the person stays silent. It keeps the session open, so `sentence` must end
        with the question too.
    card
        Details for the Alexa app.
    picture
        Details for a screen.
    confirmation
        What a yes to the question confirms.
    postponed
        The request that goes on when the person has named a pipeline.
    pipeline
        The pipeline that the conversation is about from now on; None leaves it unchanged.
    entities
        What people say for each pipeline of the stack, for Alexa to listen for.
    parameters
        What people say for each hyperparameter of the document, for Alexa to listen for.
    elicits
        The slot of the request that the question asks for; Alexa puts the next words into it.
    request
        The request that the answer continues, if it is an earlier one.
    remember
        What "repeat that" repeats, if that is not the sentence.
    ends
        True if the answer ends the conversation, even one that the person opened to talk.
    launches
        True if the answer opens a conversation that goes on after it.
    permission
        A permission of Alexa's that the skill lacks; the card then asks for it.
    """

    sentence: Sentence | None
    reprompt: Sentence | None = None
    card: Card | None = None
    picture: Picture | None = None
    confirmation: Confirmation | None = None
    postponed: Postponed | None = None
    pipeline: str | None = None
    entities: Mapping[str, list[str]] = {}
    parameters: Mapping[str, list[str]] = {}
    elicits: str | None = None
    request: Postponed | None = None
    remember: Sentence | None = None
    ends: bool = False
    launches: bool = False
    permission: str = ""

    def stay_open(self) -> "Answer":
        """Return the answer with a follow-up question, for a conversation that goes on."""
        if self.reprompt or self.ends or self.sentence is None:
            return self
        return self._replace(sentence=Sentence("follow_up", said=self.sentence), reprompt=Sentence("question"))

    def keep_question(self, turn: Turn) -> "Answer":
        """Return the answer with the open question after it, unless the answer asks another one."""
        if not turn.confirmation or not turn.question or self.confirmation or self.postponed or self.elicits:
            return self
        if self.ends or self.sentence is None:
            return self
        return self._replace(
            sentence=Sentence("question.kept", said=self.sentence, question=turn.question),
            reprompt=turn.question,
            confirmation=turn.confirmation,
            remember=self.remember or self.sentence,
        )

    def attributes(self, turn: Turn) -> dict[str, Any]:
        """Return what the session keeps of this answer for the next turn."""
        if not self.reprompt:
            return {}
        kept: dict[str, Any] = {"launched": True} if turn.is_launched or self.launches else {}
        if said := self.remember or self.sentence:
            kept["said"] = said.to_json()
        if self.confirmation or self.postponed:
            kept["question"] = self.reprompt.to_json()
        if self.confirmation:
            kept["confirmation"] = self.confirmation.to_json()
        if self.postponed:
            kept["postponed"] = self.postponed._asdict() | {"slots": dict(self.postponed.slots)}
        pipeline = turn.pipeline if self.pipeline is None else self.pipeline
        return kept if pipeline is None else kept | {"pipeline": pipeline}


class Intent(NamedTuple):
    """An intent of the interaction model, and how the skill handles it.

    Parameters
    ----------
    name
        As the interaction model names it: StartBuildIntent, AMAZON.HelpIntent.
    handle
        Answers the intent. An intent with `on_yes` only asks here, and changes nothing.
    needs
        What the speaker must be allowed to do. "nothing" is answered without AWS.
    slots
        The slots and their types: Alexa's built-in types, or types in `slot_types.json` or in the languages' "types".
    on_yes
        Does what `handle` asked about.
    on_no
        What a no means; None if it only means that nothing changes.
    asks_pin
        True if the PIN must follow the yes, once a PIN is configured: for every change after which another model may
        be live, now or by later builds.
    settles
        True if the intent answers an open question or cancels it. After any other one, the question stays open.
    """

    name: str
    handle: Callable[[Turn], Answer]
    needs: Literal["nothing", "read", "write"]
    slots: Mapping[str, str] = {}
    on_yes: Callable[[Turn, Confirmation], Answer] | None = None
    on_no: Callable[[Confirmation], Sentence] | None = None
    asks_pin: bool = False
    settles: bool = False


class SpokenError(Exception):
    """An error that the skill reports in a sentence of its own."""

    def __init__(self, sentence: Sentence, card: Card | None = None) -> None:
        super().__init__(sentence.key)
        self.sentence = sentence
        self.card = card


def _read_texts(kept: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): value for name, value in kept.items() if isinstance(value, str)}
