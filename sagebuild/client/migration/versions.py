"""Finds the framework of a document of aws-sagemaker-build, and a version of it that AWS has images for."""

from __future__ import annotations

from typing import Any

from sagebuild.client.migration.changes import Changes
from sagebuild.errors import ImageNotFoundError, InputError
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.images.table import list_rows, resolve_image
from sagebuild.parameters import MODELS

# Any region with images of every framework; the new stack may be in another one.
_REGION = "us-east-1"
# Names that only the documents of one framework have.
_MARKS = {"tensorflowversion": "TENSORFLOW", "mxnetversion": "MXNET", "algorithm": "AMAZON", "TrainingImage": "BYOD"}
# Every stack's document had this one: index.js assigned the defaults of all frameworks to the same object.
_SHARED_DEFAULT = "1.0.0"


def choose_framework(old: dict[str, Any], asked: str | None, changes: Changes) -> str:
    """Take the framework out of a document.

    Raises
    ------
    InputError
        The document names no framework that sagebuild has.
    """
    deployed, named = (str(old.pop(name, None) or "").strip().upper() for name in ("configframework", "framework"))
    if deployed:
        changes.add("configframework", "renamed", deployed, "it is framework")
    marked = next((framework for name, framework in _MARKS.items() if name in old), "")
    framework = asked or deployed or named or marked
    if framework not in FRAMEWORKS:
        given = f"The framework is {framework}" if framework else "The document names no framework"
        raise InputError(f"{given}; pass --framework with one of {', '.join(FRAMEWORKS)}.")
    for source, value in (("configframework", deployed), ("framework", named)):
        if value and value != framework:
            changes.add(source, "dropped", value, f"the framework is {framework}")
    if not (asked or deployed or named):
        changes.add("framework", "defaulted", None, f"it is {framework}, because of the other names in the document")
    return framework


def convert_version(old: dict[str, Any], document: dict[str, Any], changes: Changes) -> None:
    """Take the version out of the old document; a version without images is replaced by the default."""
    framework = document["framework"]
    name = FRAMEWORKS[framework].version_parameter
    given: dict[str, Any] = {
        each: old.pop(each) for each in ("tensorflowversion", "mxnetversion", "frameworkversion") if each in old
    }
    if framework == "AMAZON":
        _choose_algorithm_version(document | old, document, given, changes)
        return
    own = name if name in given and given.get("frameworkversion", _SHARED_DEFAULT) == _SHARED_DEFAULT else None
    used = own or ("frameworkversion" if name and "frameworkversion" in given else None)
    for each, value in given.items():
        if each != used:
            reason = f"{used} decides on the image" if used else f"it is not for framework {framework}"
            changes.add(each, "dropped", value, reason)
    if not name or not used:
        return
    version = str(given[used]).strip()
    if used != name:
        changes.add(used, "renamed", version, f"it is {name}")
    document[name] = _find_version(framework, name, version, changes)


def check_image(document: dict[str, Any], changes: Changes) -> None:
    """Record that AWS has no image for the version, Python and instance type of a document."""
    framework = document["framework"]
    facts, model = FRAMEWORKS[framework], MODELS[framework]
    if not facts.has_script:
        return

    def read(name: str) -> str:
        return str(document.get(name, model.model_fields[name].default))

    version = str(facts.version_parameter)
    try:
        image = resolve_image(
            framework, read(version), read("pyversion"), _REGION, read("traininstancetype"), "training"
        )
    except ImageNotFoundError as error:
        changes.add("pyversion", "kept", document.get("pyversion"), str(error))
    else:
        if image.note and "pyversion" in document:
            changes.add("pyversion", "kept", document["pyversion"], image.note)


def _choose_algorithm_version(
    known: dict[str, Any], document: dict[str, Any], given: dict[str, Any], changes: Changes
) -> None:
    for name, value in given.items():
        changes.add(name, "dropped", value, "the old stack always used the image with the tag latest")
    if str(known.get("algorithm")).lower() == "xgboost":
        document["frameworkversion"] = "1"
        reason = 'it is "1", XGBoost 0.72, as in the old stack; leave it out for the newest version'
        changes.add("frameworkversion", "defaulted", None, reason)


def _find_version(framework: str, name: str, version: str, changes: Changes) -> str:
    rows = [row for each, algorithm, row in list_rows() if each == framework and algorithm is None]
    known = {each for row in rows if "training" in row["scopes"] for each in row["versions"]}
    if version in known:
        return version
    default = str(MODELS[framework].model_fields[name].default)
    changes.add(name, "defaulted", version, f"it is {default}; AWS has no image of {framework} {version}")
    return default
