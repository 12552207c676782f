"""Asks another stack of the same account to promote a build: for the skill, whose role reads no models.

A stack with the deploy parameter promoteFrom exports the name ``ORIGIN:promotes-to:STACK`` in CloudFormation. The
request is an event, which only a stack that exports such a name takes.
"""

from __future__ import annotations

import json

from sagebuild.errors import AwsUnavailableError, PromotionError
from sagebuild.launch.triggers import REQUEST_SOURCE
from sagebuild.service import Service, aws_call


def list_receivers(service: Service) -> list[str]:
    """Return the names of the stacks that take models from this one, sorted."""
    prefix = f"{service.stack_name}:promotes-to:"
    with aws_call("list the stacks that take models"):
        pages = service.cloudformation.get_paginator("list_exports").paginate()
        names = [one["Name"] for page in pages for one in page["Exports"]]
    return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def request_promotion(service: Service, number: int, receiver: str, request_id: str) -> None:
    """Ask a stack to promote a build of this pipeline. The same id again asks for nothing more.

    Raises
    ------
    PromotionError
        EventBridge refused the request.
    AwsUnavailableError
        It is unknown whether the request was sent.
    """
    detail = {"receiver": receiver, "pipeline": service.pipeline, "number": number, "id": request_id}
    event = {"Source": REQUEST_SOURCE, "DetailType": f"{service.stack_name} promotion", "Detail": json.dumps(detail)}
    with aws_call(f"ask {receiver} to promote build {number}"):
        answer = service.events.put_events(Entries=[event])
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
    if answer["FailedEntryCount"]:
        code = answer["Entries"][0].get("ErrorCode", "")
        if code in ("InternalFailure", "ThrottlingException"):
            raise AwsUnavailableError(f"EventBridge did not take the request for {receiver} ({code}); try again.")
        raise PromotionError(f"EventBridge refused the request for {receiver}: {code}.")
