"""Follows the events of a stack until CloudFormation has created, updated or deleted it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.errors import DeploymentError

_POLL_SECONDS = 5
_FIRST_POLLS = 10  # at a fifth of the time, because the first step takes seconds
_CANCELLED = "Resource creation cancelled"  # an effect of another failure


def wait_until_done(
    cloudformation: Any,
    stack_id: str,
    began: datetime,
    action: str,
    report: Callable[[str], Any],
    sleep: Callable[[float], None],
) -> None:
    """Wait for the end of an operation, and report each resource that is done or has failed.

    Parameters
    ----------
    action
        "create", "update" or "delete".

    Raises
    ------
    DeploymentError
        The operation failed; the message has the reason of the first failed resource.
    """
    seen: set[str] = set()
    failure = ""
    for poll in range(10**9):
        status = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        for event in _list_new_events(cloudformation, stack_id, began, seen):
            state, name = event["ResourceStatus"], event["LogicalResourceId"]
            if event["PhysicalResourceId"] == stack_id or state.endswith("_IN_PROGRESS"):
                continue
            reason = event.get("ResourceStatusReason", "")
            report(f"{state} {name}" + (f": {reason}" if state.endswith("_FAILED") else ""))
            if state.endswith("_FAILED") and not failure and _CANCELLED not in reason:
                failure = f"{name}: {reason}"
        if not status.endswith("_IN_PROGRESS"):
            break
        sleep(_POLL_SECONDS / 5 if poll < _FIRST_POLLS else _POLL_SECONDS)
    if status not in (f"{action.upper()}_COMPLETE",):
        raise DeploymentError(f"The stack is {status}. {failure or 'Its events have the reason'}".rstrip(".") + ".")


def _list_new_events(cloudformation: Any, stack_id: str, began: datetime, seen: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the events since an operation began, the oldest first, each once."""
    found: list[dict[str, Any]] = []
    try:
        for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            new = [one for one in page["StackEvents"] if one["EventId"] not in seen and one["Timestamp"] >= began]
            found += new
            if len(new) < len(page["StackEvents"]):
                break
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":  # the stack is gone
            raise
    seen |= {one["EventId"] for one in found}
    yield from reversed(found)
