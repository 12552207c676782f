"""Binds the questions of several intents to planned changes, and makes a change after the yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skill.conversation import Confirmation, SpokenError, Turn
from skill.domain import writing
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.changes.apply import Applied
    from sagebuild.changes.plan import PlannedChange

_WAIT_SECONDS = 0.5  # How long a stop waits for AWS to confirm it; Alexa waits for the answer.


class OutdatedError(SpokenError):
    """Something has changed since the question, so the change was not made; the question must be asked again."""


def bind(turn: Turn, intent: str, planned: PlannedChange, number: int = 0) -> Confirmation:
    """Return the open question about a planned change. Its yes makes exactly this change.

    Parameters
    ----------
    intent
        The name of the intent that asks.
    number
        The build that later answers name.
    """
    return Confirmation(intent, {"token": planned.token, "number": number}, turn.slots)


def apply(question: Confirmation, detail: str = "") -> Applied:
    """Make the change that a question was about, once for all deliveries of its yes.

    Parameters
    ----------
    detail
        Identifies the request in the record of a build that is started.

    Raises
    ------
    OutdatedError
        Something that the change depends on has changed.
    SpokenError
        The change failed, or it is unknown whether it was made.
    """
    from sagebuild.changes.apply import ChangedSincePlanError, apply_change

    with writing() as service:
        try:
            token = str(question.values["token"])
            return apply_change(service, token, by="voice", detail=detail, wait_seconds=_WAIT_SECONDS)
        except ChangedSincePlanError as error:
            raise OutdatedError(Sentence("error.other", message=str(error))) from error
