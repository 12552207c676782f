"""The instances that the stack's pipelines use, by quota, so that a build can count those of the other pipelines.

Each pipeline has one item in the builds table, with ``kind`` = "uses". Plan Build writes what the build that runs will
use, and the finish of the build writes what the endpoint uses. So one query answers for all pipelines.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.items import from_item, to_item
from sagebuild.builds.lock import list_items, list_states, state_key
from sagebuild.builds.pipelines import DEFAULT
from sagebuild.running.endpoint import Endpoint, describe_variants
from sagebuild.service import Service, aws_call

_log = logging.getLogger("sagebuild")


@dataclass(frozen=True)
class Use:
    """Instances that another pipeline uses.

    Parameters
    ----------
    pipeline
        Its name; "default" for the default pipeline.
    build
        The number of the running build that uses or will use them; None for the live endpoint.
    """

    pipeline: str
    count: int
    build: int | None = None

    def __str__(self) -> str:
        user = f"build {self.build}" if self.build else "endpoint"
        return f"{self.pipeline} {self.count} ({user})"


def count_instances(variants: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count the instances of an endpoint's variants, by the quota's name in the Service Quotas console."""
    counts: dict[str, int] = {}
    for variant in variants:
        if instance_type := variant.get("InstanceType"):  # a serverless variant has none
            name = f"{instance_type} for endpoint usage"
            counts[name] = counts.get(name, 0) + variant.get("InitialInstanceCount", 1)
    return counts


def record_running(service: Service, number: int, needs: Mapping[str, int]) -> None:
    """Record the instances that a build needs, for its jobs and for the endpoint that it will deploy."""
    _update(service, running=needs, build=number)


def record_live(service: Service, endpoint: Endpoint | None) -> None:
    """Record the instances of the pipeline's endpoint after a build, in place of those of the build.

    The earlier ones stay if the endpoint's configuration was deleted, or is one of the user's own that sagebuild may
    not describe.
    """
    variants: list[Any] = []
    if endpoint:
        try:
            variants = describe_variants(service, endpoint.instances or endpoint.config)
        except ClientError as error:
            _log.warning("the instances of the endpoint are not counted: %s", error)
    live = {"live": count_instances(variants)} if variants or not endpoint else {}
    _update(service, running={}, build=0, **live)


def read_others(service: Service) -> dict[str, list[Use]]:
    """Return the instances that the stack's other pipelines use, by the name of the quota.

    A build counts while it holds its pipeline's lock.
    """
    running = {state.pipeline: state.running for state in list_states(service)}
    items = [from_item(item) for item in list_items(service, "uses")]
    others: dict[str, list[Use]] = {}
    for item in sorted(items, key=lambda item: item["pipeline"].lower()):
        name = item["pipeline"] or DEFAULT
        if item["pipeline"] == service.pipeline or item["pipeline"] not in running:
            continue
        for quota, count in item.get("live", {}).items():
            others.setdefault(quota, []).append(Use(name, count))
        if item["build"] and item["build"] == running[item["pipeline"]]:
            for quota, count in item["running"].items():
                others.setdefault(quota, []).append(Use(name, count, item["build"]))
    return others


def _update(service: Service, **values: Any) -> None:
    values["pipeline"] = service.pipeline
    with aws_call("record what the pipeline uses"):
        service.dynamodb.update_item(
            TableName=service.settings.builds_table,
            Key=state_key(service, "uses"),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues=to_item({f":{name}": value for name, value in values.items()}),
        )
