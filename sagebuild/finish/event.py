"""Finishes the build whose execution has ended, on the event of its status change."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sagebuild.builds.records import BuildRecord, read_build
from sagebuild.deadline import Deadline
from sagebuild.errors import BuildNotFoundError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.log_keys import log_about
from sagebuild.names import name_execution, parse_execution_name
from sagebuild.service import Service

_log = logging.getLogger("sagebuild")


def finish_execution(
    stack: Service,
    detail: Mapping[str, Any],
    invocation: str,
    sleep: Callable[[float], None] = time.sleep,
    deadline: Deadline | None = None,
) -> BuildRecord | None:
    """Finish the build of an execution; do nothing for an execution that a person started by hand.

    Parameters
    ----------
    detail
        The detail of the event, with Step Functions' names.
    invocation, deadline
        See `finish_build`.

    Raises
    ------
    StillRunningError
        See `finish_build`.
    """
    name = detail["name"]
    try:
        pipeline, number = parse_execution_name(name)
        service = stack.for_pipeline(pipeline)
        if name_execution(service, number) != name:  # such as build-012
            raise BuildNotFoundError(f"No build has the execution {name}.")
        read_build(service, number)
    except (ValueError, BuildNotFoundError) as error:
        _log.warning("the execution %s was not started by sagebuild: %s", name, error)
        return None
    with log_about(service.pipeline, number):
        record = finish_build(service, number, _read_ending(detail), sleep, invocation=invocation, deadline=deadline)
        _log.info("%s: build %d %s", service.label, number, record.status)
        return record


def _read_ending(detail: Mapping[str, Any]) -> Ending:
    stopped_at = datetime.fromtimestamp(detail["stopDate"] / 1000, UTC)
    error, cause, output = (detail.get(name) or "" for name in ("error", "cause", "output"))
    return Ending(detail["status"], error, cause, stopped_at, output)
