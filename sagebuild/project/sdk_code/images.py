"""Finds the framework of an image that a script gives by its address, or by `image_uris.retrieve`."""

from __future__ import annotations

from typing import Any

from sagebuild.client.conversion.draft import Draft
from sagebuild.client.conversion.images import put_serving_image, put_training_image
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.images.named import PREFIX
from sagebuild.images.table import list_rows, read_named_tables
from sagebuild.project.sdk_code.arguments import Arguments
from sagebuild.project.sdk_code.state import unwrap

_RETRIEVE = ("framework", "region", "version", "py_version", "instance_type")
_OPTIONS = ("region", "instance_type", "image_scope", "container_version", "sagemaker_session")


def put_image(draft: Draft, image: Any, origin: str, *, is_training: bool, has_script: bool) -> None:
    """Set the framework and its version from an image; one that is not known is reported."""
    if call := unwrap(image, "retrieve", "get_image_uri"):
        _put_retrieved(draft, Arguments(draft, call, _RETRIEVE), origin, is_training, has_script)
    elif isinstance(image, str) and is_training:
        put_training_image(draft, image, origin, [draft.document.get("traininstancetype", "ml.m5.large")], has_script)
    elif isinstance(image, str):
        put_serving_image(draft, image, origin, has_script)
    else:
        advice = "only the running program knows the image; set framework and its version, or the image's address"
        draft.refuse(origin, str(image), advice)


def _put_retrieved(draft: Draft, arguments: Arguments, origin: str, is_training: bool, has_script: bool) -> None:
    for name in _OPTIONS:
        arguments.take(name)
    name = arguments.take_known("framework", "framework")
    version = arguments.take_known("version", "frameworkversion")
    if isinstance(version, float | int):
        version = str(version)
    algorithms = {algorithm for _, algorithm, _ in list_rows() if algorithm}
    framework = next((key for key, facts in FRAMEWORKS.items() if facts.images == name), None)
    if name == "xgboost" and not has_script:
        framework = None
    if framework:
        put_framework(draft, framework, version, origin)
        draft.put("pyversion", arguments.take_known("py_version", "pyversion"), origin)
    elif name in algorithms:
        draft.put("framework", "AMAZON", origin)
        draft.put("algorithm", name, origin)
        draft.put("frameworkversion", None if version in ("1", "latest") else version, origin)
    elif name in read_named_tables():
        draft.put("framework", "BYOD", origin)
        parameter = "TrainingImage" if is_training else "InferenceImage"
        draft.put(parameter, f"{PREFIX}{name}/{version or ''}", origin)
    elif name is not None:
        draft.refuse(origin, str(name), "AWS has no images of this name; set framework and its version")


def put_framework(draft: Draft, framework: str, version: Any, origin: str) -> None:
    """Set a framework and its version, if there is no other framework."""
    draft.put("framework", framework, origin)
    if parameter := draft.facts.version_parameter:
        draft.put(parameter, version, origin)
