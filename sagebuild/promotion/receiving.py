"""Reads a promotion in the receiving build: verifies it, and turns it into the record's parameters and metrics."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sagebuild.builds.records import NOT_ENDED, BuildRecord, update_build
from sagebuild.errors import BuildNotFoundError, PromotionError
from sagebuild.parameters import MODELS
from sagebuild.parameters.json_text import read_framework, read_leniently
from sagebuild.parameters.store import read_document
from sagebuild.promotion.manifest import Manifest, locate_promotion, read_manifest
from sagebuild.promotion.moved import ENVIRONMENT, MOVED, REPLACED
from sagebuild.service import Service


def receive_promotion(service: Service, record: BuildRecord) -> BuildRecord:
    """Verify the promotion of a launched build, and write what moves into its record. Safe to repeat.

    Returns
    -------
    BuildRecord
        The record with the promoted parameters as its overrides, and with the metrics and the origin.

    Raises
    ------
    ModelChangedError
        See `read_manifest`.
    PromotionError
        The document has another framework now, or the manifest has a parameter that does not move.
    BuildNotFoundError
        The build has ended.
    """
    folder, checksum = record.origin["folder"], record.origin["manifest"]
    manifest = read_manifest(service, folder, checksum)
    place = locate_promotion(service, folder)
    facts: dict[str, Any] = {
        "origin": record.origin | manifest.origin.model_dump(),
        "overrides": json.dumps(_choose_parameters(service, manifest, place)),
        "metrics": manifest.metrics,
        "artifacts": f"{place}{manifest.model}" if manifest.model else "",
        "artifacts_etag": next((each.etag for each in manifest.files if each.name == manifest.model), ""),
    }
    if not update_build(service, record.number, only_if=NOT_ENDED, **facts):
        raise BuildNotFoundError(f"Build {record.number} has ended; promote the build again.")
    return replace(record, **facts)


def verify_promotion(service: Service, record: BuildRecord) -> None:
    """Verify the files of a promotion again, right before they are copied.

    Raises
    ------
    ModelChangedError
        See `read_manifest`.
    """
    read_manifest(service, record.origin["folder"], record.origin["manifest"])


def _choose_parameters(service: Service, manifest: Manifest, place: str) -> dict[str, Any]:
    """Return the parameters of the build that are not the document's."""
    document = read_leniently(read_document(service))
    framework = read_framework(document, service.settings.framework)
    if framework != manifest.framework:
        raise PromotionError(
            f"The promoted model is of framework {manifest.framework}, and the parameter document of {service.label} "
            f"has {framework}; promote it to a pipeline of framework {manifest.framework}."
        )
    if unknown := sorted(manifest.parameters.keys() - MOVED):
        raise PromotionError(f"The manifest at {place} has {unknown[0]}, which is no parameter of a model.")
    known = MODELS[framework].model_fields
    values: dict[str, Any] = {name: None for name in REPLACED if name in known and name in document}
    values |= manifest.parameters
    own = document.get(ENVIRONMENT)
    values[ENVIRONMENT] = manifest.parameters.get(ENVIRONMENT, {}) | (own if isinstance(own, dict) else {})
    if manifest.model:
        values["ModelArtifacts"] = f"{place}{manifest.model}"
    if "hostsourcefile" in known:
        values["hostsourcefile"] = f"{place}{manifest.source}" if manifest.source else None
    return {"framework": framework} | values
