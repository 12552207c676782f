"""Writes the default parameter document at the first deployment; an existing document is never changed."""

from typing import Any

from sagebuild.cost.offered import fit_to_region
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
        service = Service.from_environment()
        write_document(
            service, fit_to_region(default_document(properties["Framework"]), service.region), overwrite=False
        )
