"""Finds the newest model of an earlier build that the present framework and version can serve."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from sagebuild.builds.records import BuildRecord, search_builds
from sagebuild.errors import ParameterError
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.images.table import newest_version, read_numbers
from sagebuild.parameters import MODELS, BuildParameters
from sagebuild.parameters.json_text import read_leniently
from sagebuild.parameters.merging import override_document
from sagebuild.requests.algorithms import read_release
from sagebuild.requests.model_data import is_archive
from sagebuild.service import Service

# The newest builds that are searched for a model.
_BUILDS_SEARCHED = 100


class ModelKind(NamedTuple):
    """The facts that decide whether a container can serve a model.

    Parameters
    ----------
    variant
        The algorithm of AMAZON, or the base framework of HUGGINGFACE with its major version; otherwise empty.
    major
        The major version of the framework or algorithm; None for images of your own.
    """

    framework: str
    variant: str
    major: int | None

    def __str__(self) -> str:
        version = "" if self.major is None else f" {self.major}.x"
        return f"{self.framework}{self.variant and f' {self.variant}'}{version}"


def find_earlier_model(service: Service, parameters: BuildParameters) -> BuildRecord:
    """Return the newest successful build whose model has the framework and major version of the parameters.

    Raises
    ------
    ParameterError
        There is no such build.
    """
    wanted = identify_model(parameters.model_dump(), service.settings.framework)
    other = ""
    for record in search_builds(service, _BUILDS_SEARCHED):
        if not record.has_succeeded or not record.artifacts:
            continue
        kind = _identify_record(record, service.settings.framework)
        if kind == wanted:
            return record
        other = other or f" The newest model, of build {record.number}, is for {kind or 'an unknown framework'}."
    raise ParameterError(
        "The document asks for no training (skiptrain true, or train false), but no earlier build has a trained model "
        f"for {wanted}; train once, or set ModelArtifacts to the S3 address of a model.tar.gz.{other}"
    )


def find_etag(service: Service, artifacts: str) -> str:
    """Return the ETag of a model as a build trained or received it; empty if none did, or did not record it."""
    if not is_archive(artifacts):  # a training makes nothing else
        return ""
    for record in search_builds(service, _BUILDS_SEARCHED):
        is_known = record.job_status == "Completed" or record.origin
        if record.artifacts == artifacts and is_known and record.artifacts_etag:
            return record.artifacts_etag
    return ""


def identify_model(document: Mapping[str, Any], default_framework: str, image: str = "") -> ModelKind | None:
    """Return the kind of model that a build with a document makes; None for an unknown framework.

    Parameters
    ----------
    document
        A document with or without defaults; other values than framework and versions do not matter.
    image
        The image that the build served the model with: its tag is the version if the document names none.
    """
    framework = str(document.get("framework") or default_framework).strip().upper()
    if framework not in MODELS:
        return None

    def read(name: str) -> str:
        field = MODELS[framework].model_fields.get(name)
        given = document.get(name)
        value = (field.default if field else None) if given in (None, "none") else given
        return str(value).strip().lower() if isinstance(value, str | int) else ""

    if framework == "AMAZON":
        algorithm = read("algorithm")
        version = read("frameworkversion") or _read_tag(image) or newest_version(algorithm)
        return ModelKind(framework, algorithm, read_release(algorithm, version)[0])
    version = read(FRAMEWORKS[framework].version_parameter or "")
    base = re.match(r"[a-z]+[0-9]+", read("baseframework"))
    return ModelKind(framework, base[0] if base else "", next(iter(read_numbers(version)), None))


def _identify_record(record: BuildRecord, default_framework: str) -> ModelKind | None:
    overrides = json.loads(record.overrides) if record.overrides else {}
    document = override_document(read_leniently(record.parameters), overrides, default_framework)
    return identify_model(document, default_framework, record.inference_image)


def _read_tag(image: str) -> str:
    """Return the tag of an image; empty for an image with a digest, or none."""
    name, _, tag = image.rpartition("/")[2].partition(":")
    return "" if "@" in name else tag
