"""Opens the domain to `skill.builds`, and tells its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from skill.conversation import SpokenError
from skill.speech import Quote, Sentence

if TYPE_CHECKING:
    from sagebuild.errors import SagebuildError
    from sagebuild.service import Service


@contextmanager
def reading() -> Iterator[Service]:
    """The stack's service, whose errors are told."""
    from sagebuild.errors import SagebuildError
    from sagebuild.service import Service

    try:
        yield Service.from_environment()
    except SagebuildError as error:
        raise SpokenError(_tell(error)) from error


@contextmanager
def writing() -> Iterator[Service]:
    """The same where something is changed: what AWS has not confirmed may have been done all the same."""
    from sagebuild.errors import AwsUnavailableError

    with reading() as service:
        try:
            yield service
        except AwsUnavailableError as error:
            raise SpokenError(Sentence("error.unsure")) from error


def _tell(error: SagebuildError) -> Sentence:
    from sagebuild import errors

    match error:
        case errors.AwsUnavailableError():
            return Sentence("error.throttled") if error.throttled else Sentence("error.unavailable")
        case errors.InvalidValueError():
            return Sentence("error.value", message=_quote(error))
        case errors.ParameterError():
            return Sentence("error.parameters", message=_quote(error))
        case errors.BuildRunningError():
            return Sentence("rollback.running")
        case errors.AlreadyLiveError():
            return Sentence("rollback.live")
        case errors.NotGoodBuildError():
            return Sentence("rollback.not_good")
        case errors.ModelGoneError():
            return Sentence("rollback.gone")
        case errors.RollbackError():
            return Sentence("rollback.nothing")
    return Sentence("error.told", message=_quote(error))


def _quote(error: Exception) -> Quote:
    """The first line, without what it asks back: nobody listens to the answer."""
    return Quote(str(error).partition("\n")[0].partition("; did you mean")[0].rstrip(".") + ".")
