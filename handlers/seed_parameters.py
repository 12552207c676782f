"""Creates the default pipeline's parameter document and its group in the model registry; existing ones stay."""

from typing import Any

from sagebuild.cost.offered import fit_to_region
from sagebuild.custom_resource import answer_request
from sagebuild.log_keys import logged
from sagebuild.parameters import default_document
from sagebuild.parameters.store import write_document
from sagebuild.service import Service
from sagebuild.steps.package_group import claim_package_group


@logged("Seed Parameters")
def handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation's Create, Update or Delete."""
    answer_request(event, context.log_stream_name, _apply)


def _apply(request_type: str, properties: dict[str, Any]) -> None:
    if request_type != "Delete":  # removeLeftovers deletes both
        service = Service.from_environment()
        document = fit_to_region(default_document(properties["Framework"]), service.region)
        write_document(service, document, overwrite=False)
        claim_package_group(service)
