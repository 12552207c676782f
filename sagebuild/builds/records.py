"""The build records, from which voice, notebooks, command line and notifications all report.

They are items of the builds table, with the build's ``number`` and the ``kind`` "build", or "build#PIPELINE" for a
pipeline with a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, TypedDict

from sagebuild.builds.items import from_item, to_item
from sagebuild.errors import BuildNotFoundError
from sagebuild.service import Service, aws_call

_PAGE_SIZE = 20
# The condition that a build has not ended.
NOT_ENDED: Mapping[str, Any] = {"ended_at": ""}
# The token would let its holder approve the build.
_SECRETS = ("approval_token",)
# Records of version 0.1 use these names.
_EARLIER_NAMES = {"prices_of": "prices_date", "cost_most": "cost_max"}


class ModelFile(TypedDict):
    """A file of a model in S3, as it was when the build copied it."""

    uri: str
    etag: str
    bytes: int


class BuildInput(TypedDict):
    """Data or a source archive that a build reads, as it was when the build was planned; the version may be empty."""

    name: str
    uri: str
    version: str


@dataclass(frozen=True)
class Trigger:
    """What started a build.

    Parameters
    ----------
    kind
        One of `sagebuild.launch.triggers.KINDS`, such as "upload" or "voice".
    detail
        Identifies the trigger for the user: a file, a branch and commit, an alarm's name.
    rollback
        The target of a rollback, "previous" or a build's number; empty for a build.
    """

    kind: str
    detail: str = ""
    rollback: str = ""


@dataclass(frozen=True)
class StepJob:
    """A processing, evaluation or transform job of a build.

    Parameters
    ----------
    name
        The name in the parameter document; "evaluation" and "evaluation-live" for the two of an evaluation; "transform"
        for a batch transform.
    job
        The name in SageMaker; empty for a job that does not run, because an earlier build's outputs are used.
    outputs_of
        The number of the build whose outputs are used: this one, or the earlier one.
    hourly_cost
        US dollars for an hour of all its instances; None without a known price.
    key
        A hash of what goes into it, by which later builds find equal jobs; empty if none is known.
    report
        Of an evaluation, the S3 address of its report.
    kind
        "processing" or "transform", the kind of job in SageMaker.
    output
        Of a batch transform, the S3 address of the folder with the results.
    status, seconds, reason
        When it was last described; empty and 0 before it has begun. ``reason`` is its exit message.
    """

    name: str
    job: str
    outputs_of: int
    hourly_cost: float | None = None
    key: str = ""
    report: str = ""
    kind: str = "processing"
    output: str = ""
    status: str = ""
    seconds: int = 0
    reason: str = ""

    @property
    def is_running(self) -> bool:
        """Whether it runs and costs money."""
        return self.status in ("InProgress", "Stopping")

    @property
    def has_ended(self) -> bool:
        """Whether it has ended; False before it has begun."""
        return self.status not in ("", "InProgress", "Stopping")


@dataclass(frozen=True)
class BuildRecord:
    """The record of one build. Times are ISO 8601 in UTC.

    ``status`` is "launching" until the execution has started, then "running", and "stopping" after a request to stop.
    The outcome is "succeeded", "failed", "stopped" or "withheld": trained and not deployed, because of a gate or a
    missing approval. ``reason`` explains every outcome but success.
    """

    number: int
    trigger: Trigger
    created_at: str
    requests: int = 1  # the number of requests that it covers
    request_kinds: dict[str, int] = field(default_factory=dict)  # the number of each kind
    requested_since: str = ""  # time of the first request, if the build was pending
    overrides: str = ""  # JSON; parameters for this build only
    origin: dict[str, Any] = field(default_factory=dict)  # of a promotion; see sagebuild.promotion.manifest
    project_commit: str = ""  # git commit of the project that was applied, with -dirty after it for changed files
    status: str = "launching"
    parameters: str = ""  # JSON; the document when it was read
    notes: list[str] = field(default_factory=list)
    source_commit: str = ""  # of git_config
    inputs: list[BuildInput] = field(default_factory=list)  # the channels of the training, and the archive "source"
    training_image: str = ""
    inference_image: str = ""
    image_builds: list[str] = field(default_factory=list)  # tags of the images that it builds
    step_jobs: list[StepJob] = field(default_factory=list)  # beside the training, in order
    training_job: str = ""  # of a tuning job, the best training
    tuning_job: str = ""
    trainings: int = 0  # of a tuning job
    trainings_completed: int = 0
    best_hyperparameters: dict[str, str] = field(default_factory=dict)  # of the best training, out of the tuning ranges
    artifacts: str = ""  # S3 address of the trained model
    artifacts_etag: str = ""  # of the trained model, when it was copied
    model_files: list[ModelFile] = field(default_factory=list)  # the copies that the model serves
    model: str = ""
    model_package: str = ""  # its ARN in the model registry
    endpoint_config: str = ""
    live_before: str = ""  # endpoint configuration before the build; empty without an endpoint
    live_after: str = ""
    endpoint_remade: bool = False  # undone by deleting and recreating a Failed endpoint
    restore_failed: bool = False  # the endpoint still had its configuration at the end of a build that did not succeed
    restores: int = 0  # of a rollback, the number of the build whose model it deploys
    keep_builds: int = 0  # how many successful builds keep their models; 0: all
    pruned_at: str = ""  # time when its model was deleted, beyond keep_builds
    component: str = ""  # the name of the inference component that it deploys; empty without one
    component_before: str = ""  # JSON; see sagebuild.running.undo_component; empty without one
    changes_scaling: bool = False  # registers or deregisters scaling
    scaling_before: str = ""  # JSON; empty without scaling
    stop_requested_by: str = ""
    job_status: str = ""
    job_seconds: int = 0  # billable
    prices_date: str = ""  # ISO date; all costs are estimates in US dollars, None without a known price
    cost_max: float | None = None  # highest possible cost of the training, as planned
    cost: float | None = None  # cost of the training so far
    training_hourly_cost: float | None = None  # of one training, for all its instances
    cost_limit: float | None = None  # the parameter maxcost, where it shortened the training
    endpoint_hourly_cost: float | None = None
    cost_left_out: list[str] = field(default_factory=list)  # sentences
    metrics: dict[str, float] = field(default_factory=dict)
    evaluation_metrics: dict[str, float] = field(default_factory=dict)  # from the report; metrics has them, too
    live_metrics: dict[str, float] = field(default_factory=dict)  # of the model that was live at the gate
    approval_token: str = field(default="", repr=False)  # until the answer is sent
    approval_requested_at: str = ""
    approval_until: str = ""
    approval: str = ""  # "approved" or "rejected"
    approval_by: str = ""
    approval_comment: str = ""
    step: str = ""  # the state in which it failed or was stopped
    reason: str = ""
    ended_at: str = ""
    notice_claimed_at: str = ""
    notice_claimed_by: str = ""  # the Lambda invocation that publishes
    notified_at: str = ""  # the notification was published

    @property
    def has_succeeded(self) -> bool:
        """Whether the build succeeded; False also while it runs."""
        return self.status == "succeeded"

    @property
    def deployed_its_model(self) -> bool:
        """Whether the build succeeded and the endpoint served its model afterwards; False for a rollback."""
        return self.has_succeeded and not self.trigger.rollback and self.live_after == self.endpoint_config != ""

    @property
    def is_promoted(self) -> bool:
        """Whether its model is another build's, of another stack or pipeline; known once the plan has read it."""
        return "stack" in self.origin

    @property
    def promoted_from(self) -> str:
        """The promoted build, such as "build 12 of sagebuild-dev"; empty for any other, or before Plan Build."""
        if not self.is_promoted:
            return ""
        pipeline = f"/{self.origin['pipeline']}" if self.origin["pipeline"] else ""
        return f"build {self.origin['build']} of {self.origin['stack']}{pipeline}"

    @property
    def awaits_approval(self) -> bool:
        """Whether the build waits for an approval and has no answer yet."""
        return self.status == "running" and bool(self.approval_token) and not self.approval

    @property
    def has_ended(self) -> bool:
        """Whether the build has its outcome."""
        return bool(self.ended_at)

    @property
    def seconds(self) -> float:
        """Seconds from launch to end, or to now."""
        end = datetime.fromisoformat(self.ended_at) if self.ended_at else now()
        return (end - datetime.fromisoformat(self.created_at)).total_seconds()


def describe_record(record: BuildRecord) -> dict[str, Any]:
    """Return the attributes of a record by name, without the approval token."""
    return {name: value for name, value in asdict(record).items() if name not in _SECRETS}


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def read_build(service: Service, number: int) -> BuildRecord:
    """Read a build's record.

    Raises
    ------
    BuildNotFoundError
        No build has that number.
    """
    with aws_call(f"read build {number}"):
        item = service.dynamodb.get_item(
            TableName=service.settings.builds_table, Key=build_key(service, number), ConsistentRead=True
        ).get("Item")
    if not item:
        raise BuildNotFoundError(f"There is no build {number} in {service.label}.")
    return to_record(item)


def list_builds(service: Service, limit: int = 20, before: int = 0) -> list[BuildRecord]:
    """List the newest builds, newest first.

    Parameters
    ----------
    before
        List the builds with lower numbers than this one; 0: all. It is part of the key, so no other item is read.
    """
    return list(_query_builds(service, before, limit, page_size=limit))


def search_builds(service: Service, limit: int, before: int = 0) -> Iterator[BuildRecord]:
    """Yield the same builds as `list_builds`, and read the next 20 only when they are needed."""
    return _query_builds(service, before, limit, _PAGE_SIZE)


def list_unpruned(service: Service, after: int) -> list[BuildRecord]:
    """List the builds with higher numbers than this one that succeeded and have their model, newest first."""
    condition = "#status = :succeeded AND (attribute_not_exists(pruned_at) OR pruned_at = :none)"
    pages = service.dynamodb.get_paginator("query").paginate(
        TableName=service.settings.builds_table,
        KeyConditionExpression="kind = :build AND #number > :after",
        FilterExpression=condition,  # DynamoDB reads the others, too, but they need not be transferred and parsed
        ExpressionAttributeNames={"#number": "number", "#status": "status"},
        ExpressionAttributeValues={
            ":build": build_key(service, 0)["kind"],
            ":after": {"N": str(after)},
            ":succeeded": {"S": "succeeded"},
            ":none": {"S": ""},
        },
        ScanIndexForward=False,
        ConsistentRead=True,
    )
    with aws_call("list the builds"):
        return [to_record(item) for page in pages for item in page["Items"]]


def _query_builds(service: Service, before: int, limit: int, page_size: int) -> Iterator[BuildRecord]:
    below: dict[str, Any] = {":before": {"N": str(before)}} if before else {}
    names: dict[str, Any] = {"ExpressionAttributeNames": {"#number": "number"}} if before else {}
    pages = service.dynamodb.get_paginator("query").paginate(
        TableName=service.settings.builds_table,
        KeyConditionExpression="kind = :build" + (" AND #number < :before" if before else ""),
        ExpressionAttributeValues={":build": build_key(service, 0)["kind"]} | below,
        **names,
        ScanIndexForward=False,
        ConsistentRead=True,
        PaginationConfig={"MaxItems": limit, "PageSize": page_size},
    )
    unread = iter(pages)
    while True:
        with aws_call("list the builds"):
            page = next(unread, None)
        if page is None:
            return
        yield from map(to_record, page["Items"])


def update_build(service: Service, number: int, *, only_if: Mapping[str, Any] | None = None, **changes: Any) -> bool:
    """Set attributes of a build's record.

    Parameters
    ----------
    only_if
        Write only if these attributes have these values.

    Returns
    -------
    bool
        False when `only_if` did not match.
    """
    expected = only_if or {}
    values = {f":{name}": value for name, value in changes.items()} | {f":if_{n}": v for n, v in expected.items()}
    condition = {"ConditionExpression": " AND ".join(f"#{name} = :if_{name}" for name in expected)} if expected else {}
    with aws_call(f"update build {number}"):
        try:
            service.dynamodb.update_item(
                TableName=service.settings.builds_table,
                Key=build_key(service, number),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
                ExpressionAttributeNames={f"#{name}": name for name in (*changes, *expected)},
                ExpressionAttributeValues=to_item(values),
                **condition,  # type: ignore[arg-type]
            )
        except service.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
    return True


def delete_builds(service: Service) -> None:
    """Delete the records of all builds of the pipeline."""
    table = service.settings.builds_table
    with aws_call("delete the records of the builds"):
        pages = service.dynamodb.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="kind = :build",
            ExpressionAttributeValues={":build": build_key(service, 0)["kind"]},
            ProjectionExpression="kind, #number",
            ExpressionAttributeNames={"#number": "number"},
        )
        for key in [item for page in pages for item in page["Items"]]:
            service.dynamodb.delete_item(TableName=table, Key=key)


def build_key(service: Service, number: int) -> dict[str, Any]:
    """Return the table's key of a build's record."""
    kind = f"build#{service.pipeline}" if service.pipeline else "build"
    return {"kind": {"S": kind}, "number": {"N": str(number)}}


def to_record(item: Mapping[str, Any]) -> BuildRecord:
    """Return the record in an item of the builds table, which any version of sagebuild wrote."""
    plain = {_EARLIER_NAMES.get(name, name): value for name, value in from_item(item).items()}
    known = {f.name for f in fields(BuildRecord)}
    values = {name: value for name, value in plain.items() if name in known}
    jobs = [StepJob(**job) for job in plain.get("step_jobs", [])]
    return BuildRecord(**values | {"trigger": Trigger(**plain["trigger"]), "step_jobs": jobs})
