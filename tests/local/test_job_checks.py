"""local/ refuses by name what its processing and transform jobs cannot do, and completes the other requests."""

from typing import Any

import pytest
from moto.sagemaker.exceptions import ValidationError

from local.sagemaker import processing_checks, transform_checks

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
