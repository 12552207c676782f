"""The one door from the skill to the domain.

Its calls bring boto3, which costs several times as much as the rest of a first reply: the domain is imported here,
by the intents that need AWS, and nowhere else in the skill.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from skill.conversation import SpokenError
from skill.domain import reading, writing
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.builds.records import BuildRecord
    from sagebuild.builds.status import BuildStatus
    from sagebuild.cost.spent import Cost
    from sagebuild.launch.start import Launched
    from sagebuild.running.stop import Stopped
    from sagebuild.voice.access import Access
    from sagebuild.voice.approval import Waiting
    from sagebuild.voice.comparison import Comparison
    from sagebuild.voice.outlook import Estimate, NextBuild
    from sagebuild.voice.rollback import RollbackPlan
    from sagebuild.voice.spoken_parameters import Change

STOP_WAIT_SECONDS = 0.5
ACCESS_KEPT_SECONDS = 30.0

_access: tuple[float, Access] | None = None


def answering() -> AbstractContextManager[None]:
    """Within it AWS is asked for as long as a person waits, and no longer."""
    from sagebuild.service import calling_for

    return calling_for(float(os.environ.get("LAST_CALL_SECONDS", 2)))


def read_access() -> Access:
    """Who may speak to the skill; a warm function looks anew after half a minute."""
    global _access
    from sagebuild.errors import ParameterError
    from sagebuild.voice import access

    if _access is None or time.monotonic() - _access[0] > ACCESS_KEPT_SECONDS:
        with reading() as service:
            try:
                _access = time.monotonic(), access.read_access(service)
            except ParameterError as error:
                raise SpokenError(Sentence("error.access")) from error
    return _access[1]


def check_pin(given: str) -> int | None:
    """None for the right PIN, else how many attempts are left."""
    from sagebuild.voice import access

    pin = read_access().pin
    with reading() as service:
        return access.check_pin(service, pin, given)


def describe_next_build(said: Mapping[str, str]) -> NextBuild:
    """What a build would do if it were started now, with these parameters for itself alone."""
    from sagebuild.voice import outlook

    with reading() as service:
        return outlook.describe_next_build(service, said)


def start_build(detail: str, said: Mapping[str, str]) -> Launched:
    """Start a build, or have one follow the build that runs.

    Parameters
    ----------
    detail
        What the build's record says of the voice that started it.
    said
        Parameters for this build alone.
    """
    from sagebuild.builds.records import Trigger
    from sagebuild.launch.start import launch_build
    from sagebuild.voice.spoken_parameters import read_overrides

    with writing() as service:
        return launch_build(service, Trigger("voice", detail), read_overrides(said))


def stop_build(number: int) -> Stopped | None:
    """Stop a build and its paid job; None if it was no longer running."""
    from sagebuild.errors import NoBuildRunningError
    from sagebuild.running import stop

    with writing() as service:
        try:
            return stop.stop_build(service, number, wait_seconds=STOP_WAIT_SECONDS)
        except NoBuildRunningError:
            return None


def plan_rollback(number: int | None) -> RollbackPlan | None:
    """What a rollback to a build would change, or one to the last good build; None if there is no such build."""
    from sagebuild.errors import BuildNotFoundError
    from sagebuild.launch.triggers import PREVIOUS
    from sagebuild.voice import rollback

    with reading() as service:
        try:
            return rollback.plan_rollback(service, PREVIOUS if number is None else str(number))
        except BuildNotFoundError:
            return None


def roll_back(number: int, live: str, detail: str) -> Launched | None:
    """Start a rollback that was planned; None if something else is live by now."""
    from sagebuild.builds.records import Trigger
    from sagebuild.voice import rollback

    with writing() as service:
        return rollback.apply_rollback(service, number, live, Trigger("voice", detail))


def find_waiting() -> Waiting | None:
    """The build that waits for a yes or a no; None if none does."""
    from sagebuild.voice import approval

    with reading() as service:
        return approval.describe_waiting(service)


def answer_approval(number: int, *, approved: bool) -> bool:
    """Answer the build that waits; False if it waits no longer, or somebody else has answered otherwise."""
    from sagebuild.errors import NoApprovalPendingError
    from sagebuild.steps import approval

    with writing() as service:
        try:
            approval.answer_approval(service, approved, "voice", number)
        except NoApprovalPendingError:
            return False
        return True


def describe_cost(number: int | None) -> tuple[BuildRecord, Cost] | None:
    """What a build, or the latest one, has cost; None if there is no such build."""
    from sagebuild.builds import records
    from sagebuild.cost import spent
    from sagebuild.errors import BuildNotFoundError

    with reading() as service:
        try:
            found = records.list_builds(service, limit=1) if number is None else [records.read_build(service, number)]
        except BuildNotFoundError:
            return None
        return (found[0], spent.describe_cost(service, found[0])) if found else None


def describe_latest_build() -> BuildStatus | None:
    """How the latest build is doing; None if there has been none."""
    from sagebuild.builds import status
    from sagebuild.errors import NoBuildsError

    with reading() as service:
        try:
            return status.describe_latest_build(service)
        except NoBuildsError:
            return None


def describe_build(number: int) -> BuildStatus | None:
    """How one build is doing; None if there is no such build."""
    from sagebuild.builds import status
    from sagebuild.builds.records import read_build
    from sagebuild.errors import BuildNotFoundError

    with reading() as service:
        try:
            return status.describe_build(service, read_build(service, number))
        except BuildNotFoundError:
            return None


def list_builds() -> list[BuildRecord]:
    """The newest builds, newest first."""
    from sagebuild.builds import records

    with reading() as service:
        return records.list_builds(service)


def estimate_time() -> Estimate | None:
    """How long the running build will take; None if none runs."""
    from sagebuild.voice import outlook

    with reading() as service:
        return outlook.estimate_time(service)


def compare_builds(*, with_live: bool) -> Comparison:
    """The newest build's metrics beside those of the last one, or of the live one."""
    from sagebuild.voice import comparison

    with reading() as service:
        return comparison.compare_builds(service, with_live=with_live)


def read_parameter(name: str) -> str:
    """The value that the next build will have."""
    from sagebuild.voice import spoken_parameters

    with reading() as service:
        return spoken_parameters.read_parameter(service, name)


def propose_change(name: str, value: str) -> Change:
    """What setting a parameter would change."""
    from sagebuild.voice import spoken_parameters

    with reading() as service:
        return spoken_parameters.propose_change(service, name, value)


def apply_change(name: str, old: str, new: str) -> bool:
    """Set a parameter, unless it is no longer what it was."""
    from sagebuild.voice import spoken_parameters

    with writing() as service:
        return spoken_parameters.apply_change(service, spoken_parameters.Change(name, old, new))


def count_listeners() -> tuple[int, str]:
    """How many hear the stack's notifications, and the topic by which one more would."""
    from sagebuild.notifications import notify

    with reading() as service:
        return notify.count_listeners(service), service.setting("RESULTS_TOPIC_ARN")
