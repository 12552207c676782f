"""Which container image a build trains or serves in."""

from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import choose_byod_image
from sagebuild.images.table import Image, Scope, resolve_image
from sagebuild.parameters import (
    AmazonParameters,
    BuildParameters,
    ByodParameters,
    HuggingFaceParameters,
    MxnetParameters,
    ScriptModeParameters,
    TensorFlowParameters,
)

# The one that the SDK's tables have of every algorithm; xgboost has "latest" besides.
AMAZON_VERSION = "1"


def choose_image(context: BuildContext[BuildParameters], scope: Scope) -> Image:
    """The image for a build's training or inference.

    Raises
    ------
    ImageNotFoundError
        AWS has none of that version, Python, region and kind of machine.
    PreflightError
        BYOD is to take an earlier image, and there is none.
    """
    if byod := context.narrow(ByodParameters):
        return choose_byod_image(byod, scope)
    parameters = context.parameters
    instance_type = parameters.traininstancetype if scope == "training" else parameters.hostinstancetype
    return resolve_image(
        parameters.framework,
        read_version(parameters),
        parameters.pyversion if isinstance(parameters, ScriptModeParameters) else None,
        context.service.region,
        instance_type,
        scope,
        algorithm=parameters.algorithm if isinstance(parameters, AmazonParameters) else None,
        base_framework=parameters.baseframework if isinstance(parameters, HuggingFaceParameters) else None,
    )


def read_version(parameters: BuildParameters) -> str | None:
    """The version of the framework or algorithm that a document asks for; None where it has none."""
    if isinstance(parameters, TensorFlowParameters):
        return parameters.tensorflowversion
    if isinstance(parameters, MxnetParameters):
        return parameters.mxnetversion
    if isinstance(parameters, AmazonParameters):
        return AMAZON_VERSION
    return getattr(parameters, "frameworkversion", None)
