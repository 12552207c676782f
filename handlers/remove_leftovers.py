"""Deletes what was created outside CloudFormation, before the stack is removed."""

from typing import Any

from sagebuild.custom_resource import answer_request
from sagebuild.finish.remove import remove_leftovers
from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.voice.access import delete_access


@logged("Remove Leftovers")
def handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation's Create, Update or Delete; only Delete does something."""
    answer_request(event, context.log_stream_name, _apply)


def _apply(request_type: str, _properties: dict[str, Any]) -> None:
    if request_type == "Delete":
        service = Service.from_environment()
        remove_leftovers(service)
        delete_access(service)
