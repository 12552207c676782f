"""Asks for a build as every other trigger does, through the launch topic, and says which build it became."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable

from sagebuild.errors import NotConfirmedError
from sagebuild.lock import StackState, read_state
from sagebuild.service import Service, aws_call

POLL_SECONDS = 0.3
# From topic to queue to function to record: a second or two, and more when Lambda starts cold or has to retry.
LONGEST_SECONDS = 60.0


def request_build(
    service: Service,
    kind: str,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Ask for a build.

    Parameters
    ----------
    kind
        "command" or "notebook", for the build's record.

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
    with aws_call("ask for a build"):
        service.sns.publish(
            TopicArn=service.setting("LAUNCH_TOPIC_ARN"),
            Message=_name_person(),
            MessageAttributes={"trigger": {"DataType": "String", "StringValue": kind}},
        )
    deadline = clock() + LONGEST_SECONDS
    while clock() < deadline:
        if number := find_number(before, read_state(service)):
            return number
        sleep(POLL_SECONDS)
    raise NotConfirmedError(
        f"The request for a build was sent, and {LONGEST_SECONDS:.0f} s later no build shows it; it is not lost: "
        "'sagebuild doctor' tells whether the launch is stuck."
    )


def find_number(before: StackState, after: StackState) -> int | None:
    """The build in which a request shows: one that began since, or the one that waits and gets the next number."""
    if after.last_number > before.last_number:
        return after.last_number
    waiting = (before.pending.count if before.pending else 0, after.pending.count if after.pending else 0)
    return after.last_number + 1 if waiting[1] > waiting[0] else None


def _name_person() -> str:
    """Who asks, as this machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "somebody"
