"""Deletes what was created outside CloudFormation, before the stack is removed."""

import json
from functools import partial
from typing import Any

from sagebuild.custom_resource import answer_request
from sagebuild.deadline import Deadline
from sagebuild.finish.remove import remove_leftovers
from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.voice.access import delete_access


@logged("Remove Leftovers")
def handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation's Create, Update or Delete; only Delete does something."""
    apply = partial(_apply, Deadline.of_function(context))
    answer_request(event, context.log_stream_name, apply, partial(_invoke, context.invoked_function_arn))


def _apply(deadline: Deadline, request_type: str, _properties: dict[str, Any]) -> None:
    if request_type == "Delete":
        service = Service.from_environment()
        remove_leftovers(service, deadline=deadline)
        delete_access(service)


def _invoke(function: str, event: dict[str, Any]) -> None:
    functions = Service.from_environment().functions
    functions.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))
