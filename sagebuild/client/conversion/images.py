"""Finds the framework of a request's images, and gives a document the images that sagebuild would not choose itself."""

from __future__ import annotations

from collections.abc import Sequence

from sagebuild.client.conversion.draft import Draft
from sagebuild.errors import ImageNotFoundError
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.images.identify import Identity, identify_image
from sagebuild.images.table import Scope, resolve_image
from sagebuild.instance_facts import processor_of
from sagebuild.parameters import MODELS

# One instance type of each processor on which an endpoint can run.
_HOSTS = ("ml.m5.large", "ml.g5.xlarge", "ml.c7g.large", "ml.inf2.xlarge")


def put_training_image(draft: Draft, uri: str, origin: str, instance_types: Sequence[str], has_script: bool) -> None:
    """Set the framework, its version and its Python from a training image.

    Parameters
    ----------
    instance_types
        The types of the training instances; of several, the first GPU decides on the image.
    has_script
        Whether the container gets the user's script by its hyperparameters.
    """
    instance = next((each for each in instance_types if processor_of(each) == "gpu"), next(iter(instance_types), ""))
    _put_image(draft, uri, origin, instance, "training", has_script)


def put_serving_image(draft: Draft, uri: str, origin: str, has_script: bool) -> None:
    """Set the framework from a model's image; after a training request, only what differs from it."""
    instance = str(draft.document.get("hostinstancetype") or _default(draft, "hostinstancetype"))
    if "framework" not in draft.origins:
        _put_image(draft, uri, origin, instance, "inference", has_script)
    elif draft.document["framework"] == "BYOD":
        draft.put("InferenceImage", uri, origin)
    elif _choose(draft, uri, instance) != uri:
        _put_other_image(draft, uri, origin, "inference", instance)


def _put_image(draft: Draft, uri: str, origin: str, instance: str, scope: Scope, has_script: bool) -> None:
    asked = draft.document.get("framework")
    found = _pick(identify_image(uri, instance, scope), has_script, asked)
    if found:
        _put_framework(draft, found, origin)
        if not found.fits:
            _put_other_image(draft, uri, origin, scope, instance)
    elif asked and FRAMEWORKS[asked].has_script:
        draft.trace("framework", origin)
        draft.put("trainimage" if scope == "training" else "hostimage", uri, origin)
    else:
        draft.put("framework", "BYOD", origin)
        draft.put("TrainingImage" if scope == "training" else "InferenceImage", uri, origin)


def _pick(identities: list[Identity], has_script: bool, asked: str | None) -> Identity | None:
    if asked:
        return next((each for each in identities if each.framework == asked), None)
    fitting = (each for each in identities if FRAMEWORKS[each.framework].has_script == has_script)
    return next(fitting, next(iter(identities), None))


def _put_framework(draft: Draft, found: Identity, origin: str) -> None:
    draft.put("framework", found.framework, origin)
    draft.put("algorithm", found.algorithm, origin)
    name = draft.facts.version_parameter
    if name and (found.is_in_table or draft.facts.has_script):
        draft.put(name, found.version, origin)
    if draft.facts.has_script:
        draft.put("pyversion", found.python, origin)
    draft.put("baseframework", found.base, origin)


def _put_other_image(draft: Draft, uri: str, origin: str, scope: Scope, instance: str) -> None:
    """Record an image that sagebuild does not choose for the instance type."""
    host = next((each for each in _HOSTS if scope == "inference" and _choose(draft, uri, each) == uri), None)
    if host and "hostinstancetype" not in draft.origins:
        draft.give(origin)
        draft.note(
            f"The model's image is for {processor_of(host)} instances; without a request for an endpoint configuration "
            f"the endpoint gets {instance}; set hostinstancetype to a type such as {host}."
        )
    elif draft.facts.has_script:
        draft.put("trainimage" if scope == "training" else "hostimage", uri, origin)
    else:
        version = draft.document.get("frameworkversion", "newest")
        draft.refuse(origin, uri, f"sagebuild uses AWS's image of {draft.document.get('algorithm')}, version {version}")


def _choose(draft: Draft, uri: str, instance: str) -> str | None:
    """Return the serving image that a build would use in the region of an image; None if there is none."""
    document = draft.document
    name = draft.facts.version_parameter or ""
    region = uri.split(".")[3] if uri.count(".") > 3 else ""
    try:
        return resolve_image(
            document["framework"],
            document.get(name) or _default(draft, name),
            document.get("pyversion") or _default(draft, "pyversion"),
            region,
            instance,
            "inference",
            algorithm=document.get("algorithm"),
            base_framework=document.get("baseframework") or _default(draft, "baseframework"),
        ).uri
    except ImageNotFoundError:
        return None


def _default(draft: Draft, name: str) -> str | None:
    model = MODELS[draft.document.get("framework", "BYOD")]
    field = model.model_fields.get(name)
    return field.default if field and isinstance(field.default, str) else None
