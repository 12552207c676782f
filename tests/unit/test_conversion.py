"""Descriptions of SageMaker become documents; what they hold besides is listed, with the field that it came from."""

import json
from typing import Any

import pytest

from sagebuild.errors import InputError
from tests.unit.conversions import OPTIONS, build, convert, read
from tests.unit.golden_requests import GOLDEN


def test_own_images_that_run_a_script_get_the_framework_of_the_option() -> None:
    golden = json.loads((GOLDEN / "pytorch-own-images.json").read_text(encoding="utf-8"))
    result = convert(golden["training"], golden["model"], framework="PYTORCH")
    assert result.document["framework"] == "PYTORCH"
    assert result.document["trainimage"].endswith("/own:train")
    assert result.document["hostimage"].endswith("/own:serve")
    assert result.document["trainentrypoint"] == "train.py"
    assert build(result.document)["training"] == golden["training"]


def test_a_description_of_a_training_is_converted_and_the_rest_is_listed() -> None:
    result = convert(read("describe-training-job-pytorch"))
    assert result.problems == ()
    assert result.document == {
        "framework": "PYTORCH",
        "frameworkversion": "2.3.0",
        "pyversion": "py311",
        "trainimage": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/"
        "pytorch-training:2.3.0-gpu-py311-cu121-ubuntu20.04-sagemaker",
        "trainentrypoint": "train.py",
        "trainsourcefile": "s3://sagemaker-eu-west-1-123456789012/pytorch-training-2026-03-02-09-15-33-512/source/"
        "sourcedir.tar.gz",
        "containerloglevel": 20,
        "distribution": {"strategy": "torch_distributed"},
        "hyperparameters": {"batch-size": 64, "lr": 0.001, "optimizer": "adam"},
        "traininstancecount": 2,
        "traininstancetype": "ml.g5.12xlarge",
        "trainvolumesize": 30,
        "trainmaxrun": 1.5,
        "inputmode": "FastFile",
        "channels": {"training": {"uri": "s3://my-lake/mnist/train", "dist": "ShardedByS3Key"}},
        "metrics": [{"Name": "test:loss", "Regex": "test loss: ([0-9.]+)"}],
        "environment": {"NCCL_DEBUG": "INFO"},
        "checkpoints": {"uri": "s3://my-lake/checkpoints/mnist/", "path": "/opt/ml/checkpoints"},
        "spot": True,
        "spotmaxwait": 2.5,
        "retryattempts": 2,
        "keepalive": 600,
    }
    assert [entry.field for entry in result.unconverted] == [
        "OutputDataConfig.CompressionType",
        "DebugHookConfig",
        "ProfilerConfig.S3OutputPath",
        "ProfilerConfig.DisableProfiler",
    ]
    assert {"RoleArn", "TrainingJobStatus", "HyperParameters.sagemaker_region"} <= set(result.given)


def test_a_built_in_algorithm_of_another_version_than_the_table_is_reported() -> None:
    training = json.loads((GOLDEN / "amazon-kmeans.json").read_text(encoding="utf-8"))["training"]
    training["AlgorithmSpecification"]["TrainingImage"] = "438346466558.dkr.ecr.eu-west-1.amazonaws.com/kmeans:latest"
    result = convert(training)
    assert result.document["algorithm"] == "kmeans"
    assert [entry.field for entry in result.unconverted] == ["AlgorithmSpecification.TrainingImage"]


def test_a_model_alone_becomes_a_document_that_deploys_it() -> None:
    model = {
        "ModelName": "live",
        "PrimaryContainer": {
            "Image": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312",
            "Mode": "SingleModel",
            "ModelDataUrl": "s3://models/live/model.tar.gz",
            "ModelDataSource": {
                "S3DataSource": {
                    "S3Uri": "s3://models/live/model.tar.gz",
                    "S3DataType": "S3Object",
                    "CompressionType": "Gzip",
                }
            },
            "Environment": {
                "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_REGION": "eu-west-1",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                "TS_MAX_REQUEST_SIZE": "100000000",
            },
        },
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/any",
        "EnableNetworkIsolation": False,
        "DeploymentRecommendation": {"RecommendationStatus": "COMPLETED"},
    }
    result = convert(model)
    assert result.document == {
        "framework": "PYTORCH",
        "frameworkversion": "2.6.0",
        "pyversion": "py312",
        "hostentrypoint": "inference.py",
        "containerloglevel": 20,
        "modelhostingenvironment": {"TS_MAX_REQUEST_SIZE": "100000000"},
        "ModelArtifacts": "s3://models/live/model.tar.gz",
    }
    assert result.unconverted == ()
    gpu, code = result.notes
    assert "gpu instances" in gpu
    assert "hostinstancetype" in gpu
    assert "hostsourcefile" in code
    with_config = convert(model, {"ProductionVariants": [{"ModelName": "live", "InstanceType": "ml.g5.xlarge"}]})
    assert with_config.document["hostinstancetype"] == "ml.g5.xlarge"
    assert [note for note in with_config.notes if "gpu" in note] == []


def test_several_variants_shadows_and_answers_captured_alone_are_listed() -> None:
    variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    only_answers = [{"CaptureMode": "Output"}]
    capture = {"EnableCapture": True, "DestinationS3Uri": "s3://lake/captured/", "CaptureOptions": only_answers}
    result = convert(
        {
            "EndpointConfigName": "c",
            "ProductionVariants": [variant, variant | {"VariantName": "b"}],
            "ShadowProductionVariants": [variant | {"VariantName": "s"}],
            "DataCaptureConfig": capture,
        },
        {"Tags": [{"Key": "team", "Value": "fraud"}, {"Key": "aws:owner", "Value": "x"}]},
    )
    assert result.document == {
        "hostinstancetype": "ml.m5.large",
        "hostinstancecount": 2,
        "datacapture": {"prefix": "s3://lake/captured/"},
        "Tags": {"team": "fraud"},
    }
    assert [entry.field for entry in result.unconverted] == [
        "0.json: ProductionVariants[1]",
        "0.json: ShadowProductionVariants",
        "0.json: DataCaptureConfig.CaptureOptions[0].CaptureMode",
    ]
    assert "1.json: Tags[1] (aws:owner)" in result.given
    assert result.problems == ()
    (note,) = result.notes
    assert "the framework is not known" in note


def test_a_folder_of_files_is_the_model() -> None:
    folder = {"S3Uri": "s3://models/llama/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": "own:1", "ModelDataSource": {"S3DataSource": folder}}
    result = convert({"ModelName": "live", "PrimaryContainer": container})
    assert result.document["ModelArtifacts"] == "s3://models/llama/"
    assert result.unconverted == ()


def test_a_capture_that_is_switched_off_stays_off() -> None:
    capture = {"EnableCapture": False, "InitialSamplingPercentage": 5, "DestinationS3Uri": "s3://lake/captured/"}
    result = convert({"ProductionVariants": [{"InstanceType": "ml.m5.large"}], "DataCaptureConfig": capture})
    assert (result.document, result.unconverted) == ({"hostinstancetype": "ml.m5.large"}, ())


def test_a_model_with_another_network_than_its_training_is_listed() -> None:
    requests = build(OPTIONS["training"])
    requests["model"]["VpcConfig"] = {"Subnets": ["subnet-9"], "SecurityGroupIds": ["sg-1"]}
    result = convert(requests["training"], requests["model"])
    assert result.document["subnets"] == ["subnet-1", "subnet-2"]
    assert [(entry.field, entry.value) for entry in result.unconverted] == [("1.json: VpcConfig.Subnets", ["subnet-9"])]
    del requests["model"]["VpcConfig"]
    notes = convert(requests["training"], requests["model"]).notes
    assert [note for note in notes if "subnets" in note]


def test_a_problem_of_the_document_names_the_field_that_it_came_from() -> None:
    training = read("describe-training-job-pytorch")
    training["ResourceConfig"]["VolumeSizeInGB"] = 99999
    training["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "https://lake/"
    volume, uri = sorted(convert(training).problems, reverse=True)
    assert volume.startswith("trainvolumesize is 99999")
    assert volume.endswith("It is from ResourceConfig.VolumeSizeInGB.")
    assert uri.startswith("channels.training.uri")
    assert uri.endswith("It is from InputDataConfig[0].")


def test_two_requests_that_differ_where_a_document_has_one_value_are_listed() -> None:
    requests = build(OPTIONS["asynchronous"])
    requests["endpointConfig"]["AsyncInferenceConfig"]["OutputConfig"]["KmsKeyId"] = "alias/other"
    result = convert(*requests.values())
    (entry,) = result.unconverted
    assert entry.value == "alias/other"
    assert "alias/output" in entry.advice
    assert "0.json: OutputDataConfig.KmsKeyId" in entry.advice


def test_the_programs_of_a_model_trainer_are_left_out_and_its_script_is_asked_for() -> None:
    training = build(OPTIONS["torch"])["training"]
    training["HyperParameters"] = {"epochs": "3", "optimizer": "adam"}
    training["AlgorithmSpecification"] |= {"ContainerEntrypoint": ["/bin/bash"], "ContainerArguments": ["-c", "run"]}
    for name in ("code", "sm_drivers"):
        place = {"S3DataType": "S3Prefix", "S3Uri": f"s3://sdk/job/input/{name}"}
        training["InputDataConfig"].append({"ChannelName": name, "DataSource": {"S3DataSource": place}})
    result = convert(training)
    assert result.document["framework"] == "PYTORCH"
    assert result.document["hyperparameters"] == {"epochs": 3, "optimizer": "adam"}
    assert list(result.document["channels"]) == ["training"]
    assert result.unconverted == ()
    assert {"InputDataConfig (sm_drivers)", "AlgorithmSpecification.ContainerEntrypoint"} <= set(result.given)
    (note,) = result.notes
    assert "s3://sdk/job/input/code" in note
    assert "trainentrypoint" in note


def test_only_the_first_definition_of_a_tuning_job_is_converted() -> None:
    tuning = build(OPTIONS["tuning"])["tuning"]
    definition = tuning.pop("TrainingJobDefinition")
    ranges = tuning["HyperParameterTuningJobConfig"].pop("ParameterRanges")
    objective = tuning["HyperParameterTuningJobConfig"].pop("HyperParameterTuningJobObjective")
    more = {"HyperParameterRanges": ranges, "TuningObjective": objective}
    tuning["TrainingJobDefinitions"] = [definition | more | {"DefinitionName": name} for name in ("a", "b")]
    result = convert(tuning)
    assert result.document["hyperparameters"]["epochs"] == {"MinValue": 2, "MaxValue": 9, "integer": True}
    assert result.document["tuningobjective"] == {"Name": "loss", "Type": "Minimize"}
    assert [entry.field for entry in result.unconverted] == ["TrainingJobDefinitions[1]"]


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        ([{"EndpointName": "e", "EndpointConfigName": "c"}], "describe-endpoint-config"),
        ([{"NotebookInstanceName": "n"}], "not a request that can be converted"),
        ([{"TrainingJobName": "a"}, {"HyperParameterTuningJobName": "b"}], "0.json, 1.json: more than one"),
        ([{"TrainingJobName": "a", "ResourceConfig": "large"}], "0.json: ResourceConfig is"),
        ([[]], "nothing to convert"),
        (["text"], "not a request that can be converted"),
    ],
)
def test_what_is_no_request_is_refused(bodies: list[Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason.replace("[", r"\[")):
        convert(*bodies)
