"""Chooses the container image that a build trains or serves in."""

from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import choose_byod_image
from sagebuild.images.table import Image, Scope, resolve_image
from sagebuild.parameters import BuildParameters, ByodParameters


def choose_image(context: BuildContext[BuildParameters], scope: Scope) -> Image:
    """Return the image for a build's training or inference.

    Raises
    ------
    ImageNotFoundError
        AWS has no image for the version, Python, region and instance type.
    PreflightError
        The build should use the image of an earlier build, but there is none.
    """
    if byod := context.narrow(ByodParameters):
        return choose_byod_image(byod, scope)
    parameters = context.parameters
    instance_type = parameters.traininstancetype if scope == "training" else parameters.hostinstancetype
    return resolve_image(
        parameters.framework,
        parameters.image_version,
        getattr(parameters, "pyversion", None),
        context.service.region,
        instance_type,
        scope,
        algorithm=getattr(parameters, "algorithm", None),
        base_framework=getattr(parameters, "baseframework", None),
    )
