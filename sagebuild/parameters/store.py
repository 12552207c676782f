"""Reads, writes and deletes the parameter document in SSM Parameter Store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sagebuild.errors import ParameterError
from sagebuild.names import is_pipeline_name
from sagebuild.parameters.json_text import format_document
from sagebuild.service import Service, aws_call, suppress_code

if TYPE_CHECKING:
    from mypy_boto3_ssm.type_defs import ParameterTypeDef

DESCRIPTION = "The build parameters of sagebuild; edit them here."


def name_document(service: Service) -> str:
    """Return the name of the pipeline's SSM parameter: /STACK/parameters, or /STACK/PIPELINE/parameters."""
    folder, _, name = service.settings.parameters_name.rpartition("/")
    return f"{folder}/{service.folder}{name}"


def parse_document_name(service: Service, name: str) -> str | None:
    """Return the pipeline whose document has this name; None if it is the name of no pipeline's document."""
    folder, _, last = service.settings.parameters_name.rpartition("/")
    pipeline = name.removeprefix(f"{folder}/").removesuffix(last).removesuffix("/")
    is_own = name == name_document(service.for_pipeline(pipeline))
    return pipeline if is_own and (not pipeline or is_pipeline_name(pipeline)) else None


def read_document(service: Service) -> str:
    """Return the text of the document.

    Raises
    ------
    ParameterError
        There is no such document, or it is encrypted.
    """
    text = find_document(service)
    if text is None:
        raise ParameterError(_explain_missing(service))
    return text


def find_document(service: Service) -> str | None:
    """Return the text of the document; None if there is none.

    Raises
    ------
    ParameterError
        The document is encrypted.
    """
    parameter = _find_parameter(service)
    return parameter["Value"] if parameter else None


def read_version(service: Service) -> int:
    """Return the version of the document, which SSM counts from 1; 0 if there is no document.

    Raises
    ------
    ParameterError
        The document is encrypted.
    """
    parameter = _find_parameter(service)
    return parameter["Version"] if parameter else 0


def read_with_version(service: Service) -> tuple[str, int]:
    """Return the text of the document and its version.

    Raises
    ------
    ParameterError
        See `read_document`.
    """
    parameter = _find_parameter(service)
    if parameter is None:
        raise ParameterError(_explain_missing(service))
    return parameter["Value"], parameter["Version"]


def _find_parameter(service: Service) -> ParameterTypeDef | None:
    with aws_call("read the build parameters"):
        try:
            parameter = service.ssm.get_parameter(Name=name_document(service))["Parameter"]
        except service.ssm.exceptions.ParameterNotFound:
            return None
    if parameter["Type"] == "SecureString":
        raise ParameterError(
            f"The SSM parameter {name_document(service)} is a SecureString, which sagebuild does not decrypt; "
            "delete it and create it with the type String."
        )
    return parameter


def _explain_missing(service: Service) -> str:
    return (
        f"There is no SSM parameter {name_document(service)}; create it with a JSON document of build parameters, "
        "or deploy the service again, which writes the defaults."
    )


def write_document(service: Service, document: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Write a document; see `write_text`."""
    return write_text(service, format_document(document), overwrite=overwrite)


def write_text(service: Service, text: str, *, overwrite: bool, description: str = DESCRIPTION) -> bool:
    """Write the document's text unchanged.

    Parameters
    ----------
    description
        What SSM shows beside the document, and keeps with this version.

    Returns
    -------
    bool
        False when a document exists and ``overwrite`` is False; nothing was written.
    """
    with aws_call("write the build parameters"):
        try:
            service.ssm.put_parameter(
                Name=name_document(service),
                Description=description,
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
