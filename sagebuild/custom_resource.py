"""Answers CloudFormation's requests to a custom resource, whatever happens: without an answer it waits an hour."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

ANSWER_TIMEOUT = 30  # seconds

_log = logging.getLogger("sagebuild")


def answer_request(event: dict[str, Any], log_stream: str, apply: Callable[[str, dict[str, Any]], None]) -> None:
    """Do what CloudFormation asks and tell it how that went.

    Parameters
    ----------
    event
        The request, as in
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html.
    log_stream
        Where a person finds the details of a failure.
    apply
        Takes the request type ("Create", "Update", "Delete") and the resource's properties.
    """
    try:
        apply(event["RequestType"], event["ResourceProperties"])
        status, reason = "SUCCESS", "Done."
    except Exception as error:  # the stack must hear of every failure
        _log.exception("custom resource failed")
        status, reason = "FAILED", f"{type(error).__name__}: {error} (log stream {log_stream})"
    _put(
        event["ResponseURL"],
        {
            "Status": status,
            "Reason": reason,
            # Constant, so that an update is never taken for a replacement.
            "PhysicalResourceId": event["LogicalResourceId"],
            **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        },
    )


def _put(url: str, answer: dict[str, str]) -> None:
    # The URL is presigned for a request without a content type.
    request = Request(url, data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""})
    with urlopen(request, timeout=ANSWER_TIMEOUT):
        pass
