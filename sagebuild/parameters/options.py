"""What a person may ask of SageMaker beyond the contract's groups; whatever is left out is not sent."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sagebuild.parameters.deployment_options import DeploymentOptions
from sagebuild.parameters.groups import S3Address, StrictModel, refuse_object
from sagebuild.parameters.kinds import Choice, Dollars, Flag, Hours, Number, Scalar, Text, WholeNumber

Strategy = Literal["parameter_server", "mpi", "smdistributed", "torch_distributed"]

Subnet = Annotated[str, Text("a subnet's id such as subnet-0123abcd", r"subnet-[0-9a-z]+", 32)]
SecurityGroup = Annotated[str, Text("a security group's id such as sg-0123abcd", r"sg-[0-9a-z]+", 32)]
KeyId = Text("a KMS key's id, ARN or alias", r"[a-zA-Z0-9:/_-]+", 2048)
TopicArn = Text("the ARN of an SNS topic", r"arn:aws[a-z-]*:sns:[a-z0-9-]*:[0-9]{12}:[a-zA-Z0-9_.-]+", 2048)
TrainingVariable = Annotated[
    str, Text("a variable's name of at most 512 letters, digits and underscores", r"[a-zA-Z_][a-zA-Z0-9_]*", 512)
]


class Checkpoints(StrictModel):
    """Where a training keeps what it needs to go on after an interruption.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CheckpointConfig.html
    """

    uri: Annotated[str | None, S3Address] = Field(
        default=None,
        description="S3 address, from which each training goes on; without it, each build has its own folder under "
        "checkpoints/ in the stack's model bucket.",
    )
    path: Annotated[str | None, Text("an absolute path such as /opt/ml/checkpoints", r"/[^\s]*", 4096)] = Field(
        default=None, description="Folder in the container; without it, /opt/ml/checkpoints."
    )


class Serverless(StrictModel):
    """An endpoint without instances, paid for by use.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantServerlessConfig.html
    """

    memory: Annotated[int, WholeNumber(1, 6, "GB")] = Field(description="Memory of each copy of the container.")
    concurrency: Annotated[int, WholeNumber(1, 200)] = Field(description="Requests that it serves at a time.")
    provisioned: Annotated[int | None, WholeNumber(1, 200)] = Field(
        default=None, description="How many of them are kept warm, and paid for all the time."
    )

    @model_validator(mode="after")
    def _check_provisioned(self) -> "Serverless":
        if self.provisioned and self.provisioned > self.concurrency:
            raise refuse_object(
                f"has provisioned {self.provisioned} and concurrency {self.concurrency}; provisioned must not be more"
            )
        return self


class Asynchronous(StrictModel):
    """An endpoint that queues requests and writes its answers to S3.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceConfig.html
    """

    output: Annotated[str | None, S3Address] = Field(
        default=None, description="S3 address of the answers; without it, asynchronous/ in the stack's model bucket."
    )
    concurrency: Annotated[int | None, WholeNumber(1, 1000)] = Field(
        default=None, description="Requests that an instance works on at a time; without it, SageMaker chooses."
    )
    successtopic: Annotated[str | None, TopicArn] = Field(
        default=None, description="SNS topic that hears of each answer; its policy must let the hosting role publish."
    )
    errortopic: Annotated[str | None, TopicArn] = Field(
        default=None, description="SNS topic that hears of each failure; its policy must let the hosting role publish."
    )


class Autoscaling(StrictModel):
    """Instances behind the endpoint that come and go with its load.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
    """

    minimum: Annotated[int, WholeNumber(0, 10000)] = Field(
        description="Fewest instances; 0 is for asynchronous endpoints alone."
    )
    maximum: Annotated[int, WholeNumber(1, 10000)] = Field(description="Most instances.")
    target: Annotated[int | float, Number()] = Field(
        description="Invocations per minute and instance to aim at; of an asynchronous endpoint, requests in the "
        "queue per instance."
    )
    scaleincooldown: Annotated[int | None, WholeNumber(0, 86400, "seconds")] = Field(
        default=None, description="Pause after instances went; without it, 300."
    )
    scaleoutcooldown: Annotated[int | None, WholeNumber(0, 86400, "seconds")] = Field(
        default=None, description="Pause after instances came; without it, 300."
    )

    @model_validator(mode="after")
    def _check_capacity(self) -> "Autoscaling":
        if self.minimum > self.maximum:
            raise refuse_object(f"goes from {self.minimum} to {self.maximum}; minimum must not be more than maximum")
        return self

    @model_validator(mode="after")
    def _check_target(self) -> "Autoscaling":
        if self.target <= 0:
            raise refuse_object(f"has target {self.target}; it must be more than 0")
        return self


class Distribution(StrictModel):
    """How several training processes work together.

    https://github.com/aws/sagemaker-training-toolkit reads these as hyperparameters.
    """

    strategy: Annotated[Strategy, Choice(Strategy)] = Field(description="What ties the processes together.")
    processes: Annotated[int | None, WholeNumber(1, 1024)] = Field(
        default=None, description="Processes on each instance; for mpi alone."
    )
    options: Annotated[str | None, Text("options of mpirun of at most 2500 characters", r"[\s\S]+", 2500)] = Field(
        default=None, description="Further options of mpirun; for mpi and smdistributed."
    )

    @model_validator(mode="after")
    def _check_parts(self) -> "Distribution":
        if self.processes and self.strategy != "mpi":
            raise refuse_object(f"has processes, which are for strategy mpi; its strategy is {self.strategy}")
        if self.options and self.strategy not in ("mpi", "smdistributed"):
            raise refuse_object(f"has options, which are for mpi and smdistributed; its strategy is {self.strategy}")
        return self


class Distributed(StrictModel):
    """What frameworks have whose containers start several training processes."""

    distribution: Distribution | None = Field(
        default=None, description="Lets the container start processes that train together, on one instance or several."
    )


class TrainingOptions(StrictModel):
    """What a training may have besides."""

    environment: dict[TrainingVariable, Annotated[str, Scalar(512)]] = Field(
        default={}, max_length=100, description="Environment variables of the training's container."
    )
    trafficencryption: Annotated[bool, Flag()] = Field(
        default=False, description="Whether traffic between training instances is encrypted, which slows it."
    )
    checkpoints: Checkpoints | None = Field(default=None, description="Keeps the training's checkpoints in S3.")
    spot: Annotated[bool, Flag()] = Field(
        default=False, description="Whether to train on spare capacity, which is cheaper and may be interrupted."
    )
    spotmaxwait: Annotated[float | None, Hours(0.001, 672)] = Field(
        default=None, description="Hours that a spot training may take, waiting included; at least trainmaxrun."
    )
    maxcost: Annotated[float | None, Dollars(1_000_000)] = Field(
        default=None,
        description="The most that the training, or all trainings of a tuning job, may cost by the price table: "
        "SageMaker stops it when that is spent. The endpoint, warm pools and image builds are not part of it.",
    )
    keepalive: Annotated[int | None, WholeNumber(0, 21600, "seconds")] = Field(
        default=None,
        description="How long the training instances stay for the next training, and are paid for; such a warm pool "
        "needs a quota.",
    )
    volumekmskey: Annotated[str | None, KeyId] = Field(
        default=None, description="KMS key of the training instances' disks."
    )
    outputkmskey: Annotated[str | None, KeyId] = Field(
        default=None,
        description="KMS key of what training and asynchronous endpoint write to S3; its policy must let the training "
        "and hosting roles use it.",
    )


class NetworkOptions(StrictModel):
    """Where training and model stand in the network."""

    subnets: tuple[Subnet, ...] = Field(
        default=(), max_length=16, description="Subnets of your VPC for training and model; needs securitygroups."
    )
    securitygroups: tuple[SecurityGroup, ...] = Field(
        default=(), max_length=5, description="Security groups of your VPC for training and model; needs subnets."
    )
    networkisolation: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether training and model run without any network. A framework's scripts then come as the "
        "channel code and in the model's archive.",
    )


class EndpointOptions(StrictModel):
    """What an endpoint may be besides instances that answer at once."""

    hostkmskey: Annotated[str | None, KeyId] = Field(
        default=None, description="KMS key of the endpoint instances' disks."
    )
    serverless: Serverless | None = Field(
        default=None, description="Serves without instances; hostinstancetype then only chooses the image."
    )
    asynchronous: Asynchronous | None = Field(default=None, description="Queues requests and writes the answers to S3.")
    autoscaling: Autoscaling | None = Field(
        default=None, description="Adds and removes instances with the load; hostinstancecount is where it starts."
    )


class Options(TrainingOptions, NetworkOptions, EndpointOptions, DeploymentOptions):
    """All of them."""
