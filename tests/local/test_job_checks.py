"""local/ refuses models, endpoint configurations and jobs that are invalid or cannot run, and completes the others."""

from typing import Any

import pytest
from moto.sagemaker.exceptions import ValidationError

from local.sagemaker import hosting_checks, processing_checks, transform_checks

Json = dict[str, Any]


def transform(source: Json | None = None, given: Json | None = None, output: Json | None = None, **more: Any) -> Json:
    """A request for lines of CSV that are joined with their answers, with changes."""
    place = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"} | (source or {})
    return {
        "TransformInput": {"DataSource": {"S3DataSource": place}, "ContentType": "text/csv", "SplitType": "Line"}
        | (given or {}),
        "TransformOutput": {"S3OutputPath": "s3://bucket/out/", "Accept": "text/csv", "AssembleWith": "Line"}
        | (output or {}),
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "DataProcessing": {"JoinSource": "Input"},
    } | more


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (transform({"S3Uri": "https://bucket/in"}), "only s3:// in S3Uri"),
        (transform(output={"S3OutputPath": "https://bucket/out"}), "only s3:// in S3OutputPath"),
        (transform({"S3DataType": "Converse"}), "S3Prefix or ManifestFile, not Converse"),
        (transform({"S3DataType": "AugmentedManifestFile"}), "not AugmentedManifestFile"),
        (transform(given={"SplitType": "TFRecord"}), "SplitType TFRecord"),
        (transform(given={"SplitType": "RecordIO"}), "needs the SplitType Line, not RecordIO"),
        (transform(given={"ContentType": None}), "needs the ContentType text/csv"),
        (transform(output={"Accept": None}), "needs the Accept text/csv"),
        (transform(output={"AssembleWith": "None"}), "needs the AssembleWith Line, not None"),
        (transform(DataProcessing={"InputFilter": ""}), "Invalid JsonPath"),
        (transform(DataProcessing={"OutputFilter": "$[::2]"}), "Slice is not supported"),
        (transform(DataProcessing={"OutputFilter": "$.a|$.b"}), "Invalid JsonPath"),
        (transform(MaxPayloadInMB=101), "must not exceed 100; it is 101"),
        (transform(MaxPayloadInMB=0), "MaxPayloadInMB 0"),
        (
            transform(DataCaptureConfig={"DestinationS3Uri": "s3://b/c", "GenerateInferenceId": True}),
            "DataCaptureConfig",
        ),
        (transform(ExperimentConfig={"TrialName": "a"}), "ExperimentConfig"),
    ],
)
def test_a_transform_job_that_cannot_run_here_is_refused_by_name(request_: Json, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        transform_checks.complete(request_)
    assert message in str(error.value.message)


@pytest.mark.parametrize(
    "request_",
    [
        transform(),
        transform(given={"SplitType": "None"}, output={"AssembleWith": "None"}, DataProcessing={}),
        transform(
            given={"ContentType": "application/json", "SplitType": "None"}, output={"Accept": "application/json"}
        ),
        transform(MaxConcurrentTransforms=0, MaxPayloadInMB=100),
        transform(TransformResources={"InstanceType": "ml.g5.xlarge", "InstanceCount": 3, "TransformAmiVersion": "a"}),
    ],
)
def test_other_transform_jobs_have_the_defaults_of_aws(request_: Json) -> None:
    completed = transform_checks.complete(request_)
    assert completed["TransformInput"]["CompressionType"] == "None"
    assert completed["DataProcessing"].keys() == {"InputFilter", "OutputFilter", "JoinSource"}


@pytest.mark.parametrize("instance", ["ml.g4dn.xlarge", "ml.p4de.24xlarge", "ml.g5.xlarge", "ml.m6gd.large"])
def test_a_volume_key_is_not_for_an_instance_with_local_storage(instance: str) -> None:
    with pytest.raises(ValidationError) as error:
        transform_checks.complete(transform(TransformResources={"InstanceType": instance, "VolumeKmsKeyId": "k"}))
    assert f"VolumeKmsKeyId is not for {instance}" in str(error.value.message)
    transform_checks.complete(transform(TransformResources={"InstanceType": instance}))


@pytest.mark.parametrize("instance", ["ml.m5.large", "ml.dl1.24xlarge", "ml.g5g.xlarge", "ml.c6i.large"])
def test_a_volume_key_is_for_other_instances(instance: str) -> None:
    transform_checks.complete(transform(TransformResources={"InstanceType": instance, "VolumeKmsKeyId": "k"}))


def place(name: str = "a", **changes: Any) -> Json:
    given = {"S3Uri": "s3://bucket/a", "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": given | changes}


def process(*inputs: Json, output: Json | None = None, cluster: Json | None = None, **more: Any) -> Json:
    machine = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10} | (cluster or {})
    outputs = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "o"} | output]}} if output else {}
    return {"ProcessingResources": {"ClusterConfig": machine}, "ProcessingInputs": list(inputs)} | outputs | more


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (process(place(S3Uri="https://bucket/a")), "begins with s3://, not https://bucket/a"),
        (process(place(LocalPath=None)), "LocalPath below /opt/ml/processing/, not none"),
        (process(place(LocalPath="/opt/ml/code")), "not /opt/ml/code"),
        (process(place(LocalPath="/opt/ml/processing/../b")), "not /opt/ml/processing/../b"),
        (process(place(S3InputMode="Pipe")), "S3InputMode Pipe of the processing input a"),
        (process(place(S3CompressionType="Gzip")), "needs S3InputMode Pipe"),
        (process(place() | {"AppManaged": True}), "AppManaged of the processing input a"),
        (
            process({"InputName": "a", "DatasetDefinition": {"InputMode": "File"}}),
            "DatasetDefinition of the processing",
        ),
        (process({"InputName": "a"}), "The processing input a needs an S3Input"),
        (process(place(), place("a", LocalPath="/opt/ml/processing/b")), "inputs must differ; a is repeated"),
        (process(place(), place("b", LocalPath="/opt/ml/processing/a/")), "/opt/ml/processing/a is repeated"),
        (
            process(output={"FeatureStoreOutput": {"FeatureGroupName": "f"}}),
            "FeatureStoreOutput of the processing output",
        ),
        (process(output={"AppManaged": True}), "AppManaged of the processing output o"),
        (process(output={}) | {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "o"}]}}, "o needs an S3Output"),
        (process(cluster={"InstanceCount": 5}), "at most 4 processes"),
        (process(cluster={"InstancePreferences": [{"InstanceType": "ml.m5.large"}]}), "InstancePreferences"),
        (process(cluster={"SelectedInstanceType": "ml.m5.large"}), "SelectedInstanceType of ClusterConfig"),
        (
            process(cluster={"InstanceType": "ml.g5.xlarge", "VolumeKmsKeyId": "k"}),
            "VolumeKmsKeyId is not for ml.g5.xlarge",
        ),
        (process(ExperimentConfig={"TrialName": "a"}), "ExperimentConfig of a processing job"),
    ],
)
def test_a_processing_job_that_cannot_run_here_is_refused_by_name(request_: Json, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        processing_checks.complete(request_)
    assert message in str(error.value.message)


def test_other_processing_jobs_have_the_defaults_of_aws() -> None:
    nested = place("b", LocalPath="/opt/ml/processing/a/b")
    completed = processing_checks.complete(process(place() | {"AppManaged": False}, nested))
    assert completed["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    assert [given["S3Input"]["S3InputMode"] for given in completed["ProcessingInputs"]] == ["File", "File"]


IMAGE = {"Image": "account.dkr.ecr.us-east-1.amazonaws.com/own:1"}
FULL = {f"V{number:02}": "é" * 510 + "xx" for number in range(31)} | {"V31": "x" * 990}  # 32 KiB with the keys


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "either a PrimaryContainer or Containers"),
        ({"PrimaryContainer": IMAGE, "Containers": [IMAGE, IMAGE]}, "either a PrimaryContainer or Containers"),
        ({"PrimaryContainer": {"ModelDataUrl": "s3://bucket/model.tar.gz"}}, "A container needs an Image"),
        ({"Containers": [IMAGE | {"ContainerHostname": "a"}, IMAGE]}, "Either all Containers need a ContainerHostname"),
        ({"Containers": [IMAGE | {"ContainerHostname": "a"}] * 2}, "hostnames of a model must differ; a is repeated"),
        ({"Containers": [IMAGE | {"Environment": FULL}, IMAGE | {"Environment": {"A": ""}}]}, "has 32769 bytes; 32768"),
    ],
)
def test_a_model_that_aws_refuses(request_: Json, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        hosting_checks.read_containers(request_)
    assert message in str(error.value.message)


def test_other_models_are_accepted() -> None:
    named = [IMAGE | {"ContainerHostname": name} for name in "ab"]
    assert hosting_checks.read_containers({"Containers": named}) == named
    full = IMAGE | {"Environment": FULL}
    assert hosting_checks.read_containers({"PrimaryContainer": full}) == [full]


def variant(name: str = "a", **more: Any) -> Json:
    return {"VariantName": name, "ModelName": "m"} | (
        more or {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    )


def serverless(**more: Any) -> Json:
    return {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 2} | more}


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([variant(), variant()], "variant names of an endpoint configuration must differ; a is repeated"),
        ([variant(InitialInstanceCount=1)], "The variant a needs either an InstanceType or a ServerlessConfig"),
        ([variant(InitialInstanceCount=1, **serverless())], "either an InstanceType or a ServerlessConfig"),
        ([variant(**serverless()), variant("b")], "The serverless variant a must be the only variant"),
        ([variant(**serverless(MemorySizeInMB=2000))], "MemorySizeInMB of the variant a must be a multiple of 1024"),
        ([variant(**serverless(ProvisionedConcurrency=3))], "ProvisionedConcurrency of the variant a must not exceed"),
    ],
)
def test_a_configuration_that_aws_refuses(variants: list[Json], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        hosting_checks.check_configuration({"ProductionVariants": variants})
    assert message in str(error.value.message)


@pytest.mark.parametrize("variants", [[variant(), variant("b")], [variant(**serverless(ProvisionedConcurrency=2))]])
def test_other_configurations_are_accepted(variants: list[Json]) -> None:
    hosting_checks.check_configuration({"ProductionVariants": variants})
