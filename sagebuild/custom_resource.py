"""Answers CloudFormation's requests to a custom resource, also after an error: without an answer, it waits an hour."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

from sagebuild.errors import StillRunningError

ANSWER_TIMEOUT_SECONDS = 30
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html:
# CloudFormation waits 3600 seconds for the answer. Four invocations of 900 seconds fit into them.
MAX_CONTINUATIONS = 3
# The answer may have 4096 bytes; its other members need less than 2000:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
_LONGEST_REASON = 2000

_log = logging.getLogger("sagebuild")
_COUNT = "Continuations"


def answer_request(
    event: dict[str, Any],
    log_stream: str,
    apply: Callable[[str, dict[str, Any]], None],
    invoke_again: Callable[[dict[str, Any]], object] | None = None,
) -> None:
    """Handle a request of CloudFormation and answer it with success or failure.

    Parameters
    ----------
    event
        The request, as in
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html.
    log_stream
        Named in the answer to a failed request.
    apply
        Takes the request type ("Create", "Update", "Delete") and the resource's properties.
    invoke_again
        Invokes the function with an event. If `apply` raises StillRunningError, the next invocation continues the
        work and answers; at most three times.
    """
    try:
        try:
            apply(event["RequestType"], event["ResourceProperties"])
        except StillRunningError as error:
            count = event.get(_COUNT, 0)
            if invoke_again is None or count >= MAX_CONTINUATIONS:
                raise
            _log.warning("the next invocation continues: %s", error)
            invoke_again(event | {_COUNT: count + 1})
            return
        status, reason = "SUCCESS", "Done."
    except Exception as error:  # CloudFormation must receive an answer to every failure
        _log.exception("custom resource failed")
        status, reason = "FAILED", f"{_shorten(f'{type(error).__name__}: {error}')} (log stream {log_stream})"
    _put(
        event["ResponseURL"],
        {
            "Status": status,
            "Reason": reason,
            # Constant: CloudFormation takes a new id for a replacement.
            "PhysicalResourceId": event["LogicalResourceId"],
            **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        },
    )


def _shorten(reason: str) -> str:
    """Return a reason with which the answer is small enough."""
    shortened = reason
    while len(json.dumps(shortened)) > _LONGEST_REASON:
        shortened = shortened[: len(shortened) * 3 // 4]
    return shortened if shortened == reason else f"{shortened}..."


def _put(url: str, answer: dict[str, str]) -> None:
    # The URL is presigned for a request without a content type.
    request = Request(url, data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""})
    with urlopen(request, timeout=ANSWER_TIMEOUT_SECONDS):  # the address is CloudFormation's  # nosec B310
        pass
