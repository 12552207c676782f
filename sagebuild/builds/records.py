"""One record for each build, the truth that voice, notebook, command line and notifications all tell from.

In the builds table the partition ``kind`` = "build" holds them by number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from sagebuild.builds.items import from_item, to_item
from sagebuild.errors import BuildNotFoundError
from sagebuild.service import Service, aws_call

# The condition under which a record still belongs to a running build.
NOT_ENDED: Mapping[str, Any] = {"ended_at": ""}
# Whoever has it could answer in somebody else's place.
_SECRETS = ("approval_token",)
# Records of version 0.1 have these names.
_EARLIER_NAMES = {"prices_of": "prices_date", "cost_most": "cost_max"}


@dataclass(frozen=True)
class Trigger:
    """What asked for a build.

    Parameters
    ----------
    kind
        "voice", "topic", "upload", "push", "schedule", "alarm", "notebook" or "command".
    detail
        What the person would recognise it by: a message id, a user, a file.
    rollback
        What it wants to serve again in place of a new model: "previous" or a build's number; empty for a build.
    """

    kind: str
    detail: str = ""
    rollback: str = ""


@dataclass(frozen=True)
class BuildRecord:
    """All that is known of one build. Times are ISO 8601 in UTC.

    ``status`` is "launching" until its execution has started, then "running", "stopping" once somebody has asked for
    that, and in the end one of "succeeded", "failed", "stopped" and "withheld". The last is no failure: the model was
    trained, and on purpose not deployed; ``reason`` says why.
    """

    number: int
    trigger: Trigger
    created_at: str
    requests: int = 1  # how many triggers it stands for
    request_kinds: dict[str, int] = field(default_factory=dict)  # how many of each kind
    requested_since: str = ""  # when the first of them came, if it had to wait
    overrides: str = ""  # parameters of this build alone, JSON; empty: none
    status: str = "launching"
    parameters: str = ""  # the document as it was read, JSON
    notes: list[str] = field(default_factory=list)
    training_image: str = ""
    inference_image: str = ""
    image_builds: list[str] = field(default_factory=list)  # tags of the images that it makes
    training_job: str = ""  # of a tuning job, the best one
    tuning_job: str = ""
    trainings: int = 0  # of a tuning job
    trainings_completed: int = 0
    best_hyperparameters: dict[str, str] = field(default_factory=dict)  # that the tuning job has found
    artifacts: str = ""  # S3 address of the trained model
    model: str = ""
    model_package: str = ""  # its ARN in the model registry
    endpoint_config: str = ""
    live_before: str = ""  # endpoint configuration; empty: no endpoint
    live_after: str = ""
    endpoint_remade: bool = False  # as this build's deployment had left it Failed
    restores: int = 0  # of a rollback, the build whose model is served again
    keep_builds: int = 0  # how many good builds keep their models after it; 0: all
    pruned_at: str = ""  # when its model was deleted, as it was kept no longer
    changes_scaling: bool = False  # sets it up or ends it
    scaling_before: str = ""  # JSON; empty: none
    stop_requested_by: str = ""
    job_status: str = ""
    job_seconds: int = 0  # billable
    prices_date: str = ""  # ISO date of the prices; all costs are US dollars, estimated, None without a known price
    cost_max: float | None = None  # that the training was planned to cost
    cost: float | None = None  # that it came to
    training_hourly_cost: float | None = None  # of one training, all its instances
    cost_limit: float | None = None  # maxcost, where it shortened the training
    endpoint_hourly_cost: float | None = None
    cost_left_out: list[str] = field(default_factory=list)  # sentences
    metrics: dict[str, float] = field(default_factory=dict)
    live_metrics: dict[str, float] = field(default_factory=dict)  # of the model that was live, to compare with
    approval_token: str = field(default="", repr=False)  # until the answer has left
    approval_requested_at: str = ""
    approval_until: str = ""
    approval: str = ""  # "approved" or "rejected"
    approval_by: str = ""
    approval_comment: str = ""
    step: str = ""  # where it failed or was stopped
    reason: str = ""
    ended_at: str = ""
    notice_claimed_at: str = ""
    notice_claimed_by: str = ""  # the invocation that tells of it
    notified_at: str = ""  # told for certain

    @property
    def has_succeeded(self) -> bool:
        """Whether it did all that was asked."""
        return self.status == "succeeded"

    @property
    def deployed_its_model(self) -> bool:
        """Whether it is a build that left the endpoint with its model."""
        return self.has_succeeded and not self.trigger.rollback and self.live_after == self.endpoint_config != ""

    @property
    def awaits_approval(self) -> bool:
        """Whether it has asked a person for a yes or a no, and has no answer yet."""
        return self.status == "running" and bool(self.approval_token) and not self.approval

    @property
    def has_ended(self) -> bool:
        """Whether the outcome is known."""
        return bool(self.ended_at)

    @property
    def seconds(self) -> float:
        """From launch to end, or to now."""
        end = datetime.fromisoformat(self.ended_at) if self.ended_at else now()
        return (end - datetime.fromisoformat(self.created_at)).total_seconds()


def describe_record(record: BuildRecord) -> dict[str, Any]:
    """All that a record tells, under its own names: everything but what would let others answer for it."""
    return {name: value for name, value in asdict(record).items() if name not in _SECRETS}


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def read_build(service: Service, number: int) -> BuildRecord:
    """One build's record.

    Raises
    ------
    BuildNotFoundError
        No build has that number.
    """
    with aws_call(f"read build {number}"):
        item = service.dynamodb.get_item(
            TableName=service.settings.builds_table, Key=build_key(number), ConsistentRead=True
        ).get("Item")
    if not item:
        raise BuildNotFoundError(f"There is no build {number} in {service.stack_name}.")
    return _to_record(item)


def list_builds(service: Service, limit: int = 20) -> list[BuildRecord]:
    """The newest builds, newest first."""
    with aws_call("list the builds"):
        pages = service.dynamodb.get_paginator("query").paginate(
            TableName=service.settings.builds_table,
            KeyConditionExpression="kind = :build",
            ExpressionAttributeValues={":build": {"S": "build"}},
            ScanIndexForward=False,
            ConsistentRead=True,
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        return [_to_record(item) for page in pages for item in page["Items"]]


def update_build(service: Service, number: int, *, only_if: Mapping[str, Any] | None = None, **changes: Any) -> bool:
    """Set some attributes of a build's record.

    Parameters
    ----------
    only_if
        Leave the record alone unless these attributes have these values.

    Returns
    -------
    bool
        False if they had not.
    """
    expected = only_if or {}
    values = {f":{name}": value for name, value in changes.items()} | {f":if_{n}": v for n, v in expected.items()}
    condition = {"ConditionExpression": " AND ".join(f"#{name} = :if_{name}" for name in expected)} if expected else {}
    with aws_call(f"update build {number}"):
        try:
            service.dynamodb.update_item(
                TableName=service.settings.builds_table,
                Key=build_key(number),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
                ExpressionAttributeNames={f"#{name}": name for name in (*changes, *expected)},
                ExpressionAttributeValues=to_item(values),
                **condition,  # type: ignore[arg-type]
            )
        except service.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
    return True


def build_key(number: int) -> dict[str, Any]:
    """The table's key of a build's record."""
    return {"kind": {"S": "build"}, "number": {"N": str(number)}}


def _to_record(item: Mapping[str, Any]) -> BuildRecord:
    plain = {_EARLIER_NAMES.get(name, name): value for name, value in from_item(item).items()}
    known = {f.name for f in fields(BuildRecord)}
    values = {name: value for name, value in plain.items() if name in known}
    return BuildRecord(**values | {"trigger": Trigger(**plain["trigger"])})
