"""Finds the serving script and the image that belong to a build's model."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import BuildRecord, ModelFile
from sagebuild.errors import ModelChangedError, PromotionError
from sagebuild.images.named import is_named
from sagebuild.parameters import BuildParameters, ByodParameters, ScriptModeParameters
from sagebuild.requests.script_mode import locate_source, serves_a_script
from sagebuild.running.model_files import list_files
from sagebuild.service import Service, aws_call


def find_source(context: BuildContext[BuildParameters], record: BuildRecord) -> ModelFile | None:
    """Return the archive with the build's serving script; None if its server needs none.

    Raises
    ------
    PromotionError
        There is no such archive any more.
    ModelChangedError
        It is not the one that the build registered with its model.
    """
    parameters = context.parameters
    if not isinstance(parameters, ScriptModeParameters) or not serves_a_script(parameters):
        return None
    uri = locate_source(context.service, parameters.hostsourcefile or parameters.trainsourcefile)
    found = next((each for each in list_files(context.service, uri) if each["uri"] == uri), None) if uri else None
    if not found:
        raise PromotionError(
            f"The serving script's archive {uri} of build {record.number} does not exist any more, so the build is not "
            "promoted; start a new build."
        )
    registered = _read_registered(context.service, record, str(uri))
    if registered and registered != found["etag"]:
        raise ModelChangedError(
            f"{uri} with the serving script changed after build {record.number}, so the build is not promoted; start a "
            "new build."
        )
    return found


def _read_registered(service: Service, record: BuildRecord, uri: str) -> str:
    """Return the ETag of a source archive that the build's model package has; empty if it has none."""
    if not record.model_package:
        return ""
    with aws_call(f"describe {record.model_package}"):
        try:
            package = service.sagemaker.describe_model_package(ModelPackageName=record.model_package)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":  # SageMaker's code for a deleted package
                raise
            return ""
    properties = package.get("CustomerMetadataProperties", {})
    kinds = ("serving source", "source")
    return next((properties.get(f"{kind} version", "") for kind in kinds if properties.get(kind) == uri), "")


def find_image(context: BuildContext[BuildParameters], record: BuildRecord, receiver: Service) -> dict[str, Any]:
    """Return the parameter with the build's own serving image by its digest; empty for an image of AWS.

    An image of AWS moves by framework and version: its address depends on the region and on whether the receiving
    instances have a GPU, which stay the receiver's.

    Raises
    ------
    PromotionError
        The image is in a registry from which the receiving stack cannot take it.
    """
    service, parameters = context.service, context.parameters
    name = "InferenceImage" if isinstance(parameters, ByodParameters) else "hostimage"
    given = getattr(parameters, name, None)
    if is_named(given) or not (given or isinstance(parameters, ByodParameters)):
        return {}
    image = record.inference_image
    registry, _, path = image.partition("/")
    account, _, rest = registry.partition(".dkr.ecr.")
    region = rest.partition(".")[0]
    if region != receiver.region or (account == service.account != receiver.account):
        raise PromotionError(
            f"The serving image {image} of build {record.number} is not in account {receiver.account} and region "
            f"{receiver.region}, from which {receiver.stack_name} takes it; push it there, give its address in {name}, "
            "and build again."
        )
    if "@" in path or account != receiver.account:
        return {name: image}
    repository, _, tag = path.partition(":")
    return {name: f"{registry}/{repository}@{_find_digest(receiver, image, repository, tag or 'latest')}"}


def _find_digest(service: Service, image: str, repository: str, tag: str) -> str:
    with aws_call(f"look for the image {image}"):
        try:
            found = service.ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("RepositoryNotFoundException", "ImageNotFoundException"):
                raise
            raise PromotionError(f"The serving image {image} does not exist any more; start a new build.") from error
    return str(found["imageDetails"][0]["imageDigest"])
