"""Opens sagebuild for the intents, and turns its errors into sentences.

sagebuild brings boto3, which takes several times as long to import as the rest of a first reply. So modules of the
skill import sagebuild only within the functions that call AWS.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from skill.conversation import Card, SpokenError
from skill.speech import Quote, Sentence, write
from skill.words import PARAMETERS

if TYPE_CHECKING:
    from sagebuild.errors import RollbackError, SagebuildError
    from sagebuild.service import Service


class UnconfirmedError(SpokenError):
    """AWS did not answer during a change, so that it is unknown whether the change was made."""


# The pipeline of this request; empty for the default one.
_pipeline: ContextVar[str] = ContextVar("pipeline", default="")


@contextmanager
def bound_to(pipeline: str) -> Iterator[None]:
    """Bind the service that `reading` and `writing` give to a pipeline; empty for the default one."""
    token = _pipeline.set(pipeline)
    try:
        yield
    finally:
        _pipeline.reset(token)


def limit_calls() -> AbstractContextManager[None]:
    """Let no AWS call begin after LAST_CALL_SECONDS, so that Alexa gets an answer in time."""
    from sagebuild.service import calling_for
    from sagebuild.settings import Settings

    return calling_for(Settings(os.environ).last_call_seconds)


@contextmanager
def reading() -> Iterator[Service]:
    """Give the pipeline's service for reads; raise its errors as SpokenError."""
    from sagebuild.errors import SagebuildError
    from sagebuild.service import Service

    try:
        yield Service.from_environment().for_pipeline(_pipeline.get())
    except SagebuildError as error:
        raise SpokenError(_describe_error(error), _write_card(error)) from error


@contextmanager
def writing() -> Iterator[Service]:
    """Give the pipeline's service for changes.

    Raises
    ------
    UnconfirmedError
        AWS did not answer; the change may have been made.
    """
    from sagebuild.errors import AwsUnavailableError

    with reading() as service:
        try:
            yield service
        except AwsUnavailableError as error:
            raise UnconfirmedError(Sentence("error.unconfirmed")) from error


def _describe_error(error: SagebuildError) -> Sentence:
    from sagebuild import errors

    match error:
        case errors.AwsUnavailableError():
            return Sentence("error.throttled") if error.throttled else Sentence("error.unavailable")
        case errors.InvalidValueError():
            return Sentence("error.value", message=_quote(error))
        case errors.ParameterError():
            return Sentence("error.parameters")
        case errors.NoBuildRunningError():
            return Sentence("stop.nothing")
        case errors.NoApprovalPendingError():
            return Sentence("approval.none")
        case errors.BuildRunningError():
            return Sentence("rollback.running")
        case errors.RollbackError():
            return _explain_refused_rollback(error)
    return Sentence("error.other", message=_quote(error))


def _explain_refused_rollback(error: RollbackError) -> Sentence:
    from sagebuild import errors

    match error:
        case errors.AlreadyLiveError():
            return Sentence("rollback.already_live")
        case errors.NotGoodBuildError():
            return Sentence("rollback.not_good")
        case errors.ModelGoneError():
            return Sentence("rollback.model_deleted")
    return Sentence("rollback.no_earlier_build")


def _write_card(error: SagebuildError) -> Card | None:
    """Write the whole message about an invalid parameter document, with the places; None for any other error."""
    from sagebuild import errors
    from sagebuild.redaction import redact_secrets

    if not isinstance(error, errors.ParameterError):
        return None
    return Card(Sentence("card.parameters.title"), Sentence("card.note", note=Quote(redact_secrets(str(error)))))


def _quote(error: Exception) -> Quote:
    """Quote the first line with the spoken names of parameters, without secrets and without "did you mean ...?"."""
    from sagebuild.redaction import redact_secrets

    message = str(error).partition("\n")[0].partition("; did you mean")[0].rstrip(".")
    for name, spoken in PARAMETERS.items():
        message = message.replace(name, write(spoken, "en-US"))
    return Quote(redact_secrets(message[:1].upper() + message[1:]) + ".")
