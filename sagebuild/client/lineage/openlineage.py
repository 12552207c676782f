"""Writes a model's path as run events of OpenLineage.

https://openlineage.io/docs/spec/object-model. An event of a build has the data and the source as inputs, and the model
as output. The same model in two events, by namespace and name, connects a training with the builds that deploy it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sagebuild.builds.pipelines import DEFAULT
from sagebuild.builds.records import BuildRecord
from sagebuild.client.lineage.place import LineageBuild, Place
from sagebuild.parameters.json_text import read_leniently
from sagebuild.s3_uri import split_s3_uri

PRODUCER = "urn:sagebuild:lineage:1"
_SPEC = "https://openlineage.io/spec"
_CORE = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs"
_FACETS = {
    "errorMessage": f"{_SPEC}/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
    "jobType": f"{_SPEC}/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
    "outputStatistics": (
        f"{_SPEC}/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"
    ),
    "sagebuild_build": f"{_CORE}/RunFacet",
    "sourceCodeLocation": f"{_SPEC}/facets/1-1-0/SourceCodeLocationJobFacet.json#/$defs/SourceCodeLocationJobFacet",
    "version": f"{_SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
}
_TYPES = {"succeeded": "COMPLETE", "withheld": "COMPLETE", "failed": "FAIL", "stopped": "ABORT", "launching": "START"}


def build_events(builds: Iterable[LineageBuild]) -> list[dict[str, Any]]:
    """Build one RunEvent for each build whose record is known, in the same order."""
    return [_build_event(each, each.record) for each in builds if each.record]


def _build_event(build: LineageBuild, record: BuildRecord) -> dict[str, Any]:
    place = build.place
    namespace = f"sagebuild://{place.account}/{place.region}/{place.stack}"
    return {
        "eventType": _TYPES.get(record.status, "RUNNING"),
        "eventTime": record.ended_at or record.created_at,
        "run": {"runId": name_run(place, build.number), "facets": _build_run_facets(build, record)},
        "job": {
            "namespace": namespace,
            "name": place.pipeline or DEFAULT,
            "facets": _build_job_facets(build, record),
        },
        "inputs": [_build_dataset(uri, version) for uri, version in _list_inputs(build, record)],
        "outputs": _build_outputs(build, record),
        "producer": PRODUCER,
        "schemaURL": f"{_CORE}/RunEvent",
    }


def name_run(place: Place, number: int) -> str:
    """Return the id of a build's run: the same in each lineage that has the build."""
    return str(uuid5(NAMESPACE_URL, f"sagebuild:{'/'.join(place)}/{number}"))


def _build_run_facets(build: LineageBuild, record: BuildRecord) -> dict[str, Any]:
    facts = {
        "stack": build.place.stack,
        "account": build.place.account,
        "region": build.place.region,
        "pipeline": build.place.pipeline or DEFAULT,
        "build": record.number,
        "role": build.role,
        "outcome": record.status,
        "trigger": record.trigger.kind,
        "restores": record.restores or None,
        "trainingImage": record.training_image or None,
        "inferenceImage": record.inference_image or None,
        "trainingJob": record.training_job or record.tuning_job or None,
        "sourceCommit": record.source_commit or record.project_commit or None,
        "metrics": record.metrics,
        "evaluationMetrics": record.evaluation_metrics,
        "approval": _describe_approval(record),
        "modelPackage": record.model_package or None,
        "endpointConfig": record.endpoint_config or None,
        "isLiveAfterwards": record.live_after == record.endpoint_config != "",
        "origin": record.origin or None,
    }
    facets = {"sagebuild_build": _facet("sagebuild_build", facts)}
    if record.reason and record.status in ("failed", "stopped"):
        facets["errorMessage"] = _facet("errorMessage", {"message": record.reason, "programmingLanguage": "PYTHON"})
    return facets


def _describe_approval(record: BuildRecord) -> dict[str, str] | None:
    if not record.approval:
        return None
    return {"answer": record.approval, "by": record.approval_by, "comment": record.approval_comment}


def _build_job_facets(build: LineageBuild, record: BuildRecord) -> dict[str, Any]:
    kinds = {"trained": "TRAINING", "promoted": "PROMOTION", "rolled back to": "ROLLBACK"}
    kind = {"processingType": "BATCH", "integration": "SAGEBUILD", "jobType": kinds.get(build.role, "DEPLOYMENT")}
    facets = {"jobType": _facet("jobType", kind)}
    git = read_leniently(record.parameters).get("git_config") if record.parameters else None
    if isinstance(git, Mapping) and git.get("repo") and record.source_commit:
        place = {"type": "git", "url": str(git["repo"]), "repoUrl": str(git["repo"]), "version": record.source_commit}
        facets["sourceCodeLocation"] = _facet("sourceCodeLocation", place)
    return facets


def _list_inputs(build: LineageBuild, record: BuildRecord) -> list[tuple[str, str]]:
    inputs = [(each["uri"], each["version"]) for each in record.inputs]
    if build.role == "promoted" and record.origin.get("artifact"):
        return [*inputs, (str(record.origin["artifact"]), "")]
    return inputs if build.role == "trained" else [*inputs, (record.artifacts, record.artifacts_etag)]


def _build_outputs(build: LineageBuild, record: BuildRecord) -> list[dict[str, Any]]:
    outputs = []
    if build.role in ("trained", "promoted") and record.artifacts:
        outputs.append(_build_dataset(record.artifacts, record.artifacts_etag))
    for each in record.model_files:
        size = _facet("outputStatistics", {"size": each["bytes"], "fileCount": 1})
        outputs.append(_build_dataset(each["uri"], each["etag"]) | {"outputFacets": {"outputStatistics": size}})
    return outputs


def _build_dataset(uri: str, version: str) -> dict[str, Any]:
    """Build a dataset by OpenLineage's names for S3: https://openlineage.io/docs/spec/naming."""
    bucket, key = split_s3_uri(uri)
    facets = {"version": _facet("version", {"datasetVersion": version})} if version else {}
    return {"namespace": f"s3://{bucket}", "name": key or "/", "facets": facets}


def _facet(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    known = {member: value for member, value in content.items() if value is not None}
    return {"_producer": PRODUCER, "_schemaURL": _FACETS[name], **known}
