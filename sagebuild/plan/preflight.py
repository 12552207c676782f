"""Preflight: examines what a build needs before anything costs money, and collects all problems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import find_source_problems, locate_source_in_s3
from sagebuild.images.containers import OWN_IMAGES
from sagebuild.images.named import is_named
from sagebuild.names import name_endpoint
from sagebuild.parameters import CODE_CHANNEL, AmazonParameters, BuildParameters, ByodParameters, ScriptModeParameters
from sagebuild.parameters.llm import LlmParameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.quotas import QuotasUnknown, count_old_fleet, explain_short_quota, find_short_quotas
from sagebuild.plan.shapes import find_violations
from sagebuild.plan.sources import examine_sources
from sagebuild.plan.storage import find_slow_copies, has_objects
from sagebuild.plan.uses import read_others
from sagebuild.requests.algorithms import find_algorithm_problems
from sagebuild.requests.bodies import Bodies, read_channels, read_kind
from sagebuild.requests.extensions import name_pipeline_image
from sagebuild.requests.script_mode import plan_packing
from sagebuild.requests.source_request import find_secret_problems
from sagebuild.running.endpoint import Endpoint, describe_instance_type
from sagebuild.service import Service, aws_call

OPERATIONS = {
    "processing": "CreateProcessingJob",
    "training": "CreateTrainingJob",
    "tuning": "CreateHyperParameterTuningJob",
    "transform": "CreateTransformJob",
    "model": "CreateModel",
    "endpointConfig": "CreateEndpointConfig",
}

# 123456789012.dkr.ecr.eu-west-1.DOMAIN/name/space:tag or ...@sha256:...; the partition decides the domain
_ECR_IMAGE = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.-]+/"
    r"(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>.+))?"
)


def examine_inputs(context: BuildContext[BuildParameters], artifacts: str | None, findings: Findings) -> None:
    """Examine what the build reads: data and scripts, or an existing model when the build trains none."""
    service, parameters = context.service, context.parameters
    channels = read_channels(context) if parameters.has_training else {}
    for name, channel in channels.items():
        if name == CODE_CHANNEL and getattr(parameters, "git_config", None):
            continue  # the build packs it
        if channel.output:
            continue  # a processing job writes it
        if channel.filesystem:
            findings.notes.append(f"The channel '{name}' was not examined: it is a file system, {channel.filesystem}.")
        else:
            _examine_channel(service, name, str(channel.uri), findings)
    if artifacts:
        _examine_artifacts(context, artifacts, findings)
    findings.problems += _find_slow_parts(context)
    if script_mode := context.narrow(ScriptModeParameters):
        examine_sources(script_mode, findings)
        if (artifacts or "").endswith("/") and plan_packing(script_mode):
            findings.problems.append(
                f"The model is the folder {artifacts}; the serving script must be in the archive of a model. Pack the "
                "folder as a model.tar.gz, and give its address in ModelArtifacts."
            )
    if byod := context.narrow(ByodParameters):
        findings.problems += _find_docker_problems(byod)
    if isinstance(parameters, AmazonParameters) and parameters.has_training:
        findings.problems += find_algorithm_problems(parameters)


def find_body_problems(service: Service, bodies: Bodies) -> list[str]:
    """Return a sentence for each value in the requests that SageMaker's service model does not allow."""
    return [
        violation
        for kind, body in bodies.items()
        for violation in find_violations(service.sagemaker, OPERATIONS[read_kind(kind)], body)
    ]


def examine_images(context: BuildContext[BuildParameters], findings: Findings) -> None:
    """Examine whether the user's own images exist in this account's ECR registry."""
    for name, image in _list_own_images(context):
        findings.problems += _find_image_problems(context.service, name, image)


def examine_account(context: BuildContext[BuildParameters], live: Endpoint | None, findings: Findings) -> None:
    """Examine whether the roles may use a VPC, and whether the live endpoint can become the requested one."""
    service, parameters = context.service, context.parameters
    findings.problems += _find_network_problems(service, parameters)
    if live and parameters.serverless and describe_instance_type(service, live.config):
        # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
        findings.problems.append(
            f"serverless is given, but the endpoint {name_endpoint(service)} has instances, and SageMaker cannot "
            "convert it; delete the endpoint first, or leave out serverless."
        )


def _examine_channel(service: Service, name: str, uri: str, findings: Findings) -> None:
    found = has_objects(service, uri)
    if found is None:
        findings.notes.append(f"The channel '{name}' was not examined: the bucket of {uri} denies access.")
    elif not found and service.settings.preprocess_state_machine:
        findings.notes.append(f"The channel '{name}' had no objects at {uri} before preprocessing.")
    elif not found:
        findings.problems.append(f"The channel '{name}' has no objects at {uri}; upload the training data there.")


def _examine_artifacts(context: BuildContext[BuildParameters], artifacts: str, findings: Findings) -> None:
    service, llm = context.service, context.narrow(LlmParameters)
    if llm and llm.parameters.hubsecret:  # the build copies the model
        findings.problems += find_secret_problems(service, "hubsecret", llm.parameters.hubsecret)
        return
    found = has_objects(service, artifacts, is_one=not artifacts.endswith("/"))
    if found is None:
        findings.notes.append(f"The trained model was not examined: the bucket of {artifacts} denies access.")
    elif not found:
        findings.problems.append(
            f"There is no trained model at {artifacts}; train again, or give another address in ModelArtifacts."
        )
    else:
        findings.problems += find_slow_copies(service, artifacts, packs="source" in plan_packing(context))


def _find_slow_parts(context: BuildContext[BuildParameters]) -> Iterator[str]:
    for part in context.parameters.pipeline:
        if part.artifacts and has_objects(context.service, part.artifacts, is_one=True):
            yield from find_slow_copies(context.service, part.artifacts, packs=False)


def _find_docker_problems(context: BuildContext[ByodParameters]) -> Iterator[str]:
    yield from find_source_problems(context.parameters)
    source = locate_source_in_s3(context)
    if source and has_objects(context.service, source, is_one=not source.endswith("/")) is False:
        yield f"sourcelocation names {source}, where there is no object; upload the Dockerfiles' source there."


def _list_own_images(context: BuildContext[BuildParameters]) -> Iterator[tuple[str, str]]:
    parameters = context.parameters
    for name in (name for names in OWN_IMAGES.values() for name in names):
        image = getattr(parameters, name, None)
        if image and not is_named(image):
            yield name, image
    for index, part in enumerate(parameters.pipeline):
        if not is_named(part.image):
            image = name_pipeline_image(context.service, part, parameters.hostinstancetype)
            yield f"pipeline[{index}].{'image' if part.image else 'tag'}", image


def _find_image_problems(service: Service, name: str, image: str) -> Iterator[str]:
    found = _ECR_IMAGE.fullmatch(image)
    # SageMaker checks images of other accounts, regions and registries: this function cannot read those.
    if not found or (found["account"], found["region"]) != (service.account, service.region):
        return
    digest, tag = found["digest"], found["tag"] or "latest"
    with aws_call(f"look for the image {image}"):
        try:
            service.ecr.describe_images(
                repositoryName=found["repository"],
                imageIds=[{"imageDigest": digest} if digest else {"imageTag": tag}],
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in ("RepositoryNotFoundException", "ImageNotFoundException"):
                raise
            missing = "repository" if code.startswith("Repository") else "image"
            yield f"{name} is {image}, and there is no such {missing}; push it, or correct the address."


def _find_network_problems(service: Service, parameters: BuildParameters) -> Iterator[str]:
    if parameters.subnets and service.settings.vpc_access != "true":
        yield (
            "subnets is given, but the stack's roles are not allowed to use a VPC; deploy the service with "
            '--param="vpcAccess=true".'
        )


def examine_quotas(service: Service, needs: Mapping[str, int], live: Endpoint | None, findings: Findings) -> None:
    """Compare a build's instances, and those in use by its endpoint and other pipelines, with the account's quotas.

    Parameters
    ----------
    needs
        As `count_needs` returns them.
    live
        The endpoint that an update replaces.
    """
    others = read_others(service) if needs else {}
    old = count_old_fleet(service, live, needs)
    totals = {
        name: need + old.get(name, 0) + sum(use.count for use in others.get(name, ())) for name, need in needs.items()
    }
    try:
        short = find_short_quotas(service, totals)
    except QuotasUnknown as reason:
        findings.notes.append(f"The service quotas were not examined: {reason}")
        return
    findings.problems += [
        explain_short_quota(name, value, needs[name], old.get(name, 0), others.get(name, ()))
        for name, value in short.items()
    ]
