"""The one door from the skill to the domain.

Its calls bring boto3, which costs several times as much as the rest of a first reply: the domain is imported here,
by the intents that need AWS, and nowhere else in the skill.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from skill.conversation import SpokenError
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.launch import Launched
    from sagebuild.status import BuildStatus
    from sagebuild.stop import Stopped


def start_build(detail: str) -> Launched:
    """Start a build, or have one follow the build that runs.

    Parameters
    ----------
    detail
        What the build's record says of the voice that started it.
    """
    from sagebuild.launch import launch_build
    from sagebuild.records import Trigger
    from sagebuild.service import Service

    with _spoken_errors():
        return launch_build(Service.from_environment(), Trigger("voice", detail))


def stop_build(number: int) -> Stopped | None:
    """Stop a build and its paid job; None if it was no longer running."""
    from sagebuild import stop
    from sagebuild.errors import NoBuildRunningError
    from sagebuild.service import Service

    with _spoken_errors():
        try:
            return stop.stop_build(Service.from_environment(), number)
        except NoBuildRunningError:
            return None


def describe_latest_build() -> BuildStatus | None:
    """How the latest build is doing; None if there has been none."""
    from sagebuild import status
    from sagebuild.errors import NoBuildsError
    from sagebuild.service import Service

    with _spoken_errors():
        try:
            return status.describe_latest_build(Service.from_environment())
        except NoBuildsError:
            return None


@contextmanager
def _spoken_errors() -> Iterator[None]:
    from sagebuild.errors import AwsUnavailableError, SagebuildError

    try:
        yield
    except AwsUnavailableError as error:
        raise SpokenError(Sentence("error.unavailable")) from error
    except SagebuildError as error:
        raise SpokenError(Sentence("error.told", message=str(error))) from error
