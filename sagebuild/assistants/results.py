"""The results of the tools: the server publishes their JSON Schemas, and refuses a result that does not fit."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from sagebuild.builds.records import StepJob, Trigger
from sagebuild.changes.approval import Waiting
from sagebuild.changes.basis import Live
from sagebuild.changes.document import NewValues
from sagebuild.changes.promotion import Promotion
from sagebuild.changes.rollback import Rollback
from sagebuild.changes.start import NextBuild
from sagebuild.changes.stop import Stop
from sagebuild.changes.token import Action
from sagebuild.client.trials import Trial
from sagebuild.running.endpoint import Endpoint
from sagebuild.running.stop import Stopped
from sagebuild.view.steps import Step

_complete = with_config(ConfigDict(extra="forbid"))

Time = Annotated[str, Field(description="ISO 8601 in UTC; empty if there is none yet.")]
Dollars = Annotated[float | None, Field(description="An estimate in US dollars; null if a price is unknown.")]
Sentence = Annotated[str, Field(description="The result in words, for the user.")]
# A value is null if JSON lacks it, such as NaN, and "(hidden)" if the name is one of a secret.
Metrics = Annotated[dict[str, float | str | None], Field(description="The last value of each metric.")]
Document = Annotated[dict[str, Any] | str, Field(description="A text if it is not a JSON object.")]


@_complete
class File(TypedDict):
    """A copied file of a model."""

    uri: str
    etag: str
    bytes: int


@_complete
class ComparedBuild(TypedDict):
    """The record of a build, without its parameters. A text is empty where there is nothing to say."""

    number: int
    status: Annotated[
        str,
        Field(
            description="launching, running, stopping, waiting, succeeded, failed, stopped, or withheld: not deployed."
        ),
    ]
    step: Annotated[str, Field(description="The step in which the build failed or was stopped.")]
    reason: Annotated[str, Field(description="Why it did not succeed.")]
    trigger: Trigger
    requests: Annotated[int, Field(description="The number of requests that it covers.")]
    request_kinds: dict[str, int]
    requested_since: Time
    stop_requested_by: str
    created_at: Time
    ended_at: Time
    seconds: Annotated[float, Field(description="From the launch to the end, or to now.")]
    overrides: Annotated[Document | None, Field(description="The parameters for this build alone.")]
    notes: list[str]
    origin: Annotated[dict[str, Any], Field(description="Of a promotion, the promoted build; else empty.")]
    project_commit: str
    source_commit: str
    inputs: Annotated[list[dict[str, str]], Field(description="Data and source: name, uri and version.")]
    training_image: str
    inference_image: str
    image_builds: list[str]
    step_jobs: list[StepJob]
    training_job: str
    job_status: str
    job_seconds: Annotated[int, Field(description="The billable seconds of the training.")]
    tuning_job: str
    trainings: int
    trainings_completed: int
    best_hyperparameters: dict[str, str]
    artifacts: Annotated[str, Field(description="The S3 address of the trained model.")]
    artifacts_etag: str
    model_files: list[File]
    model: str
    model_package: str
    pruned_at: Time
    endpoint_config: str
    component: Annotated[str, Field(description="The name of the inference component; empty without one.")]
    live_before: Annotated[str, Field(description="The endpoint configuration before the build.")]
    live_after: Annotated[str, Field(description="The endpoint configuration after the build.")]
    restores: Annotated[int, Field(description="Of a rollback, the build whose model it deploys; else 0.")]
    endpoint_remade: bool
    restore_failed: bool
    metrics: Metrics
    evaluation_metrics: Metrics
    live_metrics: Metrics
    cost: Dollars
    cost_max: Dollars
    cost_limit: Dollars
    training_hourly_cost: Dollars
    endpoint_hourly_cost: Dollars
    prices_date: str
    cost_left_out: list[str]
    approval: Annotated[str, Field(description="approved, rejected, or empty.")]
    approval_by: str
    approval_comment: str
    approval_requested_at: Time
    approval_until: Time


@_complete
class BuildRow(ComparedBuild):
    """The record of a build, with the address of its execution."""

    console_url: str


@_complete
class BuildFacts(BuildRow):
    """The record of a build, with the parameter document that it has read; null before that."""

    parameters: Document | None


@_complete
class BuildResult(BuildFacts):
    """One build."""

    sentence: Sentence
    steps: list[Step]


@_complete
class StatusResult(TypedDict):
    """The newest build, whether another one follows, and the endpoint; null without an endpoint."""

    sentences: list[str]
    build: Annotated[BuildFacts | None, Field(description="Null before the first build.")]
    steps: list[Step]
    endpoint: Endpoint | None
    waiting: bool


@_complete
class BuildsResult(TypedDict):
    """Builds, newest first."""

    builds: list[BuildRow]


@_complete
class Line(TypedDict):
    """A line of a log."""

    time: Time
    source: str
    text: str


@_complete
class LogsResult(TypedDict):
    """The newest lines of a build's logs, and the number of those that are left out."""

    number: Annotated[int | None, Field(description="Null if there is no build yet.")]
    lines: list[Line]
    left_out: int


@_complete
class FailureResult(TypedDict):
    """Why a build failed, and what to do next."""

    number: Annotated[int | None, Field(description="Null if none of the newest builds has failed.")]
    status: str
    sentence: Sentence
    step: str
    reason: str
    notes: list[str]
    failed_steps: list[Step]
    log: list[Line]
    next: str


@_complete
class MetricsResult(TypedDict):
    """The metrics of recent builds, or of the build `number`."""

    builds: NotRequired[Annotated[list[int], Field(description="The builds of the lists in `metrics`.")]]
    number: NotRequired[int]
    metrics: Annotated[
        dict[str, float | str | list[float | None] | None],
        Field(description="Of one build, the last value of each metric; of several, a list with one for each build."),
    ]
    live_metrics: NotRequired[Metrics]
    curves: NotRequired[
        Annotated[dict[str, list[float | None] | str], Field(description="All values in time order, at most 200.")]
    ]
    trials: NotRequired[list[Trial]]
    notes: NotRequired[list[str]]


@_complete
class Difference(TypedDict):
    """A parameter that differs, by its dotted name; each value only if there is one."""

    name: str
    before: NotRequired[Any]
    after: NotRequired[Any]


@_complete
class CompareResult(TypedDict):
    """Two builds, and the parameters that differ."""

    builds: list[ComparedBuild]
    parameters: list[Difference]


@_complete
class EstimateResult(TypedDict):
    """An estimate."""

    sentence: Sentence
    spent: Dollars
    maximum: Dollars
    endpoint_hourly: Dollars
    prices_date: str
    left_out: Annotated[list[str], Field(description="A sentence for each cost that is not included.")]
    has_steps: Annotated[bool, Field(description="Whether processing, evaluation and transform jobs are included.")]
    trains: Annotated[bool, Field(description="Whether a training is included.")]


@_complete
class CostResult(EstimateResult):
    """What a build has cost, and can cost at most."""

    number: Annotated[int | None, Field(description="Null if there is no build yet.")]


@_complete
class ParametersResult(TypedDict):
    """The parameter document, and what is wrong with it."""

    name: Annotated[str, Field(description="The name of the SSM parameter.")]
    version: int
    document: Document
    problems: list[str]
    values: NotRequired[Annotated[dict[str, Any], Field(description="The value that a build uses for each parameter.")]]


@_complete
class PipelineFacts(TypedDict):
    """A pipeline of the stack."""

    name: str
    build: Annotated[int | None, Field(description="The newest build; null before the first.")]
    outcome: str
    pending: Annotated[int, Field(description="The number of requests that wait for the running build to end.")]
    live_build: int | None
    live_since: Time
    training_cost: Dollars
    endpoint_hourly_cost: Dollars
    age_seconds: Annotated[int | None, Field(description="Since the live build ended.")]


@_complete
class PipelinesResult(TypedDict):
    """The pipelines of the stack, the default one first."""

    pipelines: list[PipelineFacts]


@_complete
class PlanResult(TypedDict):
    """What a change would do."""

    action: Action
    pipeline: str
    effect: Annotated[str, Field(description="The effect in words, for the user.")]
    cost: EstimateResult | None
    live: Annotated[Live, Field(description="What is live now.")]
    details: NextBuild | Stop | Waiting | Rollback | NewValues | Promotion
    token: Annotated[str, Field(description="For apply_change.")]


@_complete
class AppliedResult(TypedDict):
    """What was done."""

    sentence: Sentence
    action: Action
    pipeline: str
    number: Annotated[int, Field(description="The build; 0 for parameters.")]
    started: Annotated[bool, Field(description="Of a start or rollback: false while the build waits.")]
    running: int | None
    waiting: Annotated[int, Field(description="Of a start that waits: the number of requests for its build.")]
    restores: Annotated[int, Field(description="Of a rollback: the build to which it returns; else 0.")]
    repeated: Annotated[bool, Field(description="True if the token was applied before, and nothing was done now.")]
    stopped: Stopped | None
    follows: Annotated[int | None, Field(description="Of a stop: the build that starts then.")]
    receiver: Annotated[str, Field(description="Of a promotion: the pipeline of its build; else empty.")]
