"""The options of a deployment: gates, approval, traffic shifting, smoke test and retention."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sagebuild.parameters.groups import BUCKET, Goal, MetricName, StrictModel, refuse_object
from sagebuild.parameters.kinds import Choice, Hours, Number, WholeNumber
from sagebuild.parameters.text_kinds import JsonText, Text

Approval = Literal["none", "manual"]
Shifting = Literal["ALL_AT_ONCE", "CANARY", "LINEAR"]

AlarmName = Text("the name of a CloudWatch alarm", r"(?!\s*$).+", 255)
MimeType = Text("a MIME type such as text/csv", r"[^\s].*", 256)
SampleFile = Text("a key in the code bucket or an S3 address", rf"{BUCKET}/.+|(?!s3:)[^\s].*", 1024)
LONGEST_DEPLOYMENT = 28800  # seconds


class Guardrails(StrictModel):
    """How an update shifts the traffic to the new instances, and which alarms roll it back.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html
    """

    shifting: Annotated[Shifting, Choice(Shifting)] = Field(
        default="ALL_AT_ONCE",
        description="Whether the traffic shifts at once, in two steps (CANARY) or in equal steps (LINEAR).",
    )
    percent: Annotated[int | None, WholeNumber(1, 50)] = Field(
        default=None, description="Percentage of the instances in the canary or in each linear step; for LINEAR at "
        "least 10."
    )  # fmt: skip
    instances: Annotated[int | None, WholeNumber(1, 5000)] = Field(
        default=None, description="Number of instances in a step, instead of percent."
    )
    wait: Annotated[int, WholeNumber(0, 3600, "seconds")] = Field(
        description="How long SageMaker watches the alarms after each step."
    )
    terminationwait: Annotated[int, WholeNumber(0, 3600, "seconds")] = Field(
        default=0, description="How long SageMaker keeps the old instances and watches the alarms after the last step."
    )
    timeout: Annotated[int | None, WholeNumber(600, LONGEST_DEPLOYMENT, "seconds")] = Field(
        default=None, description="Maximum time of the update; SageMaker then rolls it back."
    )
    alarms: tuple[Annotated[str, AlarmName], ...] = Field(
        default=(),
        max_length=10,
        description="Your CloudWatch alarms, each of which rolls the update back. Without alarms, only instances "
        "that do not start roll it back.",
    )

    @model_validator(mode="after")
    def _check_size(self) -> "Guardrails":
        given = [name for name in ("percent", "instances") if getattr(self, name) is not None]
        if self.shifting == "ALL_AT_ONCE" and given:
            raise refuse_object(f"has {given[0]}, which needs shifting CANARY or LINEAR; its shifting is ALL_AT_ONCE")
        if self.shifting != "ALL_AT_ONCE" and len(given) != 1:
            reason = "has both percent and instances; give one" if given else "needs either percent or instances"
            raise refuse_object(reason)
        if self.shifting == "LINEAR" and self.percent and self.percent < 10:
            raise refuse_object(f"has percent {self.percent}; for shifting LINEAR it must be at least 10")
        return self

    @model_validator(mode="after")
    def _check_alarms(self) -> "Guardrails":
        if repeated := {name for name in self.alarms if self.alarms.count(name) > 1}:
            raise refuse_object(f"has the alarm {', '.join(sorted(repeated))} more than once")
        return self

    def waiting_seconds(self, instance_count: int) -> int:
        """Return the seconds that the update waits in total, without the start of the instances."""
        steps = 1
        if self.shifting == "LINEAR":
            steps = math.ceil(100 / self.percent if self.percent else instance_count / (self.instances or 1))
        return steps * self.wait + self.terminationwait


class SmokeTest(StrictModel):
    """A request to the live endpoint; if the answer is wrong, the deployment is rolled back."""

    contenttype: Annotated[str, MimeType] = Field(description="MIME type of the request.")
    body: Annotated[Any | None, JsonText(6000)] = Field(
        default=None, description="Body of the request: text, or any other JSON value."
    )
    file: Annotated[str | None, SampleFile] = Field(
        default=None,
        description="File with the body, instead of body: a key in the code bucket, or an S3 address in the stack's "
        "code or data bucket, or in a bucket of readBuckets.",
    )
    accept: Annotated[str | None, MimeType] = Field(
        default=None, description="MIME type that the request asks for (Accept)."
    )
    status: Annotated[int, WholeNumber(200, 599)] = Field(
        default=200, description="HTTP status that the container must return."
    )
    answertype: Annotated[str | None, MimeType] = Field(
        default=None, description="MIME type that the answer must have. Default: any."
    )
    latency: Annotated[int | None, WholeNumber(1, 60000, "ms")] = Field(
        default=None,
        description="Maximum time of the answer, measured in a Lambda function in the region. The request is then sent "
        "twice, and the second answer counts.",
    )

    @model_validator(mode="after")
    def _check_sample(self) -> "SmokeTest":
        if (self.body is None) == (self.file is None):
            raise refuse_object(
                "needs either body or file" if self.body is None else "has both body and file; give one"
            )
        return self


class QualityGate(StrictModel):
    """Limits for a metric of the training; outside of them the build ends without a deployment."""

    metric: Annotated[str, MetricName] = Field(description="Name of a metric of the training.")
    minimum: Annotated[int | float | None, Number()] = Field(default=None, description="Lowest value that is deployed.")
    maximum: Annotated[int | float | None, Number()] = Field(
        default=None, description="Highest value that is deployed."
    )

    @model_validator(mode="after")
    def _check_limits(self) -> "QualityGate":
        if self.minimum is None and self.maximum is None:
            raise refuse_object("needs minimum or maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise refuse_object(
                f"has minimum {self.minimum:g} and maximum {self.maximum:g}; minimum must not exceed maximum"
            )
        return self


class Improvement(StrictModel):
    """By how much the model must be better than the live model; without a live model, any model is deployed."""

    metric: Annotated[str, MetricName] = Field(description="Name of a metric of the training.")
    margin: Annotated[int | float, Number()] = Field(
        default=0, description="Minimum improvement; with 0, any improvement is enough."
    )
    goal: Annotated[Goal, Choice(Goal)] = Field(
        default="Maximize", description="Whether a higher or a lower value is better."
    )

    @model_validator(mode="after")
    def _check_margin(self) -> "Improvement":
        if self.margin < 0:
            raise refuse_object(f"has margin {self.margin:g}; it must be 0 or more")
        return self


class DeploymentOptions(StrictModel):
    """The options of a deployment."""

    qualitygate: QualityGate | None = Field(
        default=None, description="Deploys the model only if a metric of its training is within limits."
    )
    mustimprove: Improvement | None = Field(
        default=None, description="Deploys the model only if a metric of its training is better than the live model's."
    )
    approval: Annotated[Approval, Choice(Approval)] = Field(
        default="none", description="manual waits for a person's approval before the deployment."
    )
    approvalhours: Annotated[float, Hours(0.001, 720)] = Field(
        default=24,
        description="How long the build waits for approval; without approval by then, the model is not deployed.",
    )
    guardrails: Guardrails | None = Field(
        default=None, description="Shifts the traffic in steps and watches alarms. Default: shifts at once."
    )
    smoketest: SmokeTest | None = Field(
        default=None,
        description="A request that the live endpoint must answer; otherwise sagebuild restores its previous model.",
    )
    keepbuilds: Annotated[int, WholeNumber(1, 100)] = Field(
        default=10,
        description="Number of the newest successful builds that keep their model and endpoint configuration for a "
        "rollback. The live build, and the one before it, are always kept.",
    )
