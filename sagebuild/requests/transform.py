"""Builds the request of the batch transform, which Step Functions runs after the model is created."""

from __future__ import annotations

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_resource, name_step_job
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.transform_options import BatchTransform
from sagebuild.parameters.transform_rules import TRANSFORM
from sagebuild.requests.bodies import Body, build_tags
from sagebuild.requests.script_mode import locate_output
from sagebuild.service import Service


def build_transform_job(context: BuildContext[BuildParameters], job: BatchTransform) -> Body:
    """Build the request of CreateTransformJob."""
    service, parameters = context.service, context.parameters
    source = {"S3DataType": job.type, "S3Uri": locate_transform_input(context, job)}
    key = {"KmsKeyId": parameters.outputkmskey} if parameters.outputkmskey else {}
    disk = {"VolumeKmsKeyId": parameters.volumekmskey} if parameters.volumekmskey else {}
    body: Body = {
        "TransformJobName": name_step_job(service, context.number, TRANSFORM),
        "ModelName": name_resource(service, context.number),
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "CompressionType": job.compression,
            "SplitType": job.split,
            **({"ContentType": job.contenttype} if job.contenttype else {}),
        },
        "TransformOutput": {
            "S3OutputPath": locate_transform_output(service, context.number, job),
            "AssembleWith": job.assemble,
            **({"Accept": job.accept} if job.accept else {}),
            **key,
        },
        "TransformResources": {"InstanceType": job.instancetype, "InstanceCount": job.instancecount, **disk},
        "Tags": build_tags(context),
    }
    given = {"BatchStrategy": job.strategy, "MaxPayloadInMB": job.payload, "MaxConcurrentTransforms": job.concurrency}
    body |= {name: value for name, value in given.items() if value}
    client = {"InvocationsTimeoutInSeconds": job.timeout, "InvocationsMaxRetries": job.retries}
    if limits := {name: value for name, value in client.items() if value is not None}:
        body["ModelClientConfig"] = limits
    if job.environment:
        body["Environment"] = dict(job.environment)
    if job.processes_records:
        filters = {"InputFilter": job.inputfilter or "$", "OutputFilter": job.outputfilter or "$"}
        body["DataProcessing"] = filters | {"JoinSource": job.join}
    return body


def locate_transform_input(context: BuildContext[BuildParameters], job: BatchTransform) -> str:
    """Return the S3 address of the files to score, or of their manifest."""
    service = context.service
    return job.uri or f"s3://{service.settings.data_bucket}/{service.folder}{str(job.path).lstrip('/')}"


def locate_transform_output(service: Service, number: int, job: BatchTransform) -> str:
    """Return the S3 address of the folder with the results."""
    return job.output or f"{locate_output(service)}/{name_resource(service, number)}/{TRANSFORM}/"
