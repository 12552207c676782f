"""Asks for builds and rollbacks as every other trigger does, through the launch topic, and says which build it became.

What the launch would refuse where nobody sees it, the person is told before anything is sent.
"""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from sagebuild.builds.lock import StackState, read_state
from sagebuild.builds.records import BuildRecord, read_build
from sagebuild.client.differences import read_leniently, set_path
from sagebuild.errors import BuildRunningError, InputError, NotConfirmedError
from sagebuild.launch.triggers import read_target
from sagebuild.parameters.overrides import check_overrides
from sagebuild.parameters.store import read_document
from sagebuild.plan.rollback import find_target
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service, aws_call

POLL_SECONDS = 0.3
# From topic to queue to function to record: a second or two, and more when Lambda starts cold or has to retry.
LONGEST_SECONDS = 60.0

Clock = Callable[[], float]
Sleep = Callable[[float], None]


def request_build(
    service: Service,
    kind: str,
    overrides: Mapping[str, Any] | None = None,
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
) -> int:
    """Ask for a build.

    Parameters
    ----------
    kind
        "command" or "notebook", for the build's record.
    overrides
        Parameters for this build alone, as `build_overrides` gives them.

    Returns
    -------
    int
        The number of the build that was started; or of the one that will follow the build that runs.

    Raises
    ------
    NotConfirmedError
        The request was sent, and has not shown in time.
    """
    before = read_state(service)
    _publish(service, kind, overrides or {})
    return _wait_for(lambda: find_number(before, read_state(service)), "request for a build", clock, sleep)


def request_rollback(
    service: Service, kind: str, to: str | int, clock: Clock = time.monotonic, sleep: Sleep = time.sleep
) -> int:
    """Ask for a rollback.

    Parameters
    ----------
    kind
        "command" or "notebook", for the record.
    to
        "previous", or the number of a build.

    Returns
    -------
    int
        The number that the rollback has as a build.

    Raises
    ------
    RollbackError, BuildNotFoundError
        It cannot be done; `sagebuild.plan.rollback.find_target` lists why.
    BuildRunningError
        A build runs, or began just before the rollback would have.
    NotConfirmedError
        The request was sent, and has not shown in time.
    """
    before = read_state(service)
    target = preview_rollback(service, to)
    _publish(service, kind, {"rollback": target.number})  # and not "previous": what was looked at is what is done

    def look() -> int | None:
        now = read_state(service)
        return now.last_number if now.last_number > before.last_number else None

    number = _wait_for(look, "request for a rollback", clock, sleep)
    if not read_build(service, number).trigger.rollback:
        raise BuildRunningError(
            f"Build {number} began just before the rollback could, so that nothing was rolled back; stop the build, "
            "or ask again when it has ended."
        )
    return number


def preview_rollback(service: Service, to: str | int) -> BuildRecord:
    """The build that a rollback would go back to, found as its plan will find it.

    Raises
    ------
    RollbackError, BuildNotFoundError
        It cannot be done.
    BuildRunningError
        A build runs, and a rollback does not wait for its end.
    """
    wanted, state = read_target(to), read_state(service)
    if state.running or state.pending:
        raise BuildRunningError(
            f"Build {state.running or state.last_number + 1} is running, and a rollback does not wait for its end; "
            "stop it (sagebuild stop), or ask again when it has ended."
        )
    return find_target(service, wanted, describe_endpoint(service))


def build_overrides(service: Service, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters for one build alone, as the launch topic takes them: each whole, and checked with the document.

    Parameters
    ----------
    changes
        Values by name; a dotted name changes a part of what the document has: ``{"hyperparameters.epochs": 20}``.

    Raises
    ------
    ParameterError
        The build would be wrong with them.
    InputError
        One is no parameter but another command.
    """
    if "rollback" in changes:  # the launch topic would take it for one
        raise InputError("rollback is no parameter; 'sagebuild rollback', or rollback() of the stack, does that.")
    text = read_document(service)
    changed = json.loads(json.dumps(read_leniently(text)))
    for path, value in changes.items():
        set_path(changed, path, value)
    overrides = {name: changed[name] for name in dict.fromkeys(path.partition(".")[0] for path in changes)}
    check_overrides(text, overrides, service.settings.framework)
    return overrides


def find_number(before: StackState, after: StackState) -> int | None:
    """The build in which a request shows: one that began since, or the one that waits and gets the next number."""
    if after.last_number > before.last_number:
        return after.last_number
    waiting = (before.pending.count if before.pending else 0, after.pending.count if after.pending else 0)
    return after.last_number + 1 if waiting[1] > waiting[0] else None


def _publish(service: Service, kind: str, content: Mapping[str, Any]) -> None:
    with aws_call("send the request to the launch topic"):
        service.sns.publish(
            TopicArn=service.settings.launch_topic_arn,
            Subject=name_person(),
            Message=json.dumps(content),
            MessageAttributes={"trigger": {"DataType": "String", "StringValue": kind}},
        )


def _wait_for(look: Callable[[], int | None], request: str, clock: Clock, sleep: Sleep) -> int:
    deadline = clock() + LONGEST_SECONDS
    while clock() < deadline:
        if number := look():
            return number
        sleep(POLL_SECONDS)
    raise NotConfirmedError(
        f"The {request} was sent, and {LONGEST_SECONDS:.0f} s later no build shows it; it is not lost: "
        "'sagebuild doctor' tells whether the launch is stuck."
    )


def name_person() -> str:
    """Who asks, as this machine knows them, in the 100 ASCII characters that SNS takes as a subject."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = ""
    return name.encode("ascii", "replace").decode()[:100].strip() or "somebody"
