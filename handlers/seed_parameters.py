"""Writes the default parameter document at the first deployment; an existing document is never changed."""

from typing import Any

from sagebuild.custom_resource import answer_request
from sagebuild.log_keys import logged
from sagebuild.parameters import default_document
from sagebuild.parameters.store import write_document
from sagebuild.service import Service


@logged("Seed Parameters")
def handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation's Create, Update or Delete."""
    answer_request(event, context.log_stream_name, _apply)


def _apply(request_type: str, properties: dict[str, Any]) -> None:
    if request_type != "Delete":  # removeLeftovers deletes the document
        write_document(Service.from_environment(), default_document(properties["Framework"]), overwrite=False)
