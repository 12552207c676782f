"""Removes, before the stack goes, what builds have made and CloudFormation does not know."""

from typing import Any

from sagebuild.custom_resource import answer_request
from sagebuild.finish.remove import remove_leftovers
from sagebuild.service import Service


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation's Create, Update or Delete; only the last has anything to do."""
    answer_request(event, context.log_stream_name, _apply)


def _apply(request_type: str, _properties: dict[str, Any]) -> None:
    if request_type == "Delete":
        remove_leftovers(Service.from_environment())
