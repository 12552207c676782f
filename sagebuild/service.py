"""One pipeline of a deployed stack: its settings from the environment, and AWS clients, created on first use."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from functools import cache, cached_property, lru_cache
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

_log = logging.getLogger("sagebuild")
# The latest start of an AWS call, on the clock of time.monotonic(); None: no limit.
_latest_start: ContextVar[float | None] = ContextVar("latest_start", default=None)

# SageMaker's lists have ten entries on a page, unless the request asks for up to a hundred:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingJobs.html
LARGE_PAGES: Any = {"PageSize": 100}

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
# https://docs.aws.amazon.com/general/latest/gr/api-retries.html: errors after which a retry may succeed.
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
    """One pipeline of a deployed stack; at first the default pipeline, see `for_pipeline`.

    Parameters
    ----------
    settings
        The environment variables; serverless.yml sets on each function only those that it needs.
    create_client
        Creates a boto3 client from the name of an AWS service and, where `open_client` names one, a region.
    """

    def __init__(self, settings: Mapping[str, str], create_client: Callable[..., Any]) -> None:
        self.settings = Settings(settings)
        self.pipeline = ""  # its name; empty for the default pipeline
        self._create_client = cache(create_client)

    @classmethod
    def from_environment(cls, pipeline: str = "") -> Service:
        """Return a pipeline of this Lambda function's stack; a warm function keeps its AWS clients."""
        service = _create_from_environment().for_pipeline(pipeline)
        if pipeline:  # `sagebuild logs` finds a pipeline's invocations by this line
            _log.info("%s: invoked", service.label)
        return service

    def for_pipeline(self, pipeline: str) -> Service:
        """Return the same stack, bound to a pipeline; they share the AWS clients.

        Parameters
        ----------
        pipeline
            Its name as it was created; empty for the default pipeline.
        """
        bound = copy(self)
        bound.pipeline = pipeline
        return bound

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack."""
        return self.settings.stack_name

    @property
    def label(self) -> str:
        """The pipeline's name for people: "sagebuild-dev/fraud", or only the stack's name for the default pipeline."""
        return f"{self.stack_name}/{self.pipeline}" if self.pipeline else self.stack_name

    @property
    def folder(self) -> str:
        """The prefix of the pipeline's keys in the buckets, such as "fraud/"; empty for the default pipeline."""
        return f"{self.pipeline}/" if self.pipeline else ""

    @property
    def stack_key(self) -> str:
        """Eight hexadecimal digits that distinguish this stack from a removed one of the same name."""
        # arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/UUID
        return self.settings.stack_id.rsplit("/", 1)[-1].partition("-")[0]

    @property
    def account(self) -> str:
        """The id of the stack's AWS account."""
        return self.settings.stack_id.split(":")[4]

    @property
    def region(self) -> str:
        """The region of the stack; Lambda sets it."""
        return self.settings.aws_region

    def open_client(self, name: str, region: str | None = None) -> Any:
        """Return the client of a service by its name, by default for the stack's region."""
        return self._create_client(name, region) if region else self._create_client(name)

    @cached_property
    def autoscaling(self) -> Any:
        """The Application Auto Scaling client, for the endpoint's scaling."""
        return self._create_client("application-autoscaling")

    @cached_property
    def cloudformation(self) -> Any:
        """The CloudFormation client, for the stacks between which models are promoted."""
        return self._create_client("cloudformation")

    @cached_property
    def cloudwatch(self) -> Any:
        """The CloudWatch client, for the user's alarms."""
        return self._create_client("cloudwatch")

    @cached_property
    def codebuild(self) -> Any:
        """The CodeBuild client, for the image builds."""
        return self._create_client("codebuild")

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """The DynamoDB client, for the builds table."""
        return self._create_client("dynamodb")  # type: ignore[no-any-return]

    @cached_property
    def ec2(self) -> Any:
        """EC2, which has the network interfaces of a VPC."""
        return self._create_client("ec2")

    @cached_property
    def ecr(self) -> Any:
        """The ECR client, for the stack's image repository and the user's images."""
        return self._create_client("ecr")

    @cached_property
    def events(self) -> Any:
        """The EventBridge client."""
        return self._create_client("events")

    @cached_property
    def functions(self) -> LambdaClient:
        """The Lambda client, for the user's functions and the finish of a build."""
        return self._create_client("lambda")  # type: ignore[no-any-return]

    @cached_property
    def kms(self) -> Any:
        """The KMS client, for the user's own keys."""
        return self._create_client("kms")

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """The CloudWatch Logs client, for the logs of jobs, image builds and the endpoint."""
        return self._create_client("logs")  # type: ignore[no-any-return]

    @cached_property
    def quotas(self) -> Any:
        """The Service Quotas client, for the account's SageMaker quotas."""
        return self._create_client("service-quotas")

    @cached_property
    def runtime(self) -> Any:
        """The SageMaker Runtime client, for requests to the endpoint."""
        return self._create_client("sagemaker-runtime")

    @cached_property
    def s3(self) -> S3Client:
        """The S3 client, for the data, code and model buckets."""
        return self._create_client("s3")  # type: ignore[no-any-return]

    @cached_property
    def sagemaker(self) -> SageMakerClient:
        """The SageMaker client, for jobs, models and the endpoint."""
        return self._create_client("sagemaker")  # type: ignore[no-any-return]

    @cached_property
    def scheduler(self) -> Any:
        """The EventBridge Scheduler client, for the pipelines' schedules."""
        return self._create_client("scheduler")

    @cached_property
    def sns(self) -> SNSClient:
        """The SNS client, for the notifications."""
        return self._create_client("sns")  # type: ignore[no-any-return]

    @cached_property
    def sqs(self) -> SQSClient:
        """The SQS client, for the dead-letter queue."""
        return self._create_client("sqs")  # type: ignore[no-any-return]

    @cached_property
    def ssm(self) -> SSMClient:
        """The SSM client, for the parameter document."""
        return self._create_client("ssm")  # type: ignore[no-any-return]

    @cached_property
    def stepfunctions(self) -> SFNClient:
        """The Step Functions client, for the state machine."""
        return self._create_client("stepfunctions")  # type: ignore[no-any-return]

    @cached_property
    def sts(self) -> Any:
        """The STS client, for the role of a stack in another account."""
        return self._create_client("sts")


@lru_cache(maxsize=1)
def _create_from_environment() -> Service:
    return Service(os.environ, create_client)


def create_client(name: str, **credentials: str) -> Any:
    """Return a boto3 client for a Lambda function; ``credentials`` as for `boto3.client`, default: the function's."""
    # Importing boto3 takes a third of a second; a function that calls no AWS service skips it.
    import boto3
    from botocore.config import Config

    seconds = Settings(os.environ).call_timeout_seconds
    config = Config(connect_timeout=seconds, read_timeout=seconds)
    if name == "sns":  # a retry after a lost answer would send the same message twice
        config = config.merge(Config(retries={"total_max_attempts": 1}))
    client = boto3.client(name, config=config, **credentials)  # type: ignore[call-overload]
    client.meta.events.register("before-call", _refuse_late_call)
    return client


@contextmanager
def calling_for(seconds: float) -> Iterator[None]:
    """Refuse AWS calls that begin after this time; with CALL_TIMEOUT_SECONDS, it limits how long the user waits.

    Raises
    ------
    AwsUnavailableError
        A call began too late.
    """
    token = _latest_start.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _latest_start.reset(token)


def _refuse_late_call(**_event: Any) -> None:
    latest = _latest_start.get()
    if latest is not None and time.monotonic() > latest:
        raise AwsUnavailableError("AWS was too slow for all the calls of this request; try again in a minute.")


@contextmanager
def aws_call(purpose: str) -> Iterator[None]:
    """Raise AwsUnavailableError in place of a transient AWS error; let any other error through.

    Parameters
    ----------
    purpose
        The purpose of the call, to complete the sentence "AWS could not ...": "start build 12".

    Raises
    ------
    AwsUnavailableError
        AWS throttled the call, did not answer in time, could not be reached, or had an internal failure.
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
    """Suppress AWS errors with this code, which means that the call has nothing left to do."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
