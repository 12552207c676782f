"""One deployed stack as the code sees it: its settings, read here alone, and its AWS clients."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from sagebuild.errors import AwsUnavailableError
from sagebuild.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

# When it is too late to begin a call, as time.monotonic() tells it; None: never.
_last_call: ContextVar[float | None] = ContextVar("last_call", default=None)

_THROTTLING_CODES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
# https://docs.aws.amazon.com/general/latest/gr/api-retries.html: what a later try may cure.
_TRANSIENT_CODES = _THROTTLING_CODES | {
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "LimitExceededException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
}


class Service:
    """One deployed stack.

    Parameters
    ----------
    settings
        The variables that serverless.yml gives each function; a function has only those that it needs.
    create_client
        Makes a boto3 client from the name of an AWS service.
    """

    def __init__(self, settings: Mapping[str, str], create_client: Callable[[str], Any]) -> None:
        self.settings = Settings(settings)
        self._create_client = create_client

    @classmethod
    def from_environment(cls) -> Service:
        """The stack that this Lambda function belongs to; the same object for every event of a warm function."""
        return _of_this_function()

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack, which is also the name of its endpoint."""
        return self.settings.stack_name

    @property
    def stack_key(self) -> str:
        """Eight hexadecimal digits that tell this stack from a removed one of the same name."""
        # arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID
        return self.settings.stack_id.rsplit("/", 1)[-1].partition("-")[0]

    @property
    def account(self) -> str:
        """The number of the stack's account."""
        return self.settings.stack_id.split(":")[4]

    @property
    def region(self) -> str:
        """The region of the stack; Lambda sets it."""
        return self.settings.aws_region

    @cached_property
    def autoscaling(self) -> Any:
        """The client of the endpoint's scaling."""
        return self._create_client("application-autoscaling")

    @cached_property
    def cloudwatch(self) -> Any:
        """The client of a person's own alarms."""
        return self._create_client("cloudwatch")

    @cached_property
    def codebuild(self) -> Any:
        """The client of the image builds."""
        return self._create_client("codebuild")

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """The client of the builds table."""
        return self._create_client("dynamodb")  # type: ignore[no-any-return]

    @cached_property
    def ecr(self) -> Any:
        """The client of the stack's image repository and of a person's own images."""
        return self._create_client("ecr")

    @cached_property
    def functions(self) -> LambdaClient:
        """The client of a person's own functions."""
        return self._create_client("lambda")  # type: ignore[no-any-return]

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """The client of the logs of jobs, image builds and the endpoint."""
        return self._create_client("logs")  # type: ignore[no-any-return]

    @cached_property
    def quotas(self) -> Any:
        """The client of the account's quotas."""
        return self._create_client("service-quotas")

    @cached_property
    def runtime(self) -> Any:
        """The client of requests to the endpoint."""
        return self._create_client("sagemaker-runtime")

    @cached_property
    def s3(self) -> S3Client:
        """The client of the data, code and model buckets."""
        return self._create_client("s3")  # type: ignore[no-any-return]

    @cached_property
    def sagemaker(self) -> SageMakerClient:
        """The client of jobs, models and the endpoint."""
        return self._create_client("sagemaker")  # type: ignore[no-any-return]

    @cached_property
    def sns(self) -> SNSClient:
        """The client of the notifications."""
        return self._create_client("sns")  # type: ignore[no-any-return]

    @cached_property
    def sqs(self) -> SQSClient:
        """The client of the queue for what could not be done."""
        return self._create_client("sqs")  # type: ignore[no-any-return]

    @cached_property
    def ssm(self) -> SSMClient:
        """The client of the parameter document."""
        return self._create_client("ssm")  # type: ignore[no-any-return]

    @cached_property
    def stepfunctions(self) -> SFNClient:
        """The client of the state machine."""
        return self._create_client("stepfunctions")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def _of_this_function() -> Service:
    return Service(os.environ, _create_client)


def _create_client(name: str) -> Any:
    # Loading boto3 takes a third of a second; a function that needs no AWS never pays it.
    import boto3
    from botocore.config import Config

    seconds = Settings(os.environ).call_timeout_seconds
    client = boto3.client(name, config=Config(connect_timeout=seconds, read_timeout=seconds))  # type: ignore[call-overload]
    client.meta.events.register("before-call", _refuse_late_call)
    return client


@contextmanager
def calling_for(seconds: float) -> Iterator[None]:
    """Let no AWS call begin later than this; with CALL_TIMEOUT_SECONDS it bounds how long a person waits."""
    token = _last_call.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _last_call.reset(token)


def _refuse_late_call(**_event: Any) -> None:
    last = _last_call.get()
    if last is not None and time.monotonic() > last:
        raise AwsUnavailableError("AWS was too slow to be asked all that there was to ask; try again in a minute.")


@contextmanager
def aws_call(purpose: str) -> Iterator[None]:
    """Turn what may pass by itself into AwsUnavailableError; everything else stays what it is.

    Parameters
    ----------
    purpose
        What was being done, as it reads behind "AWS could not": "start build 12".

    Raises
    ------
    AwsUnavailableError
        Throttled, timed out, unreachable or a fault on AWS's side.
    """
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _TRANSIENT_CODES or status >= 500:
            unavailable = AwsUnavailableError(f"AWS could not {purpose} just now ({code}); try again in a minute.")
            unavailable.throttled = code in _THROTTLING_CODES
            raise unavailable from error
        raise
    except (ConnectionError, HTTPClientError) as error:
        raise AwsUnavailableError(
            f"AWS could not {purpose}: it did not answer in time; try again in a minute."
        ) from error


@contextmanager
def suppress_code(code: str) -> Iterator[None]:
    """Take an AWS error of this code for success: what the call was for is so already."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
