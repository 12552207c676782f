"""Whatever document SCIKIT takes, the requests of its build are such as SageMaker's own model allows."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from sagebuild.builds.context import BuildContext
from sagebuild.errors import ParameterError
from sagebuild.names import name_resource
from sagebuild.parameters import BuildParameters, parse_document
from sagebuild.requests.bodies import build_endpoint, build_endpoint_config, build_model, build_tags, build_training_job
from sagebuild.service import Service

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
ARTIFACTS = "s3://models/builds/house-3f2a1c00-7/output/model.tar.gz"
SAGEMAKER = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
SCRIPT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "source.tar.gz"}
TAGS = [{"Key": "sagebuild:stack", "Value": "house"}, {"Key": "sagebuild:build", "Value": "7"}]


def refuse_clients(name: str) -> Any:
    raise AssertionError(f"a request is written without calling {name}")


SERVICE = Service(
    {
        "STACK_NAME": "house",
        "STACK_ID": "arn:aws:cloudformation:eu-west-1:123456789012:stack/house/3f2a1c00-0000-4000-8000-000000000000",
        "AWS_REGION": "eu-west-1",
        "DATA_BUCKET": "data",
        "CODE_BUCKET": "code",
        "MODEL_BUCKET": "models",
        "TRAINING_ROLE_ARN": "arn:aws:iam::123456789012:role/house-training",
        "HOSTING_ROLE_ARN": "arn:aws:iam::123456789012:role/house-hosting",
    },
    refuse_clients,
)


def read(**document: Any) -> BuildParameters:
    return parse_document(json.dumps(SCRIPT | document))


def training_of(**document: Any) -> dict[str, Any]:
    return build_training_job(BuildContext(SERVICE, 7, read(**document)), IMAGE)


def model_of(**document: Any) -> dict[str, Any]:
    return build_model(BuildContext(SERVICE, 7, read(**document)), IMAGE)


def container_environment(**document: Any) -> dict[str, str]:
    environment: dict[str, str] = model_of(**document)["PrimaryContainer"]["Environment"]
    return environment


def channels_of(**document: Any) -> dict[str, dict[str, Any]]:
    return {channel["ChannelName"]: channel for channel in training_of(**document)["InputDataConfig"]}


def find_faults(operation: str, request: dict[str, Any]) -> list[str]:
    """What SageMaker would refuse: types and members by botocore, texts by the rest of the same model."""
    shape = SAGEMAKER.operation_model(operation).input_shape
    assert shape
    report = ParamValidator().validate(request, shape)
    return [report.generate_report()] if report.has_errors() else list(_wrong_texts(shape, request, operation))


def _wrong_texts(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from _wrong_texts(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for member in value:
            yield from _wrong_texts(shape.member, member, path)
    elif shape.type_name == "map":
        for name, member in value.items():
            yield from _wrong_texts(shape.key, name, f"{path} key")
            yield from _wrong_texts(shape.value, member, f"{path}.{name}")
    if shape.type_name in ("list", "map", "string") and len(value) > shape.metadata.get("max", len(value)):
        yield f"{path} is too long"
    if shape.type_name == "string" and not _fits(shape.metadata, value):
        yield f"{path} is {value!r}, which is no {shape.name}"


def _fits(metadata: dict[str, Any], value: str) -> bool:
    # Tags are matched by classes of Unicode's that Python's re has not.
    pattern = metadata.get("pattern", ".*").replace(r"\p{L}", "a-zA-Z").replace(r"\p{Z}", " ").replace(r"\p{N}", "0-9")
    return value in metadata.get("enum", [value]) and bool(re.fullmatch(pattern, value))


DOCUMENTS: dict[str, dict[str, Any]] = {
    "as little as possible": {},
    "another version": {"frameworkversion": "1.2-1"},
    "numbers as texts": {"hostinstancecount": "2", "trainvolumesize": "30", "trainmaxrun": "0.5"},
    "minutes": {"trainmaxrun": 0.02},
    "28 days": {"trainmaxrun": 672},
    "hyperparameters of every type": {
        "hyperparameters": {"a": 1, "b": 0.5, "c": "text", "d": True, "e": None, "f": [1, "2"], "g": {"h": 1}, "i": ""}
    },
    "as many hyperparameters as may be": {"hyperparameters": {f"h{n}": n for n in range(94)}},
    "as many variables as may be": {"modelhostingenvironment": {f"V{n}": n for n in range(94)}},
    "metrics": {"metrics": [{"Name": "validation:accuracy", "Regex": r"accuracy=([0-9.]+)"}]},
    "a serving of its own": {"hostentrypoint": "serve/app.py", "hostsourcefile": "s3://elsewhere/serve.tar.gz"},
    "an environment": {"modelhostingenvironment": {"LEVEL": 3, "EMPTY": "", "NAME": "x"}},
    "tags": {"Tags": {"team": "A/B tests", "cost:centre": "12"}},
    "tags as AWS writes them": {"Tags": [{"Key": "team", "Value": "ours"}]},
    "other machines": {
        "traininstancetype": "ml.c5.18xlarge",
        "hostinstancetype": "ml.m5.large",
        "hostinstancecount": 3,
    },
    "data elsewhere": {"uri": "s3://elsewhere/data/"},
    "pipe": {"inputmode": "Pipe"},
    "fast file": {"inputmode": "FastFile"},
    "a channel by path": {"channels": {"training": {"path": "/digits/"}}},
    "a channel by address": {"channels": {"training": {"uri": "s3://elsewhere"}}},
    "a manifest": {"channels": {"training": {"path": "files.manifest", "type": "ManifestFile"}}},
    "an augmented manifest": {
        "channels": {
            "training": {
                "path": "files.manifest",
                "type": "AugmentedManifestFile",
                "AttributeNames": ["source-ref", "label"],
                "InputMode": "Pipe",
                "RecordWrapperType": "RecordIO",
                "ShuffleConfig": {"Seed": "7"},
            }
        }
    },
    "channels of every mode": {
        "channels": {
            "a": {"path": "a", "InputMode": "File"},
            "b.2": {"path": "b", "InputMode": "Pipe", "CompressionType": "Gzip", "contentType": "text/csv"},
            "c-3_x": {"path": "c", "InputMode": "FastFile", "dist": "ShardedByS3Key"},
        }
    },
    "twenty channels": {"channels": {f"c{n}": {"path": f"{n}/"} for n in range(20)}},
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_sagemaker_s_model_allows_the_requests(document: dict[str, Any]) -> None:
    parameters = read(**document)
    model = model_of(**document)
    model["PrimaryContainer"] |= {"ModelDataUrl": ARTIFACTS}  # as the state machine does
    endpoint = build_endpoint(SERVICE, name_resource(SERVICE, 7))
    assert find_faults("CreateTrainingJob", training_of(**document)) == []
    assert find_faults("CreateModel", model) == []
    assert find_faults("CreateEndpointConfig", build_endpoint_config(BuildContext(SERVICE, 7, parameters))) == []
    assert find_faults("CreateEndpoint", endpoint | {"Tags": build_tags(BuildContext(SERVICE, 7, parameters))}) == []
    assert find_faults("UpdateEndpoint", endpoint) == []


@pytest.mark.parametrize(
    "document",
    [
        {"hyperparameters": {f"h{n}": n for n in range(95)}},
        {"modelhostingenvironment": {f"V{n}": n for n in range(95)}},
        {"channels": {"données": {"path": "a/"}}},
    ],
    ids=lambda document: next(iter(document)),
)
def test_what_sagemaker_would_refuse_is_refused_by_name(document: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=rf"^{next(iter(document))}"):
        read(**document)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("TrainingJobName", "no name!", "TrainingJobName"),
        ("HyperParameters", {"depth": 3}, "HyperParameters"),
        ("HyperParameters", {"text": "x" * 2501}, "HyperParameters.text is too long"),
        ("InputDataConfig", [{"ChannelName": "no name!", "DataSource": {}}], "no ChannelName"),
        ("StoppingCondition", {"MaxRuntimeInSeconds": 0}, "MaxRuntimeInSeconds"),
        ("Colour", "red", "Colour"),
    ],
)
def test_a_request_that_sagemaker_would_refuse_is_found_out(name: str, value: Any, fault: str) -> None:
    assert fault in "".join(find_faults("CreateTrainingJob", training_of() | {name: value}))


def test_the_requests_of_one_document_in_full() -> None:
    document = {
        "hyperparameters": {"depth": 3, "kernel": "rbf"},
        "metrics": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        "channels": {"training": {"path": "digits/", "contentType": "text/csv"}},
        "trainmaxrun": 1.5,
        "hostinstancecount": 2,
        "modelhostingenvironment": {"WORKERS": 2},
        "Tags": {"team": "ours"},
    }
    tags = [*TAGS, {"Key": "team", "Value": "ours"}]
    source_address = {
        "S3DataType": "S3Prefix",
        "S3Uri": "s3://data/digits/",
        "S3DataDistributionType": "FullyReplicated",
    }
    assert training_of(**document) == {
        "TrainingJobName": "house-3f2a1c00-7",
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        },
        "RoleArn": "arn:aws:iam::123456789012:role/house-training",
        "HyperParameters": {
            "depth": "3",
            "kernel": '"rbf"',
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": '"s3://code/source.tar.gz"',
            "sagemaker_container_log_level": "40",
            "sagemaker_enable_cloudwatch_metrics": "false",
            "sagemaker_region": '"eu-west-1"',
        },
        "InputDataConfig": [
            {
                "ChannelName": "training",
                "DataSource": {"S3DataSource": source_address},
                "ContentType": "text/csv",
                "CompressionType": "None",
                "RecordWrapperType": "None",
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://models/builds"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 5400},
        "Tags": tags,
    }
    assert model_of(**document) == {
        "ModelName": "house-3f2a1c00-7",
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/house-hosting",
        "PrimaryContainer": {
            "Image": IMAGE,
            "Environment": {
                "SAGEMAKER_PROGRAM": "train.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "s3://code/source.tar.gz",
                "SAGEMAKER_CONTAINER_LOG_LEVEL": "40",
                "SAGEMAKER_ENABLE_CLOUDWATCH_METRICS": "false",
                "SAGEMAKER_REGION": "eu-west-1",
                "WORKERS": "2",
            },
        },
        "Tags": tags,
    }
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "house-3f2a1c00-7",
        "InstanceType": "ml.t2.medium",
        "InitialInstanceCount": 2,
        "InitialVariantWeight": 1.0,
    }
    assert build_endpoint_config(BuildContext(SERVICE, 7, read(**document))) == {
        "EndpointConfigName": "house-3f2a1c00-7",
        "ProductionVariants": [variant],
        "Tags": tags,
    }
    assert build_endpoint(SERVICE, name_resource(SERVICE, 7)) == {
        "EndpointName": "house",
        "EndpointConfigName": "house-3f2a1c00-7",
    }


@pytest.mark.parametrize(
    ("document", "uris"),
    [
        ({}, {"training": "s3://data/train/"}),
        ({"uri": "s3://elsewhere/here"}, {"training": "s3://elsewhere/here"}),
        ({"channels": {"a": {"path": "/a/"}, "b": {"uri": "s3://x1z/b"}}}, {"a": "s3://data/a/", "b": "s3://x1z/b"}),
    ],
)
def test_channels_lead_to_the_data(document: dict[str, Any], uris: dict[str, str]) -> None:
    found = {name: channel["DataSource"]["S3DataSource"]["S3Uri"] for name, channel in channels_of(**document).items()}
    assert found == uris


def test_empty_channels_are_a_training_without_data() -> None:
    assert "InputDataConfig" not in training_of(channels={})
    assert channels_of(channels={}, uri="s3://elsewhere/here").keys() == {"training"}
    assert channels_of(channels={}, networkisolation=True).keys() == {"code"}


def test_a_channel_says_all_that_it_was_given() -> None:
    (channel,) = channels_of(**DOCUMENTS["an augmented manifest"]).values()
    assert channel["DataSource"]["S3DataSource"] == {
        "S3DataType": "AugmentedManifestFile",
        "S3Uri": "s3://data/files.manifest",
        "S3DataDistributionType": "FullyReplicated",
        "AttributeNames": ["source-ref", "label"],
    }
    assert (channel["InputMode"], channel["RecordWrapperType"]) == ("Pipe", "RecordIO")
    assert channel["ShuffleConfig"] == {"Seed": 7}
    second = channels_of(**DOCUMENTS["channels of every mode"])["b.2"]
    assert (second["InputMode"], second["CompressionType"], second["ContentType"]) == ("Pipe", "Gzip", "text/csv")
    third = channels_of(**DOCUMENTS["channels of every mode"])["c-3_x"]
    assert third["DataSource"]["S3DataSource"]["S3DataDistributionType"] == "ShardedByS3Key"
    assert "ContentType" not in third


def test_the_serving_has_its_own_script_or_the_training_s() -> None:
    own = container_environment(hostentrypoint="serve.py", hostsourcefile="s3://elsewhere/serve.tar.gz")
    assert (own["SAGEMAKER_PROGRAM"], own["SAGEMAKER_SUBMIT_DIRECTORY"]) == ("serve.py", "s3://elsewhere/serve.tar.gz")
    shared = container_environment()
    assert (shared["SAGEMAKER_PROGRAM"], shared["SAGEMAKER_SUBMIT_DIRECTORY"]) == (
        "train.py",
        "s3://code/source.tar.gz",
    )


@pytest.mark.parametrize(("level", "sent"), [(200, 40), ("50", 40), (40, 40), (20, 20), (0, 0)])
def test_containers_always_log_errors(level: Any, sent: int) -> None:
    hyperparameters = training_of(containerloglevel=level)["HyperParameters"]
    assert hyperparameters["sagemaker_container_log_level"] == str(sent)
    assert container_environment(containerloglevel=level)["SAGEMAKER_CONTAINER_LOG_LEVEL"] == str(sent)


def test_a_person_s_environment_wins() -> None:
    assert container_environment(modelhostingenvironment={"SAGEMAKER_REGION": "mars"})["SAGEMAKER_REGION"] == "mars"


def test_hyperparameters_are_texts_that_read_back_as_they_were() -> None:
    given = DOCUMENTS["hyperparameters of every type"]["hyperparameters"]
    sent = training_of(hyperparameters=given)["HyperParameters"]
    assert {name: json.loads(sent[name]) for name in given} == given
