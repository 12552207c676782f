"""Converts an endpoint configuration."""

from __future__ import annotations

from typing import Any

from sagebuild.client.conversion.draft import Draft
from sagebuild.client.conversion.shared import convert_tags
from sagebuild.client.conversion.source import Source
from sagebuild.requests.extensions import CAPTURE_MODES, MB_PER_GB

_VARIANT = {
    "InstanceType": "hostinstancetype",
    "InitialInstanceCount": "hostinstancecount",
    "ModelDataDownloadTimeoutInSeconds": "downloadtimeout",
    "ContainerStartupHealthCheckTimeoutInSeconds": "starttimeout",
    "InferenceAmiVersion": "inferenceami",
}
_ONE_VARIANT = "an endpoint of sagebuild has one variant; make a pipeline for each other model"


def convert_endpoint_config(draft: Draft, source: Source) -> None:
    """Set the parameters of an endpoint; of several variants, only the first is converted."""
    variant, *others = source.children("ProductionVariants") or [Source({}, "ProductionVariants")]
    for other in others:
        draft.refuse(other.field, dict(other.content), _ONE_VARIANT)
        other.content.clear()
    for member, parameter in _VARIANT.items():
        draft.put(parameter, variant.take(member), variant.name(member))
    serverless = variant.child("ServerlessConfig")
    if serverless.content:
        memory = serverless.take("MemorySizeInMB")
        capacity = {
            "memory": memory / MB_PER_GB if isinstance(memory, int) and memory % MB_PER_GB else _to_gb(memory),
            "concurrency": serverless.take("MaxConcurrency"),
            "provisioned": serverless.take("ProvisionedConcurrency"),
        }
        draft.put("serverless", _drop_none(capacity), serverless.field)
    draft.put("hostkmskey", source.take("KmsKeyId"), source.name("KmsKeyId"))
    asynchronous = source.child("AsyncInferenceConfig")
    if asynchronous.content:
        _convert_async(draft, asynchronous)
    captured = source.child("DataCaptureConfig")
    if captured.content:
        _convert_capture(draft, captured)
    convert_tags(draft, source)


def _convert_capture(draft: Draft, source: Source) -> None:
    if source.take("EnableCapture") is False:
        draft.give(source.field)
        source.content.clear()
        return
    modes = {mode for option in source.children("CaptureOptions") for mode in option.content.values()}
    if modes in ({"InputAndOutput"}, set(CAPTURE_MODES)):
        draft.give(source.name("CaptureOptions"))
        source.take("CaptureOptions")
    asked = {"percentage": source.take("InitialSamplingPercentage"), "prefix": source.take("DestinationS3Uri")}
    draft.put("datacapture", _drop_none(asked), source.field)
    draft.put("outputkmskey", source.take("KmsKeyId"), source.name("KmsKeyId"))


def _convert_async(draft: Draft, source: Source) -> None:
    output, client = source.child("OutputConfig"), source.child("ClientConfig")
    topics = output.child("NotificationConfig")
    asked = {
        "output": output.take("S3OutputPath"),
        "concurrency": client.take("MaxConcurrentInvocationsPerInstance"),
        "successtopic": topics.take("SuccessTopic"),
        "errortopic": topics.take("ErrorTopic"),
    }
    draft.put("asynchronous", _drop_none(asked), source.field)
    draft.put("outputkmskey", output.take("KmsKeyId"), output.name("KmsKeyId"))


def _to_gb(memory: Any) -> Any:
    return memory // MB_PER_GB if isinstance(memory, int) else memory


def _drop_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
