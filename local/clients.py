"""boto3 clients of this engine's own endpoint, as the account's owner or in a role."""

import threading
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config as ClientConfig

from local import accounts, config, loopback

_NO_RETRIES = ClientConfig(retries={"max_attempts": 0})

# A session loads each service model once (0.4 s, 10 MB); it is not thread-safe.
_session_lock = threading.Lock()


@lru_cache(maxsize=1)
def _session() -> Any:
    session: Any = boto3.session.Session()
    session.events.register("before-send", loopback.answer)
    return session


def client(service: str, region: str | None = None, role_arn: str | None = None, access_key: str = "") -> Any:
    """A client of this engine's endpoint; its calls are checked and audited like all others.

    Parameters
    ----------
    service
        boto3's name of the service.
    region
        Default: the engine's.
    role_arn
        The role that makes the calls; default: the owner of the present account.
    access_key
        The key of a user or a role's session that makes the calls, if role_arn is not given.
    """
    return _client(service, region or config.current().region, role_arn, access_key or accounts.owner_key())


@lru_cache(maxsize=512)
def _client(service: str, region: str, role_arn: str | None, access_key: str) -> Any:
    key, secret, token = credentials(role_arn) if role_arn else (access_key, "local", None)
    with _session_lock:
        return _session().client(
            service,
            region_name=region,
            endpoint_url=config.current().endpoint_url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=_NO_RETRIES,
        )


@lru_cache(maxsize=256)
def credentials(role_arn: str) -> tuple[str, str, str]:
    """The access key, secret and session token of a role."""
    with accounts.acting_in(accounts.of_arn(role_arn)):
        answer = client("sts").assume_role(RoleArn=role_arn, RoleSessionName="local")["Credentials"]
    return answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]


def role_exists(role_arn: str) -> bool:
    """False when IAM has no such role."""
    with accounts.acting_in(accounts.of_arn(role_arn)):
        iam = client("iam")
    try:
        iam.get_role(RoleName=role_arn.rpartition("/")[2] or "-")
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


def process_environment(role_arn: str, region: str) -> dict[str, str]:
    """The AWS variables of a process that runs in a role: credentials, region and this engine's endpoint."""
    key, secret, token = credentials(role_arn)
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": config.current().endpoint_url,
    }
