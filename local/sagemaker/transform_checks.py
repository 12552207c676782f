"""Refuses CreateTransformJob requests that are invalid or unsupported, and completes the others with defaults."""

from moto.sagemaker.exceptions import ValidationError

from local.sagemaker.resources import Json, refuse, refuse_volume_key
from local.sagemaker.transform_paths import PathError, RecordPath
from local.sagemaker.transform_records import JOINED_TYPES, media_type

_UNSUPPORTED = ("DataCaptureConfig", "ExperimentConfig")
# MaxPayloadInMB in botocore's model
_MOST_MEGABYTES = 100
_EVERYTHING = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}


def complete(request: Json) -> Json:
    """The request with AWS's defaults; raise ValidationError if it is invalid or unsupported."""
    refuse(request, _UNSUPPORTED, "a transform job")
    refuse_volume_key(request["TransformResources"])
    given: Json = request["TransformInput"]
    kind = given["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in ("S3Prefix", "ManifestFile"):
        raise ValidationError(message=f"A transform job reads the S3DataType S3Prefix or ManifestFile, not {kind}.")
    source, output = given["DataSource"]["S3DataSource"]["S3Uri"], request["TransformOutput"]["S3OutputPath"]
    for name, uri in (("S3Uri", source), ("S3OutputPath", output)):
        if not uri.startswith("s3://"):
            raise ValidationError(message=f"local/ supports only s3:// in {name} of a transform job, not {uri}.")
    if given.get("SplitType") == "TFRecord":
        raise ValidationError(message="local/ does not support the SplitType TFRecord of a transform job.")
    _check_payload(request)
    processing = {**_EVERYTHING, **(request.get("DataProcessing") or {})}
    if processing != _EVERYTHING:
        _check_processing(processing, request)
    return {
        **request,
        "TransformInput": {"CompressionType": "None", "SplitType": "None", **given},
        "TransformOutput": {"AssembleWith": "None", **request["TransformOutput"]},
        "DataProcessing": processing,
    }


def _check_payload(request: Json) -> None:
    megabytes, concurrency = request.get("MaxPayloadInMB"), request.get("MaxConcurrentTransforms") or 1
    if megabytes == 0:
        raise ValidationError(message="local/ does not support MaxPayloadInMB 0 (requests in chunks).")
    if megabytes and megabytes * concurrency > _MOST_MEGABYTES:
        raise ValidationError(
            message=f"MaxPayloadInMB times MaxConcurrentTransforms must not exceed {_MOST_MEGABYTES}; it is "
            f"{megabytes * concurrency}."
        )


def _check_processing(processing: Json, request: Json) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
    try:
        for name in ("InputFilter", "OutputFilter"):
            RecordPath(processing[name])
    except PathError as error:
        raise ValidationError(message=f"{error}.") from error
    given, output = request["TransformInput"], request["TransformOutput"]
    for name, header in (("ContentType", given.get("ContentType")), ("Accept", output.get("Accept"))):
        if media_type(header) not in JOINED_TYPES:
            raise ValidationError(
                message=f"DataProcessing needs the {name} {', '.join(JOINED_TYPES)}, not {header or 'none'}."
            )
    # The same page: "you must also set" both to Line.
    for name, value in (("SplitType", given.get("SplitType")), ("AssembleWith", output.get("AssembleWith"))):
        if media_type(given["ContentType"]) == "text/csv" and value != "Line":
            raise ValidationError(message=f"DataProcessing of text/csv needs the {name} Line, not {value or 'None'}.")
