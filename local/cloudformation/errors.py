"""The errors that CloudFormation answers with, and the one by which a resource fails."""

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException


class ValidationError(ServiceException):  # type: ignore[misc]
    """The request or the template is not as it must be."""

    code = "ValidationError"


class AlreadyExistsError(ServiceException):  # type: ignore[misc]
    """There is a stack of this name."""

    code = "AlreadyExistsException"


class ChangeSetNotFoundError(ServiceException):  # type: ignore[misc]
    """There is no change set of this name."""

    code = "ChangeSetNotFound"


class InvalidChangeSetStatusError(ServiceException):  # type: ignore[misc]
    """The change set cannot be executed as it stands."""

    code = "InvalidChangeSetStatus"


class InsufficientCapabilitiesError(ServiceException):  # type: ignore[misc]
    """The template makes IAM resources and the caller did not acknowledge it."""

    code = "InsufficientCapabilitiesException"


class ResourceError(Exception):
    """A resource could not be made, changed or deleted; the message is the reason that its event tells."""


class CancelledError(ResourceError):
    """Another resource failed while this one was being worked on."""


def reason(error: Exception) -> str:
    """Why a resource failed, as CloudFormation words the answer of the service behind it."""
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
