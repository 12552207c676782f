"""The settings of one deployed stack, typed.

The setting ``data_bucket`` is the environment variable DATA_BUCKET. serverless.yml sets on each Lambda function exactly
the variables that its code reads; a contract test compares the two. The client reads the same names from the stack's
outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

from sagebuild.errors import MissingSettingError


class Required:
    """A setting that must have a value."""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._variable = name.upper()

    def __get__(self, settings: Settings, _owner: type) -> str:
        value = settings.read(self._variable)
        if not value:
            raise MissingSettingError(
                f"The environment variable {self._variable} is not set; serverless.yml sets it on every function that "
                "needs it. Deploy the service again."
            )
        return value


class Optional:
    """A setting that a deployment may leave out; it is then empty."""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._variable = name.upper()

    def __get__(self, settings: Settings, _owner: type) -> str:
        return settings.read(self._variable)


class Seconds:
    """A duration in seconds, with a default."""

    def __init__(self, default: float) -> None:
        self._default = default

    def __set_name__(self, _owner: type, name: str) -> None:
        self._variable = name.upper()

    def __get__(self, settings: Settings, _owner: type) -> float:
        text = settings.read(self._variable) or str(self._default)
        try:
            return float(text)
        except ValueError:
            raise MissingSettingError(
                f"The environment variable {self._variable} is {text!r}; it must be a number of seconds."
            ) from None


class Settings:
    """The settings of one function, or of a connection to a stack.

    Raises
    ------
    MissingSettingError
        A setting that is read has no value and is required, or is not a number of seconds.
    """

    # Every function
    stack_name = Required()  # of the CloudFormation stack; also the name of the default pipeline's endpoint
    stack_id = Required()  # ARN of the CloudFormation stack
    aws_region = Required()  # Lambda sets it
    call_timeout_seconds = Seconds(10)  # of one AWS call
    # Builds
    builds_table = Required()  # name of the DynamoDB table
    state_machine_arn = Required()
    launch_topic_arn = Required()
    results_topic_arn = Required()
    dead_letter_queue_url = Required()
    upload_prefix = Optional()  # of the keys that start a build, in each pipeline's folder of the data bucket
    finish_function_arn = Required()
    promote_from = Required()  # name of the stack whose approved models are promoted here
    promote_from_account = Optional()  # its account; empty for the own one
    # Schedules
    launch_queue_arn = Required()
    schedule_role_arn = Required()  # in which the schedules send to the launch queue
    apply_schedule_function = Optional()  # ARN of the function that applies a document's schedule
    # Parameters
    parameters_name = Required()  # of the SSM parameter with the default pipeline's document
    access_name = Required()  # of the SSM parameter that lists who may use the skill
    framework = Required()  # default for a document without one
    version = Optional()  # of sagebuild; a stack without it is older than promotions
    overrides_may_loosen = Optional()  # "true": a request for one build may loosen the document's safeguards
    # Buckets, roles and images
    data_bucket = Required()
    code_bucket = Required()
    model_bucket = Required()
    training_role_arn = Required()
    hosting_role_arn = Required()
    bucket_access = Required()  # JSON: what the roles of builds may read and write in S3; see bucket_access.py
    kms_keys = Optional()  # ARNs of the user's own keys that the roles may use, with commas between them
    async_topics = Optional()  # ARNs of topics to which endpoints may publish, with commas between them
    codecommit_repository = Optional()  # name of the repository whose pushes start builds
    codecommit_repositories = Optional()  # names of others that image builds may clone, with commas between them
    image_project = Required()  # name of the CodeBuild project that builds images
    source_project = Required()  # name of the one that packs sources from git
    image_log_group = Required()
    image_repository_uri = Required()  # account.dkr.ecr.region.domain/name
    vpc_access = Required()  # "true" or "false"
    # The user's functions and state machines, by ARN
    training_config_function = Optional()
    model_config_function = Optional()
    endpoint_config_function = Optional()
    preprocess_state_machine = Optional()
    postprocess_state_machine = Optional()
    # The skill
    skill_id = Optional()  # without one, no Alexa skill may call the service
    last_call_seconds = Seconds(2)  # into a request; after that, the skill starts no AWS call

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def read(self, variable: str) -> str:
        """Return the text of a variable; empty when it is not set."""
        return self._values.get(variable, "")
