"""Translates errors of boto3 into errors of sagebuild, whose messages say what to do."""

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

# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html, and codes of single services.
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
_ACCESS_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)
_LOG_IN = "log in again ('aws sso login' or 'aws login'), or name another profile (--profile, AWS_PROFILE)"


@contextmanager
def translating_errors() -> Iterator[None]:
    """Raise sagebuild's error in place of botocore's, where `translate_error` has one.

    Raises
    ------
    SagebuildError
        In place of a botocore error that has a translation.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        translated = translate_error(error)
        if translated is None:
            raise
        raise translated from None  # a notebook would show botocore's traceback above the message


def translate_error(error: BotoCoreError | ClientError) -> SagebuildError | None:
    """Return sagebuild's error for one of botocore's; None if botocore's message is enough."""
    if isinstance(error, ClientError):
        return _translate_client_error(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return CredentialsError(
            "There are no AWS credentials: run 'aws configure' or 'aws sso login', or set AWS_PROFILE; "
            "for the service on this machine, set the variables that 'sagebuild up --local' prints."
        )
    if isinstance(error, ProfileNotFound):
        return CredentialsError(f"{error}; 'aws configure list-profiles' lists the profiles.")
    if isinstance(error, CredentialRetrievalError | NoAuthTokenError | SSOError | TokenRetrievalError):
        return CredentialsError(f"The AWS credentials could not be renewed; {_LOG_IN}. (botocore: {error})")
    if isinstance(error, NoRegionError):
        return RegionError("No AWS region is set: pass --region (region=), or set AWS_REGION.")
    if isinstance(error, InvalidRegionError):
        return RegionError(f"{str(error).rstrip('.')}; pass a name such as eu-west-1 (--region, AWS_REGION).")
    if isinstance(error, ConnectionError | HTTPClientError):
        return RegionError(
            f"AWS does not answer: {str(error).rstrip('.')}. Check the region (--region, AWS_REGION) and the network; "
            "if AWS_ENDPOINT_URL is set, check that 'sagebuild up --local' or 'make local' is still running."
        )
    return None


def _translate_client_error(error: ClientError) -> SagebuildError | None:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in _REFUSED_CREDENTIALS:
        return CredentialsError(f"AWS rejects these credentials ({code}); {_LOG_IN}.")
    if code in _ACCESS_DENIED:
        return AccessDeniedError(f"{message or 'AWS denies the call.'} ({error.operation_name}: {code})")
    return None
