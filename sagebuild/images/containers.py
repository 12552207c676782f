"""Chooses the container image that a build trains or serves in."""

from dataclasses import replace

from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import choose_byod_image
from sagebuild.images.named import PREFIX, find_newest, is_named, resolve_named
from sagebuild.images.table import Image, Scope, resolve_image
from sagebuild.instance_facts import processor_of
from sagebuild.llm_engines import ENGINES
from sagebuild.parameters import BuildParameters, ByodParameters, LlmParameters
from sagebuild.parameters.step_options import Step

# The parameters with an image of the user's own, by scope.
OWN_IMAGES: dict[Scope, tuple[str, ...]] = {
    "training": ("TrainingImage", "trainimage"),
    "inference": ("InferenceImage", "hostimage"),
}


def choose_image(context: BuildContext[BuildParameters], scope: Scope) -> Image:
    """Return the image for a build's training or inference.

    Raises
    ------
    ImageNotFoundError
        AWS has no image for the version, Python, region and instance type.
    PreflightError
        The build should use the image of an earlier build, but there is none.
    """
    parameters = context.parameters
    instance_type = _choose_training_type(parameters) if scope == "training" else parameters.hostinstancetype
    own = [getattr(parameters, name, None) for name in OWN_IMAGES[scope]]
    if image := next(filter(is_named, own), None):
        return Image(resolve_named(str(image), context.service.region, instance_type, scope))
    if byod := context.narrow(ByodParameters):
        return choose_byod_image(byod, scope)
    if image := next(filter(None, own), None):
        return Image(str(image))
    if isinstance(parameters, LlmParameters):
        table = ENGINES[parameters.engine].tables[processor_of(instance_type)]
        name = f"{PREFIX}{table}/{parameters.engineversion or find_newest(table)}"
        return Image(resolve_named(name, context.service.region, instance_type, scope))
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


def choose_step_image(context: BuildContext[BuildParameters], step: Step) -> Image:
    """Return the image for a processing or evaluation job: its own, its framework's, or that of a training.

    Raises
    ------
    ImageNotFoundError, PreflightError
        See `choose_image`.
    """
    if step.image:
        return Image(step.image)
    if step.framework:
        region = context.service.region
        version, python = step.frameworkversion, step.pyversion
        return resolve_image(step.framework, version, python, region, step.instancetype, "training")
    like_training = {"traininstancetype": step.instancetype, "instancegroups": ()}
    parameters = context.parameters.model_copy(update=like_training)
    return choose_image(replace(context, parameters=parameters), "training")


def _choose_training_type(parameters: BuildParameters) -> str:
    """Return the instance type that decides on the image: of several, the first GPU, as in the SageMaker SDK."""
    types = [instance_type for instance_type, _ in parameters.training_instances]
    return next((each for each in types if processor_of(each) == "gpu"), types[0])
