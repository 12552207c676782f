"""Says in one sentence, with what to do, why AWS did not take a person's call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidRegionError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from sagebuild.errors import AccessDeniedError, CredentialsError, RegionError, SagebuildError

# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html, and what single services call the same.
_REFUSED_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "NotAuthorized",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"})
_LOG_IN = "log in again ('aws sso login' or 'aws login'), or name another profile (--profile, AWS_PROFILE)"


@contextmanager
def explaining() -> Iterator[None]:
    """Turn what botocore raises into an error of sagebuild's, where there is something to say about it.

    Raises
    ------
    SagebuildError
        In place of botocore's own.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        explained = explain(error)
        if explained is None:
            raise
        raise explained from None  # in a notebook, botocore's own traceback would bury the sentence


def explain(error: BotoCoreError | ClientError) -> SagebuildError | None:
    """The error in words; None if botocore's own say all that is known."""
    if isinstance(error, ClientError):
        return _explain_answer(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return CredentialsError(
            "There are no AWS credentials: run 'aws configure' or 'aws sso login', or set AWS_PROFILE; "
            "for the AWS on this machine, set what 'make local' prints."
        )
    if isinstance(error, ProfileNotFound):
        return CredentialsError(f"{error}; 'aws configure list-profiles' lists those there are.")
    if isinstance(error, CredentialRetrievalError | NoAuthTokenError | SSOError | TokenRetrievalError):
        return CredentialsError(f"The AWS credentials could not be renewed; {_LOG_IN}. (botocore: {error})")
    if isinstance(error, NoRegionError):
        return RegionError("No AWS region is set: say --region (region=), or set AWS_REGION.")
    if isinstance(error, InvalidRegionError):
        return RegionError(f"{error}; regions read 'eu-west-1' (--region, AWS_REGION).")
    if isinstance(error, ConnectionError | HTTPClientError):
        return RegionError(
            f"Nothing answers: {error} Is the region right (--region, AWS_REGION), is the network up, "
            "and if AWS_ENDPOINT_URL is set, does 'make local' still run?"
        )
    return None


def _explain_answer(error: ClientError) -> SagebuildError | None:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in _REFUSED_CREDENTIALS:
        return CredentialsError(f"AWS does not take these credentials ({code}); {_LOG_IN}.")
    if code in _DENIED:
        return AccessDeniedError(f"{message or 'AWS denies it.'} ({error.operation_name}: {code})")
    return None
