"""The parameter document of the stack, as it lies in SSM Parameter Store."""

from __future__ import annotations

import json
from typing import Any

from sagebuild.errors import ParameterError
from sagebuild.service import Service, aws_call, suppress_code


def read_document(service: Service) -> str:
    """The document's text, as a person left it.

    Raises
    ------
    ParameterError
        There is no such document.
    """
    name = service.settings.parameters_name
    with aws_call("read the build parameters"):
        try:
            return service.ssm.get_parameter(Name=name)["Parameter"]["Value"]
        except service.ssm.exceptions.ParameterNotFound:
            raise ParameterError(
                f"There is no SSM parameter {name}; create it with the JSON document of the build's parameters, "
                "or deploy the service again, which writes the defaults."
            ) from None


def write_document(service: Service, document: dict[str, Any], *, overwrite: bool) -> bool:
    """Write the document; without ``overwrite`` only if there is none.

    Returns
    -------
    bool
        Whether it was written.
    """
    with aws_call("write the build parameters"):
        try:
            service.ssm.put_parameter(
                Name=service.settings.parameters_name,
                Description="The build parameters of sagebuild; edit them here.",
                Value=json.dumps(document, indent=2),
                Type="String",
                Tier="Intelligent-Tiering",
                Overwrite=overwrite,
            )
        except service.ssm.exceptions.ParameterAlreadyExists:
            return False
    return True


def delete_document(service: Service) -> None:
    """Remove the document, which may be gone already."""
    with aws_call("delete the build parameters"), suppress_code("ParameterNotFound"):
        service.ssm.delete_parameter(Name=service.settings.parameters_name)
