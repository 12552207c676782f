"""Which container image a build trains or serves in."""

from sagebuild.errors import ParameterError
from sagebuild.images import Image, Scope, resolve_image
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


def choose_image(parameters: BuildParameters, region: str, scope: Scope) -> Image:
    """The image for a build's training or inference.

    Raises
    ------
    ImageNotFoundError
        AWS has none of that version, Python, region and kind of machine.
    ParameterError
        BYOD without the address of an image.
    """
    instance_type = parameters.traininstancetype if scope == "training" else parameters.hostinstancetype
    if isinstance(parameters, ByodParameters):
        name = "TrainingImage" if scope == "training" else "InferenceImage"
        address = getattr(parameters, name)
        if not address:
            raise ParameterError(f"{name} is not set; framework BYOD needs the address of your image in it.")
        return Image(address)
    return resolve_image(
        parameters.framework,
        _read_version(parameters),
        parameters.pyversion if isinstance(parameters, ScriptModeParameters) else None,
        region,
        instance_type,
        scope,
        algorithm=parameters.algorithm if isinstance(parameters, AmazonParameters) else None,
        base_framework=parameters.baseframework if isinstance(parameters, HuggingFaceParameters) else None,
    )


def _read_version(parameters: BuildParameters) -> str | None:
    if isinstance(parameters, TensorFlowParameters):
        return parameters.tensorflowversion
    if isinstance(parameters, MxnetParameters):
        return parameters.mxnetversion
    if isinstance(parameters, AmazonParameters):
        return AMAZON_VERSION
    return getattr(parameters, "frameworkversion", None)
