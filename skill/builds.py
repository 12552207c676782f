"""The one door from the skill to the domain.

Importing the domain brings boto3, which costs four times as much as the rest of a first reply: it happens here, in the
intents that need AWS, and nowhere else in the skill.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from skill.conversation import SpokenError
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.launch import Launched
    from sagebuild.service import Service
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

    with _spoken_errors():
        return launch_build(_open_service(), Trigger("voice", detail))


def stop_build(number: int) -> Stopped | None:
    """Stop a build and its paid job; None if it was no longer running."""
    from sagebuild import stop
    from sagebuild.errors import NoBuildRunningError

    with _spoken_errors():
        try:
            return stop.stop_build(_open_service(), number)
        except NoBuildRunningError:
            return None


def describe_latest_build() -> BuildStatus | None:
    """How the latest build is doing; None if there has been none."""
    from sagebuild import status
    from sagebuild.errors import NoBuildsError

    with _spoken_errors():
        try:
            return status.describe_latest_build(_open_service())
        except NoBuildsError:
            return None


@cache
def _open_service() -> Service:
    from sagebuild.service import Service

    return Service.from_environment()


@contextmanager
def _spoken_errors() -> Iterator[None]:
    from sagebuild.errors import AwsUnavailableError, SagebuildError

    try:
        yield
    except AwsUnavailableError as error:
        raise SpokenError(Sentence("error.unavailable")) from error
    except SagebuildError as error:
        raise SpokenError(Sentence("error.told", message=str(error))) from error
