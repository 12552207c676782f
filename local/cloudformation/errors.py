"""The errors of CloudFormation's API and of single resources."""

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException


class ValidationError(ServiceException):  # type: ignore[misc]
    """The request or the template is invalid."""

    code = "ValidationError"


class AlreadyExistsError(ServiceException):  # type: ignore[misc]
    """A stack or change set with this name exists."""

    code = "AlreadyExistsException"


class ChangeSetNotFoundError(ServiceException):  # type: ignore[misc]
    """No change set has this name."""

    code = "ChangeSetNotFound"


class InvalidChangeSetStatusError(ServiceException):  # type: ignore[misc]
    """The change set cannot be executed in its status."""

    code = "InvalidChangeSetStatus"


class InsufficientCapabilitiesError(ServiceException):  # type: ignore[misc]
    """The template creates IAM resources and the request lacks the capability."""

    code = "InsufficientCapabilitiesException"


class ResourceError(Exception):
    """A resource could not be created, updated or deleted; the message is the reason in its event."""


class CancelledError(ResourceError):
    """Another resource failed while this one was in progress."""


def reason(error: Exception) -> str:
    """The reason for a failed resource, in CloudFormation's wording of a service's error."""
    if isinstance(error, ClientError):
        answer, metadata = error.response["Error"], error.response["ResponseMetadata"]
        service = error.operation_name
        return (
            f"{answer.get('Message', '')} (Action: {service}; Status Code: {metadata.get('HTTPStatusCode')}; "
            f"Error Code: {answer.get('Code')}; Request ID: {metadata.get('RequestId', '')})"
        )
    if isinstance(error, ResourceError | BotoCoreError | ServiceException):
        return str(getattr(error, "message", error))
    return f"Internal failure of local/: {type(error).__name__}: {error}"
