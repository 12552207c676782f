"""Plans the images of BYOD: those that a build makes from the user's Dockerfiles, and finished ones that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.errors import PreflightError
from sagebuild.images.table import SCOPES, Image, Scope
from sagebuild.names import name_image_repository, name_image_tag, name_resource, parse_image_tag
from sagebuild.parameters import BuildParameters, ByodParameters
from sagebuild.partitions import find_partition
from sagebuild.service import Service, aws_call


class ImageBuild(TypedDict):
    """One image that the build makes with CodeBuild."""

    tag: str
    image: str  # its address with that tag, as in the other requests of the plan
    request: dict[str, Any]  # the body of CodeBuild's StartBuild


class ImagesPlan(TypedDict):
    """The image builds of a plan."""

    wanted: bool
    builds: list[ImageBuild]
    lookup: NotRequired[dict[str, Any]]  # the body of ECR's DescribeImages, which returns the digests


def list_images_to_build(parameters: BuildParameters) -> list[Scope]:
    """Return the scopes of the images that the build makes; empty unless BYOD. Without a training, only inference."""
    if not isinstance(parameters, ByodParameters):
        return []
    wanted = SCOPES if parameters.has_training else ("inference",)
    return [scope for scope in wanted if _is_to_build(parameters, scope) and not _read_finished(parameters, scope)]


def list_image_builds(parameters: BuildParameters) -> list[Scope]:
    """Return the scopes for which CodeBuild builds an image; one image may also serve the other scope."""
    shared = isinstance(parameters, ByodParameters) and _share_image(parameters)
    return ["training"] if shared else list_images_to_build(parameters)


def choose_byod_image(context: BuildContext[ByodParameters], scope: Scope) -> Image:
    """Return the user's finished image, the one that this build makes, or the newest of an earlier build.

    Raises
    ------
    PreflightError
        The build makes no image for the scope, and no earlier build made one.
    """
    if address := _read_finished(context.parameters, scope):
        return Image(address)
    repository = context.service.settings.image_repository_uri
    if _is_to_build(context.parameters, scope):
        built_for = "training" if _share_image(context.parameters) else scope
        return Image(f"{repository}:{name_image_tag(context.service, context.number, built_for)}")
    built, digest = _find_newest(context.service, scope)
    note = f"The {scope} image is from build {built}, because build.{scope.title()} is false."
    return Image(f"{repository}@{digest}", note)


def plan_images(context: BuildContext[BuildParameters]) -> ImagesPlan:
    """Plan the images that the state machine builds; without any, ``wanted`` is False.

    Training and inference with the same Dockerfile share one image. It has the tags of both, and requests use the
    training's.
    """
    byod, scopes = context.narrow(ByodParameters), list_image_builds(context.parameters)
    if not byod or not scopes:
        return {"wanted": False, "builds": []}
    tags = [name_image_tag(context.service, context.number, scope) for scope in scopes]
    repository = context.service.settings.image_repository_uri
    return {
        "wanted": True,
        "builds": [
            {"tag": tag, "image": f"{repository}:{tag}", "request": _build_request(byod, scope)}
            for tag, scope in zip(tags, scopes, strict=True)
        ],
        "lookup": {
            "RepositoryName": name_image_repository(context.service),
            "ImageIds": [{"ImageTag": tag} for tag in tags],
        },
    }


def find_source_problems(parameters: ByodParameters) -> Iterator[str]:
    """Yield a sentence if the document has no source for the images to build."""
    scopes = list_images_to_build(parameters)
    if scopes and not parameters.sourcelocation:
        own = " and ".join(f"{scope.title()}Image" for scope in scopes)
        yield (
            f"sourcelocation is not set; set it to the source of the Dockerfiles ({' and '.join(scopes)}), such as "
            f"source.zip in the code bucket or https://github.com/owner/repository, or give your own {own}."
        )


def locate_source_in_s3(context: BuildContext[ByodParameters]) -> str | None:
    """Return the S3 address of the Dockerfiles' source; None if it is not in S3, or the build makes no image."""
    location = context.parameters.sourcelocation
    if not location or not list_images_to_build(context.parameters) or re.match(r"https://|codecommit:", location):
        return None
    service = context.service
    return location if "://" in location else f"s3://{service.settings.code_bucket}/{service.folder}{location}"


def _build_request(context: BuildContext[ByodParameters], scope: Scope) -> dict[str, Any]:
    """Build the request of StartBuild; its idempotency token makes a retry return the same image build."""
    service, number, parameters = context.service, context.number, context.parameters
    variables = {
        "IMAGE_TAG": name_image_tag(service, number, scope),
        "DOCKERFILE_FOLDER": _read_folder(parameters, scope),
    }
    if _share_image(parameters):
        variables["SECOND_TAG"] = name_image_tag(service, number, "inference")
    request = {
        "ProjectName": service.settings.image_project,
        "IdempotencyToken": f"{name_resource(service, number)}-{scope}",
        "EnvironmentVariablesOverride": [
            {"Name": name, "Value": value, "Type": "PLAINTEXT"} for name, value in variables.items()
        ],
        **_override_source(context),
    }
    return request | ({"SourceVersion": parameters.sourceversion} if parameters.sourceversion else {})


def _override_source(context: BuildContext[ByodParameters]) -> dict[str, str]:
    """Return the source in the form of https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html"""
    location = str(context.parameters.sourcelocation)
    if in_s3 := locate_source_in_s3(context):
        return {"SourceTypeOverride": "S3", "SourceLocationOverride": in_s3.removeprefix("s3://")}
    if location.startswith("https://"):
        return {"SourceTypeOverride": "GITHUB", "SourceLocationOverride": f"{location.removesuffix('.git')}.git"}
    return {"SourceTypeOverride": "CODECOMMIT", "SourceLocationOverride": locate_codecommit(context.service, location)}


def locate_codecommit(service: Service, location: str) -> str:
    """Return the HTTPS address of the CodeCommit repository ``codecommit::name``."""
    repository = re.sub("^codecommit(::|://)", "", location)
    region = service.region
    return f"https://git-codecommit.{region}.{find_partition(region).domain}/v1/repos/{repository}"


def _find_newest(service: Service, scope: Scope) -> tuple[int, str]:
    with aws_call("list the images of earlier builds"):
        pages = service.ecr.get_paginator("describe_images").paginate(
            repositoryName=name_image_repository(service), filter={"tagStatus": "TAGGED"}
        )
        details = [detail for page in pages for detail in page["imageDetails"]]
    tags = ((parse_image_tag(service, tag), detail["imageDigest"]) for detail in details for tag in detail["imageTags"])
    found = [(tag[0], str(digest)) for tag, digest in tags if tag and tag[1] == scope]
    if not found:
        raise PreflightError(
            f"build.{scope.title()} is false, but no earlier build has made a {scope} image; set it to true once, or "
            f"give {scope.title()}Image."
        )
    return max(found)


def _share_image(parameters: ByodParameters) -> bool:
    """Return False when the build makes less than two images, or makes them from two Dockerfiles."""
    folders = {_read_folder(parameters, scope) for scope in SCOPES}
    return len(folders) == 1 and len(list_images_to_build(parameters)) == len(SCOPES)


def _is_to_build(parameters: ByodParameters, scope: Scope) -> bool:
    return parameters.build.Training if scope == "training" else parameters.build.Inference


def _read_finished(parameters: ByodParameters, scope: Scope) -> str | None:
    return parameters.TrainingImage if scope == "training" else parameters.InferenceImage


def _read_folder(parameters: ByodParameters, scope: Scope) -> str:
    return parameters.dockerfile_path_Training if scope == "training" else parameters.dockerfile_path_Inference
