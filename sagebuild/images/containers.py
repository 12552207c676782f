"""Chooses the container image that a build trains or serves in."""

from sagebuild.images.byod import choose_byod_image
from sagebuild.images.table import Image, Scope, resolve_image
from sagebuild.parameters import BuildParameters, ByodParameters
from sagebuild.service import Service


def choose_image(service: Service, number: int, parameters: BuildParameters, scope: Scope) -> Image:
    """Return the image for a build's training or inference.

    Raises
    ------
    ImageNotFoundError
        AWS has no image of that version, Python, region and instance type.
    PreflightError
        BYOD uses an earlier image, and there is none.
    """
    if isinstance(parameters, ByodParameters):
        return choose_byod_image(service, number, parameters, scope)
    instance_type = parameters.traininstancetype if scope == "training" else parameters.hostinstancetype
    return resolve_image(
        parameters.framework,
        parameters.image_version,
        getattr(parameters, "pyversion", None),
        service.region,
        instance_type,
        scope,
        algorithm=getattr(parameters, "algorithm", None),
        base_framework=getattr(parameters, "baseframework", None),
    )
