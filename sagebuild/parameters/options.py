"""The options of training, network and endpoint; an option that is left out is not sent to SageMaker."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sagebuild.parameters.deployment_options import DeploymentOptions
from sagebuild.parameters.groups import S3Address, StrictModel, refuse_object
from sagebuild.parameters.instances import InstanceGroup
from sagebuild.parameters.kinds import Choice, Dollars, Flag, Hours, Number, WholeNumber
from sagebuild.parameters.schedule_options import ScheduleOptions
from sagebuild.parameters.serving_options import ServingOptions
from sagebuild.parameters.step_options import StepOptions
from sagebuild.parameters.text_kinds import Scalar, Text
from sagebuild.parameters.transform_options import TransformOptions

Strategy = Literal["parameter_server", "mpi", "smdistributed", "torch_distributed"]

Subnet = Annotated[str, Text("a subnet's id such as subnet-0123abcd", r"subnet-[0-9a-z]+", 32)]
SecurityGroup = Annotated[str, Text("a security group's id such as sg-0123abcd", r"sg-[0-9a-z]+", 32)]
KeyId = Text("a KMS key's id, ARN or alias", r"[a-zA-Z0-9:/_-]+", 2048)
TopicArn = Text("the ARN of an SNS topic", r"arn:aws[a-z-]*:sns:[a-z0-9-]*:[0-9]{12}:[a-zA-Z0-9_.-]+", 2048)
TrainingVariable = Annotated[
    str, Text("a variable name of at most 512 letters, digits and underscores", r"[a-zA-Z_][a-zA-Z0-9_]*", 512)
]


class Checkpoints(StrictModel):
    """Where a training keeps its checkpoints, from which it continues after an interruption.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CheckpointConfig.html
    """

    uri: Annotated[str | None, S3Address] = Field(
        default=None,
        description="S3 address from which each training continues. Default: a folder for each build under "
        "checkpoints/ in the stack's model bucket.",
    )
    path: Annotated[str | None, Text("an absolute path such as /opt/ml/checkpoints", r"/[^\s]*", 4096)] = Field(
        default=None, description="Folder in the container. Default: /opt/ml/checkpoints."
    )


class Serverless(StrictModel):
    """An endpoint without instances, billed by use.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantServerlessConfig.html
    """

    memory: Annotated[int, WholeNumber(1, 6, "GB")] = Field(description="Memory of each container.")
    concurrency: Annotated[int, WholeNumber(1, 200)] = Field(description="Maximum number of concurrent requests.")
    provisioned: Annotated[int | None, WholeNumber(1, 200)] = Field(
        default=None, description="Number of concurrent requests with warm capacity, which AWS bills all the time."
    )

    @model_validator(mode="after")
    def _check_provisioned(self) -> "Serverless":
        if self.provisioned and self.provisioned > self.concurrency:
            raise refuse_object(
                f"has provisioned {self.provisioned}; it must not exceed concurrency, which is {self.concurrency}"
            )
        return self


class Asynchronous(StrictModel):
    """An endpoint that queues requests and writes the answers to S3.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceConfig.html
    """

    output: Annotated[str | None, S3Address] = Field(
        default=None, description="S3 address for the answers. Default: asynchronous/ in the stack's model bucket."
    )
    concurrency: Annotated[int | None, WholeNumber(1, 1000)] = Field(
        default=None, description="Concurrent requests for each instance. Default: SageMaker chooses."
    )
    successtopic: Annotated[str | None, TopicArn] = Field(
        default=None,
        description="SNS topic for successful requests: the results topic, or one of the deploy parameter asyncTopics.",
    )
    errortopic: Annotated[str | None, TopicArn] = Field(
        default=None,
        description="SNS topic for failed requests: the results topic, or one of the deploy parameter asyncTopics.",
    )


class Autoscaling(StrictModel):
    """Adds and removes instances behind the endpoint by its load.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
    """

    minimum: Annotated[int, WholeNumber(0, 10000)] = Field(
        description="Minimum number of instances; 0 is for asynchronous endpoints and inference components only."
    )
    maximum: Annotated[int, WholeNumber(1, 10000)] = Field(description="Maximum number of instances.")
    target: Annotated[int | float, Number()] = Field(
        description="Target of invocations per minute and instance; for an asynchronous endpoint, of queued requests "
        "per instance."
    )
    scaleincooldown: Annotated[int | None, WholeNumber(0, 86400, "seconds")] = Field(
        default=None, description="Cooldown after a scale-in; default 300."
    )
    scaleoutcooldown: Annotated[int | None, WholeNumber(0, 86400, "seconds")] = Field(
        default=None, description="Cooldown after a scale-out; default 300."
    )

    @model_validator(mode="after")
    def _check_capacity(self) -> "Autoscaling":
        if self.minimum > self.maximum:
            raise refuse_object(f"goes from {self.minimum} to {self.maximum}; minimum must not exceed maximum")
        return self

    @model_validator(mode="after")
    def _check_target(self) -> "Autoscaling":
        if self.target <= 0:
            raise refuse_object(f"has target {self.target}; it must be above 0")
        return self


class Distribution(StrictModel):
    """Training with several processes.

    The containers read these as hyperparameters: https://github.com/aws/sagemaker-training-toolkit
    """

    strategy: Annotated[Strategy, Choice(Strategy)] = Field(description="How the processes communicate.")
    processes: Annotated[int | None, WholeNumber(1, 1024)] = Field(
        default=None, description="Number of processes on each instance; for mpi only."
    )
    options: Annotated[str | None, Text("options of mpirun of at most 2500 characters", r"[\s\S]+", 2500)] = Field(
        default=None, description="More options of mpirun; for mpi and smdistributed."
    )

    @model_validator(mode="after")
    def _check_parts(self) -> "Distribution":
        if self.processes and self.strategy != "mpi":
            raise refuse_object(f"has processes, which need strategy mpi; its strategy is {self.strategy}")
        if self.options and self.strategy not in ("mpi", "smdistributed"):
            raise refuse_object(
                f"has options, which need strategy mpi or smdistributed; its strategy is {self.strategy}"
            )
        return self


class Distributed(StrictModel):
    """The parameter of frameworks whose containers start several training processes."""

    distribution: Distribution | None = Field(
        default=None, description="Starts several training processes, on one or more instances."
    )


class TrainingOptions(StrictModel):
    """The options of a training."""

    environment: dict[TrainingVariable, Annotated[str, Scalar(512)]] = Field(
        default={}, max_length=100, description="Environment variables of the training container."
    )
    trafficencryption: Annotated[bool, Flag()] = Field(
        default=False, description="true encrypts the traffic between training instances, which makes it slower."
    )
    checkpoints: Checkpoints | None = Field(default=None, description="Stores the training's checkpoints in S3.")
    spot: Annotated[bool, Flag()] = Field(
        default=False, description="true trains on spot instances, which are cheaper and can be interrupted."
    )
    spotmaxwait: Annotated[float | None, Hours(0.001, 672)] = Field(
        default=None,
        description="Maximum time of a spot training, including the wait for capacity; at least trainmaxrun.",
    )
    maxcost: Annotated[float | None, Dollars(1_000_000)] = Field(
        default=None,
        description="Maximum cost of the training, or of all trainings of a tuning job, and of the processing, "
        "evaluation and batch transform jobs, by the price table. The jobs' maxrun is reserved, and SageMaker stops "
        "the training when the rest is spent. The endpoint, warm pools and image builds are not included.",
    )
    retryattempts: Annotated[int | None, WholeNumber(1, 30)] = Field(
        default=None,
        description="How often SageMaker retries a training after an internal error of its own. trainmaxrun limits all "
        "attempts together.",
    )
    instancegroups: tuple[InstanceGroup, ...] = Field(
        default=(),
        max_length=5,
        description="Training instances of several types, instead of traininstancetype and traininstancecount.",
    )
    keepalive: Annotated[int | None, WholeNumber(0, 21600, "seconds")] = Field(
        default=None,
        description="How long the training instances stay, and are billed, for the next training: a warm pool. It "
        "needs a quota.",
    )
    volumekmskey: Annotated[str | None, KeyId] = Field(
        default=None,
        description="KMS key of the deploy parameter kmsKeys for the disks of the instances of training, "
        "processing, evaluation and batch transform.",
    )
    outputkmskey: Annotated[str | None, KeyId] = Field(
        default=None,
        description="KMS key of the deploy parameter kmsKeys for the output of the training and of the "
        "processing, evaluation and batch transform jobs, the served model, the captured data and the "
        "answers of an asynchronous endpoint in S3.",
    )


class NetworkOptions(StrictModel):
    """The network of the jobs and the model."""

    subnets: tuple[Subnet, ...] = Field(
        default=(),
        max_length=16,
        description="Subnets of your VPC for the jobs and the model; needs securitygroups.",
    )
    securitygroups: tuple[SecurityGroup, ...] = Field(
        default=(),
        max_length=5,
        description="Security groups of your VPC for the jobs and the model; needs subnets.",
    )
    networkisolation: Annotated[bool, Flag()] = Field(
        default=False,
        description="true runs the jobs and the model without a network. The training then gets its script "
        "as the channel code, the endpoint from the model's archive.",
    )


class EndpointOptions(StrictModel):
    """The options of an endpoint."""

    hostkmskey: Annotated[str | None, KeyId] = Field(
        default=None, description="KMS key of the deploy parameter kmsKeys for the disks of the endpoint's instances."
    )
    serverless: Serverless | None = Field(
        default=None, description="A serverless endpoint; hostinstancetype then only selects the image."
    )
    asynchronous: Asynchronous | None = Field(
        default=None, description="An asynchronous endpoint: it queues requests and writes the answers to S3."
    )
    autoscaling: Autoscaling | None = Field(
        default=None, description="Adds and removes instances according to the load. It starts with hostinstancecount."
    )


class Options(
    TrainingOptions,
    StepOptions,
    TransformOptions,
    NetworkOptions,
    EndpointOptions,
    ServingOptions,
    DeploymentOptions,
    ScheduleOptions,
):
    """The options of all groups."""
