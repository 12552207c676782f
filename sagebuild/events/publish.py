"""Publishes the changes of builds' states on the account's default bus."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.errors import AwsUnavailableError
from sagebuild.events.change import DETAIL_TYPE, SOURCE, write_detail
from sagebuild.events.states import Change, read_change
from sagebuild.log_keys import log_about
from sagebuild.service import Service, aws_call

_log = logging.getLogger("sagebuild")


def publish_changes(stack: Service, entries: Sequence[Mapping[str, Any]]) -> str:
    """Publish an event for each change of a build's state in a batch of the stream.

    Each event is a call of its own, in the order of the stream: so Lambda repeats no event that was published.

    Parameters
    ----------
    entries
        The records of the stream's event, oldest first.

    Returns
    -------
    str
        The sequence number of the first entry that could not be published, from which Lambda continues; empty when all
        were published.
    """
    for entry in entries:
        change = read_change(entry)
        if change is None:
            continue
        service = stack.for_pipeline(change.pipeline)
        with log_about(change.pipeline, change.record.number):
            try:
                _publish(service, change)
            except (AwsUnavailableError, ClientError) as error:
                _log.warning(
                    "the event that build %d is %s follows later: %s", change.record.number, change.state, error
                )
                return str(entry["dynamodb"]["SequenceNumber"])
            _log.info("published: build %d is %s", change.record.number, change.state)
    return ""


def _publish(service: Service, change: Change) -> None:
    detail = write_detail(service, change)
    with aws_call(f"publish the event {change.id}"):
        (answer,) = service.events.put_events(
            Entries=[
                {
                    "Source": SOURCE,
                    "DetailType": DETAIL_TYPE,
                    "Detail": detail,
                    "Time": change.at,
                    "Resources": [service.settings.stack_id],
                }
            ]
        )["Entries"]
    if "ErrorCode" in answer:
        raise AwsUnavailableError(f"EventBridge refused it ({answer['ErrorCode']}): {answer.get('ErrorMessage', '')}")
