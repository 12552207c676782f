"""Reads, writes and deletes the parameter document in SSM Parameter Store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagebuild.errors import ParameterError
from sagebuild.parameters.json_text import format_document
from sagebuild.service import Service, aws_call, suppress_code


def name_document(service: Service) -> str:
    """Return the name of the pipeline's SSM parameter: /STACK/parameters, or /STACK/PIPELINE/parameters."""
    folder, _, name = service.settings.parameters_name.rpartition("/")
    return f"{folder}/{service.folder}{name}"


def read_document(service: Service) -> str:
    """Return the text of the document.

    Raises
    ------
    ParameterError
        There is no such document, or it is encrypted.
    """
    name = name_document(service)
    with aws_call("read the build parameters"):
        try:
            parameter = service.ssm.get_parameter(Name=name)["Parameter"]
        except service.ssm.exceptions.ParameterNotFound:
            raise ParameterError(
                f"There is no SSM parameter {name}; create it with a JSON document of build parameters, "
                "or deploy the service again, which writes the defaults."
            ) from None
    if parameter["Type"] == "SecureString":
        raise ParameterError(
            f"The SSM parameter {name} is a SecureString, which sagebuild does not decrypt; delete it and create it "
            "with the type String."
        )
    return parameter["Value"]


def write_document(service: Service, document: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Write a document; see `write_text`."""
    return write_text(service, format_document(document), overwrite=overwrite)


def write_text(service: Service, text: str, *, overwrite: bool) -> bool:
    """Write the document's text unchanged.

    Returns
    -------
    bool
        False when a document exists and ``overwrite`` is False; nothing was written.
    """
    with aws_call("write the build parameters"):
        try:
            service.ssm.put_parameter(
                Name=name_document(service),
                Description="The build parameters of sagebuild; edit them here.",
                Value=text,
                Type="String",
                Tier="Intelligent-Tiering",
                Overwrite=overwrite,
            )
        except service.ssm.exceptions.ParameterAlreadyExists:
            return False
    return True


def delete_document(service: Service) -> None:
    """Delete the document; do nothing when there is none."""
    with aws_call("delete the build parameters"), suppress_code("ParameterNotFound"):
        service.ssm.delete_parameter(Name=name_document(service))
