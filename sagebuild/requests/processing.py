"""Builds the requests of the processing and evaluation jobs, which Step Functions runs before and after the training.

A job with a script gets the archive as the input "code" and unpacks it there, as the SDK's FrameworkProcessor does
(sagemaker.core.processing). The SDK uploads a shell script for that, and here the command is in the request.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_step_job
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.evaluation_names import EVALUATION, LIVE_EVALUATION
from sagebuild.parameters.step_options import Evaluation, ProcessingJob, Step
from sagebuild.parameters.step_rules import (
    CODE_INPUT,
    MODEL_INPUT,
    place_input,
    place_output,
    read_inputs,
    sort_jobs,
)
from sagebuild.requests.bodies import Bodies, Body, build_tags
from sagebuild.requests.step_places import (
    REPORT_OUTPUT,
    locate_input,
    locate_model,
    locate_step_output,
    locate_step_source,
)
from sagebuild.units import SECONDS_PER_HOUR

CODE_FOLDER = "/opt/ml/processing/input/code"
# The folders of the SDK's own evaluation example, so that its scripts run unchanged.
MODEL_FOLDER = "/opt/ml/processing/model"
REPORT_FOLDER = "/opt/ml/processing/evaluation"
# $0 is the archive, "$@" the script and its arguments. One string of an entrypoint has at most 256 characters:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AppSpecification.html
_UNPACK_AND_RUN = (
    f'cd {CODE_FOLDER} && tar -xzf "$0" && '
    "if [ -f requirements.txt ]; then python -m pip install -r requirements.txt; fi && "
    'exec python "$@"'
)


def build_step_jobs(context: BuildContext[BuildParameters]) -> Bodies:
    """Build the requests of CreateProcessingJob, by kind: "processing:" and the job's name, in their order.

    Jobs whose outputs are reused have no request. The evaluation reads the model at the address where one training
    saves it. The state machine replaces that address: a tuning job saves its best model elsewhere.
    """
    parameters, facts = context.parameters, context.steps
    jobs = [job for job in sort_jobs(parameters) if job.name not in facts.reused]
    bodies = {f"processing:{job.name}": _build_job(context, job.name, job, None) for job in jobs}
    if parameters.evaluation:
        model = locate_model(context)
        bodies[f"processing:{EVALUATION}"] = _build_job(context, EVALUATION, parameters.evaluation, model)
        if facts.live_artifacts:
            live = facts.live_artifacts
            bodies[f"processing:{LIVE_EVALUATION}"] = _build_job(context, LIVE_EVALUATION, parameters.evaluation, live)
    return bodies


def _build_job(context: BuildContext[BuildParameters], name: str, step: Step, model: str | None) -> Body:
    service, parameters = context.service, context.parameters
    image = context.steps.images.get(name)
    cluster = {
        "InstanceType": step.instancetype,
        "InstanceCount": step.instancecount,
        "VolumeSizeInGB": step.volumesize,
        **({"VolumeKmsKeyId": parameters.volumekmskey} if parameters.volumekmskey else {}),
    }
    inputs, outputs = list(_build_inputs(context, step, model)), list(_build_outputs(context, name, step))
    encryption = {"KmsKeyId": parameters.outputkmskey} if parameters.outputkmskey else {}
    body: Body = {
        "ProcessingJobName": name_step_job(service, context.number, name),
        "ProcessingResources": {"ClusterConfig": cluster},
        "StoppingCondition": {"MaxRuntimeInSeconds": round(step.maxrun * SECONDS_PER_HOUR)},
        "AppSpecification": ({"ImageUri": image} if image else {}) | _build_command(context, step),
        "RoleArn": service.settings.training_role_arn,
        "Tags": build_tags(context),
    }
    if inputs:
        body["ProcessingInputs"] = inputs
    if outputs:
        body["ProcessingOutputConfig"] = {"Outputs": outputs} | encryption
    if step.environment:
        body["Environment"] = dict(step.environment)
    if network := _build_network(parameters):
        body["NetworkConfig"] = network
    return body


def _build_command(context: BuildContext[BuildParameters], step: Step) -> Body:
    command: Body = {}
    if step.script:
        archive = PurePosixPath(str(locate_step_source(context, step))).name
        command["ContainerEntrypoint"] = ["/bin/bash", "-c", _UNPACK_AND_RUN, archive, step.script]
    elif step.entrypoint:
        command["ContainerEntrypoint"] = list(step.entrypoint)
    if step.arguments:
        command["ContainerArguments"] = list(step.arguments)
    return command


def _build_inputs(context: BuildContext[BuildParameters], step: Step, model: str | None) -> Iterator[Body]:
    for name, given in read_inputs(context.parameters, step).items():
        kind = {"S3DataDistributionType": given.dist, "S3DataType": given.type}
        yield _build_input(name, locate_input(context, given), place_input(name, given), kind)
    if source := locate_step_source(context, step):
        yield _build_input(CODE_INPUT, source, f"{CODE_FOLDER}/")
    if model:
        yield _build_input(MODEL_INPUT, model, MODEL_FOLDER)


def _build_input(name: str, uri: str, folder: str, more: Body | None = None) -> Body:
    place = {
        "S3Uri": uri,
        "LocalPath": folder,
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    return {"InputName": name, "S3Input": place | (more or {})}


def _build_outputs(context: BuildContext[BuildParameters], name: str, step: Step) -> Iterator[Body]:
    service, number = context.service, context.number
    if isinstance(step, ProcessingJob):
        for output in step.outputs:
            yield _build_output(output, locate_step_output(service, number, name, output), place_output(step, output))
    if isinstance(step, Evaluation):
        yield _build_output(REPORT_OUTPUT, locate_step_output(service, number, name, REPORT_OUTPUT), REPORT_FOLDER)


def _build_output(name: str, uri: str, folder: str) -> Body:
    return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": folder, "S3UploadMode": "EndOfJob"}}


def _build_network(parameters: BuildParameters) -> Body:
    network: Body = {"EnableNetworkIsolation": True} if parameters.networkisolation else {}
    if parameters.trafficencryption:
        network["EnableInterContainerTrafficEncryption"] = True
    if parameters.subnets:
        network["VpcConfig"] = {
            "Subnets": list(parameters.subnets),
            "SecurityGroupIds": list(parameters.securitygroups),
        }
    return network
