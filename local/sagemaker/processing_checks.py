"""Refuses CreateProcessingJob requests that are invalid or unsupported, and completes the others with defaults."""

from moto.sagemaker.exceptions import ValidationError

from local.sagemaker.resources import CONTAINER_BASE, Json, refuse, refuse_repeated, refuse_volume_key

# https://sagemaker.readthedocs.io/en/stable/api/training/processing.html: max_runtime_in_seconds
_MAX_RUNTIME_SECONDS = 86_400
_MAX_INSTANCES = 4  # each is a process on this machine
_FOLDER = f"{CONTAINER_BASE}processing/"


def complete(request: Json) -> Json:
    """The request with AWS's defaults; raise ValidationError if it is invalid or unsupported."""
    refuse(request, ("ExperimentConfig",), "a processing job")
    cluster: Json = request["ProcessingResources"]["ClusterConfig"]
    refuse(cluster, ("InstancePreferences", "SelectedInstanceType", "SelectedInstanceCount"), "ClusterConfig")
    refuse_volume_key(cluster)
    if int(cluster.get("InstanceCount") or 1) > _MAX_INSTANCES:
        raise ValidationError(
            message=f"local/ runs at most {_MAX_INSTANCES} processes; InstanceCount must not be more."
        )
    inputs = [_complete_input(given) for given in request.get("ProcessingInputs") or []]
    refuse_repeated([given["InputName"] for given in inputs], "processing inputs")
    # https://github.com/aws/sagemaker-python-sdk/issues/4939: AWS refuses it with an empty message.
    refuse_repeated([given["S3Input"]["LocalPath"].rstrip("/") for given in inputs], "folders of processing inputs")
    outputs: list[Json] = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    for given in outputs:
        _check_output(given)
    refuse_repeated([given["OutputName"] for given in outputs], "processing outputs")
    return {
        **request,
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, **cluster}},
        "StoppingCondition": {"MaxRuntimeInSeconds": _MAX_RUNTIME_SECONDS, **(request.get("StoppingCondition") or {})},
        **({"ProcessingInputs": inputs} if inputs else {}),
    }


def _complete_input(given: Json) -> Json:
    name = given["InputName"]
    refuse(given, ("AppManaged", "DatasetDefinition"), f"the processing input {name}")
    source: Json | None = given.get("S3Input")
    if not source:
        raise ValidationError(message=f"The processing input {name} needs an S3Input.")
    if source.get("S3InputMode") == "Pipe":
        raise ValidationError(message=f"local/ does not support the S3InputMode Pipe of the processing input {name}.")
    if (source.get("S3CompressionType") or "None") != "None":
        # ProcessingS3Input in botocore's model
        raise ValidationError(message=f"S3CompressionType Gzip of the processing input {name} needs S3InputMode Pipe.")
    _check_place(source, f"The processing input {name}")
    defaults = {"S3InputMode": "File", "S3DataDistributionType": "FullyReplicated", "S3CompressionType": "None"}
    return {**given, "S3Input": {**defaults, **source}, "AppManaged": False}


def _check_output(given: Json) -> None:
    name = given["OutputName"]
    refuse(given, ("AppManaged", "FeatureStoreOutput"), f"the processing output {name}")
    if not given.get("S3Output"):
        raise ValidationError(message=f"The processing output {name} needs an S3Output.")
    _check_place(given["S3Output"], f"The processing output {name}")


def _check_place(place: Json, owner: str) -> None:
    # LocalPath in ProcessingS3Input of botocore's model
    path: str = place.get("LocalPath") or ""
    if not path.startswith(_FOLDER) or ".." in path.split("/"):
        raise ValidationError(message=f"{owner} must have a LocalPath below {_FOLDER}, not {path or 'none'}.")
    if not place["S3Uri"].startswith("s3://"):
        raise ValidationError(message=f"{owner} must have an S3Uri that begins with s3://, not {place['S3Uri']}.")
