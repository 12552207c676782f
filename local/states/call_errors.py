"""The error names and causes of failed service calls, as Step Functions reports them."""

import uuid
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import OperationModel, ServiceModel

from local.states import shapes
from local.states.integrations import Integration

# The services with these protocols report missing arguments themselves, in the same words.
_SELF_CHECKING_PROTOCOLS = ("json",)


@dataclass(frozen=True)
class Caller:
    """Who called a service: an optimized integration or, without one, ``aws-sdk``."""

    service: ServiceModel
    integration: Integration | None

    @property
    def error_prefix(self) -> str:
        """The first part of the error names."""
        return self.integration.error_prefix if self.integration else shapes.error_prefix(self.service)

    def describe(self, error: ClientError) -> tuple[str, str]:
        """The error name and the cause of a failed call."""
        name = type(error).__name__
        if name == "ClientError":
            name = self.integration.general_error if self.integration else f"{self.error_prefix}Exception"
        name = name if name.endswith("Exception") else f"{name}Exception"
        cause = self._optimized_cause(error) if self.integration else self._sdk_cause(error)
        return f"{self.error_prefix}.{name}", cause

    def _optimized_cause(self, error: ClientError) -> str:
        details, metadata = error.response["Error"], error.response["ResponseMetadata"]
        label = self.integration.label if self.integration else ""
        source = f"Service: {label}; Status Code: {metadata['HTTPStatusCode']}; Error Code: {details['Code']}"
        return f"{details.get('Message', '')} ({source}; Request ID: {metadata.get('RequestId')}; Proxy: null)"

    def _sdk_cause(self, error: ClientError) -> str:
        # Since 2025 the cause also has the number of attempts.
        details, metadata = error.response["Error"], error.response["ResponseMetadata"]
        source = f"Service: {self.error_prefix}, Status Code: {metadata['HTTPStatusCode']}"
        source += f", Request ID: {metadata.get('RequestId')}"
        if self.service.service_name == "s3":
            source += f", Extended Request ID: {metadata.get('HostId')}"
        return f"{details.get('Message', '')} ({source}) (SDK Attempt Count: 1)"


def check_required(service: ServiceModel, operation: OperationModel, request: dict[str, Any]) -> None:
    """Refuse a request without required arguments as the service does.

    Raises
    ------
    ClientError
        With the code of the service; only for services that report this themselves.
    """
    missing = [name for name in getattr(operation.input_shape, "required_members", ()) if name not in request]
    if not missing or service.protocol not in _SELF_CHECKING_PROTOCOLS:
        return
    code, message = ("MissingParameter", f"The request must contain the parameter {missing[0]}.")
    if service.service_name != "sqs":
        code, message = "ValidationException", _describe_missing(missing)
    raise ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": str(uuid.uuid4())},  # type: ignore[typeddict-item]
        },
        operation.name,
    )


def _describe_missing(missing: list[str]) -> str:
    problems = "; ".join(
        f"Value null at '{name[:1].lower()}{name[1:]}' failed to satisfy constraint: Member must not be null"
        for name in missing
    )
    return f"{len(missing)} validation error{'s' if len(missing) > 1 else ''} detected: {problems}"
