"""One build on a model's path: where it ran, what it did with the model, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sagebuild.builds.records import BuildRecord
from sagebuild.notifications.words import describe_requests, format_metrics, format_moment
from sagebuild.service import Service


class Place(NamedTuple):
    """A pipeline of a stack, in any account and region; the pipeline is empty for the default one."""

    stack: str
    account: str
    region: str
    pipeline: str

    @classmethod
    def of(cls, service: Service) -> Place:
        """Return the place of a service's pipeline."""
        return cls(service.stack_name, service.account, service.region, service.pipeline)

    @classmethod
    def of_origin(cls, origin: Mapping[str, Any]) -> Place:
        """Return the place that the record of a promoted build names."""
        return cls(origin["stack"], origin["account"], origin["region"], origin["pipeline"])

    @property
    def label(self) -> str:
        """The name for people, such as "sagebuild-prod/fraud in account 123456789012, eu-west-1"."""
        pipeline = f"/{self.pipeline}" if self.pipeline else ""
        return f"{self.stack}{pipeline} in account {self.account}, {self.region}"


@dataclass(frozen=True)
class LineageBuild:
    """A build that trained or deployed the model.

    Parameters
    ----------
    role
        "trained", "promoted", "rolled back to", or "deployed" for another build that deployed an earlier model.
    record
        None for a build of another account or region, of which only the origin is known.
    origin
        What the record of a promoted build says about where its model comes from.
    """

    place: Place
    number: int
    role: str
    record: BuildRecord | None
    origin: dict[str, Any]

    @property
    def title(self) -> str:
        """Such as "build 12 of sagebuild-dev in account 123456789012, eu-west-1: trained"."""
        return f"build {self.number} of {self.place.label}: {self.role}"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What is known of the build, as names and texts; empty ones are left out."""
        facts = _list_facts(self.record, self.role) if self.record else _list_origin(self.origin)
        return [(name, text) for name, text in facts if text]


def _list_facts(record: BuildRecord, role: str) -> Iterator[tuple[str, str]]:
    has_trained = role == "trained"
    yield from (("data" if each["name"] != "source" else "source", _describe_input(each)) for each in record.inputs)
    yield "commit", record.source_commit or record.project_commit
    yield "image", record.training_image if has_trained else ""
    yield "training", (record.training_job or record.tuning_job) if has_trained else ""
    yield "metrics", format_metrics(record.metrics)
    yield "evaluation", format_metrics(record.evaluation_metrics)
    yield "approval", _describe_approval(record)
    yield "model", " ".join(filter(None, (record.artifacts, record.artifacts_etag)))
    yield "package", record.model_package
    yield "started by", describe_requests(record.trigger, record.requests, record.request_kinds)
    yield "outcome", f"{record.status} {format_moment(record.ended_at)}" if record.ended_at else record.status
    yield "live", record.live_after if record.live_after and record.live_after == record.endpoint_config else ""


def _list_origin(origin: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "model", str(origin.get("artifact") or "")
    yield "checksum", str(origin.get("checksum") or "")
    yield "package", str(origin.get("package") or "")


def _describe_input(each: Mapping[str, Any]) -> str:
    version = f" version {each['version']}" if each["version"] else ""
    name = "" if each["name"] == "source" else f"{each['name']} "
    return f"{name}{each['uri']}{version}"


def _describe_approval(record: BuildRecord) -> str:
    if not record.approval:
        return ""
    comment = f": {record.approval_comment}" if record.approval_comment else ""
    return f"{record.approval} by {record.approval_by}{comment}"
