"""Finds the caller of a request by its access key, and refuses requests with an unknown key or without one.

The engine verifies no signatures: a program that knows a key can use it.
"""

import re
from dataclasses import dataclass
from typing import Any

from flask import request
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from local import accounts, config, partitions
from local.errors import RefusedError

MOTO_NAMES = (
    "moto.iam.models.AccessKey",
    "moto.iam.models.IAMBackend.get_user",
    "moto.iam.models.iam_backends",
    "moto.sts.models.STSBackend.get_assumed_role_from_access_key",
    "moto.sts.models.sts_backends",
)

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[^/]+)/")
_VERSION_2 = re.compile(r"AWS (?P<key>[^:\s]+):")

# The errors for an unknown key, and for none: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html,
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html,
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_INVALID_TOKEN = "The security token included in the request is invalid."
_NO_TOKEN = "Request is missing Authentication Token."
_UNKNOWN = {
    "query": ("InvalidClientTokenId", _INVALID_TOKEN, 403),
    "rest-xml": ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
    "ec2": ("AuthFailure", "AWS was not able to validate the provided access credentials.", 401),
    "json": ("UnrecognizedClientException", _INVALID_TOKEN, 400),
}
_MISSING = {
    "query": ("MissingAuthenticationToken", _NO_TOKEN, 403),
    "json": ("MissingAuthenticationTokenException", _NO_TOKEN, 400),
}


@dataclass(frozen=True)
class Caller:
    """The signer of a call: a role session, an IAM user or the account's owner; `ANONYMOUS` for an unsigned call."""

    role_arn: str | None = None
    session: str = ""
    user_arn: str | None = None
    access_key: str = ""
    is_anonymous: bool = False

    @property
    def arn(self) -> str | None:
        """The ARN of the role or user, whose policies count; None for the owner."""
        return self.role_arn or self.user_arn

    @property
    def name(self) -> str:
        """The role's name, "user/" with the user's name, "owner" or "anonymous"; after an account but the default."""
        name = "anonymous" if self.is_anonymous else (self.arn or "owner").rsplit("/", 1)[-1]
        kind = f"user/{name}" if self.user_arn else name
        account = accounts.of_arn(self.arn or "")
        return kind if account == accounts.DEFAULT else f"{account}/{kind}"


ANONYMOUS = Caller(is_anonymous=True)


def find(protocol: str, operation: Any = None) -> tuple[Caller, str]:
    """Find the caller and the region of the present request, and work in the caller's account from now on.

    Parameters
    ----------
    protocol
        The wire protocol, which decides on AWS's error.
    operation
        botocore's model of the operation; None for a request that is no known call.

    Raises
    ------
    RefusedError
        The key is unknown, or the operation needs a key and there is none.
    """
    key, region = _read_key()
    # SQS and CloudWatch keep the codes of their earlier protocol:
    # https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
    kind = "query" if operation and "awsQueryCompatible" in operation.service_model.metadata else protocol
    if not key:
        accounts.use(accounts.DEFAULT)
        if operation is None or not _may_be_unsigned(operation):
            raise _refusal(_MISSING.get(kind, _MISSING["query"]))
        return ANONYMOUS, region
    owned = accounts.owned_by(key)
    accounts.use(owned or _find_account(key))
    caller = Caller() if owned else _find_identity(accounts.current(), key)
    if caller is None:
        raise _refusal(_UNKNOWN.get(kind, ("UnrecognizedClientException", _INVALID_TOKEN, 403)))
    return caller, region


def _read_key() -> tuple[str, str]:
    """The access key and the region in the signature of a header, a presigned URL or a presigned form."""
    fields = request.form if request.mimetype == "multipart/form-data" else {}
    given = request.args.get("X-Amz-Credential") or fields.get("x-amz-credential", "")
    signed = request.headers.get("Authorization") or f"Credential={given}"
    if match := _CREDENTIAL.search(signed):
        return match["key"], match["region"]
    old = _VERSION_2.match(signed)
    key = old["key"] if old else request.args.get("AWSAccessKeyId") or fields.get("AWSAccessKeyId", "")
    return key, config.current().region


def _may_be_unsigned(operation: Any) -> bool:
    """False for an operation that AWS serves only with a signature; S3 asks the bucket's policy."""
    is_open = operation.auth_type == "none" or "smithy.api#noAuth" in (operation.auth or [])
    return is_open or operation.service_model.service_name == "s3"


def _refusal(error: tuple[str, str, int]) -> RefusedError:
    code, message, status = error
    hint = f"local/: the access key of this engine is in {config.current().data / config.ACCESS_KEY_FILE}"
    return RefusedError(code, f"{message} ({hint})", status)


def _find_account(access_key: str) -> str:
    """The account that has issued an access key; moto's own search first makes an IAM for each partition of AWS."""
    for account, by_partition in list(iam_backends.items()):
        if any(access_key in iam.access_keys for iam in list(by_partition.values())):
            return str(account)
    return accounts.DEFAULT


_sessions: dict[str, Caller] = {}


def _find_identity(account: str, access_key: str) -> Caller | None:
    """The role's session or the user with this key; None for an unknown or inactive key."""
    if access_key in _sessions:
        return _sessions[access_key]
    session = sts_backends[account][partitions.current()].get_assumed_role_from_access_key(access_key)
    if session is not None:
        _sessions[access_key] = Caller(session.role_arn, session.session_name, access_key=access_key)
        return _sessions[access_key]
    key = iam_backends[account][partitions.current()].access_keys.get(access_key)
    if key is None or key.status != "Active":
        return None
    user = iam_backends[account][partitions.current()].get_user(key.user_name)
    return Caller(user_arn=user.arn, access_key=access_key)
