"""The options beyond the contract's groups: what reaches SageMaker of each, and nothing of those left out."""

import json
from typing import Any, get_args

import botocore.session
import pytest
from botocore.validate import ParamValidator

from sagebuild.builds.context import BuildContext
from sagebuild.cost.training_price import price_training
from sagebuild.errors import ParameterError
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.images.containers import choose_image
from sagebuild.parameters import parse_document, parse_parameters
from sagebuild.parameters.serving_options import InferenceAmi
from sagebuild.plan.quotas import count_needs
from sagebuild.requests.bodies import build_endpoint_config, build_model, build_training_job
from sagebuild.requests.guardrails import POLL_SECONDS, count_polls
from sagebuild.requests.training import build_bodies
from sagebuild.service import Service
from tests.unit.wrong_documents import of, scikit
from tests.unit.wrong_options import AUTOSCALING, SERVERLESS, WRONG_OPTIONS, scaled

SAGEMAKER = botocore.session.get_session().get_service_model("sagemaker")
SERVICE = Service(
    {
        "STACK_NAME": "sagebuild-test",
        "STACK_ID": "arn:aws:cloudformation:eu-west-1:123456789012:stack/sagebuild-test/3f2a1c00-0000",
        "AWS_REGION": "eu-west-1",
        "DATA_BUCKET": "data",
        "CODE_BUCKET": "code",
        "MODEL_BUCKET": "model",
        "TRAINING_ROLE_ARN": "arn:aws:iam::123456789012:role/training",
        "HOSTING_ROLE_ARN": "arn:aws:iam::123456789012:role/hosting",
        "IMAGE_REPOSITORY_URI": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own",
    },
    lambda _: None,
)
SCRIPT = {"trainentrypoint": "train.py", "trainsourcefile": "source.tar.gz"}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
VPC = {"subnets": ["subnet-1", "subnet-2"], "securitygroups": ["sg-1"]}
VPC_CONFIG = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
CAPTURE = {
    "EnableCapture": True,
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:failures"

Body = dict[str, Any]


def build(operation: str, document: Body) -> Body:
    """A request of a document, which botocore's model of the operation must find right."""
    parameters = parse_parameters(SCRIPT | document if FRAMEWORKS[document["framework"]].has_script else document)
    bodies = {
        "CreateTrainingJob": lambda: build_training_job(BuildContext(SERVICE, 7, parameters), "image:1"),
        "CreateModel": lambda: build_model(BuildContext(SERVICE, 7, parameters), "image:1"),
        "CreateEndpointConfig": lambda: build_endpoint_config(BuildContext(SERVICE, 7, parameters)),
    }
    body = bodies[operation]()
    shape: Any = SAGEMAKER.operation_model(operation).input_shape
    report = ParamValidator().validate(body, shape)
    assert not report.has_errors(), report.generate_report()
    return body


def train(**options: Any) -> Body:
    return build("CreateTrainingJob", scikit(**options))


def changes(operation: str, **options: Any) -> Body:
    """What options change in a request."""
    usual, body = build(operation, scikit()), build(operation, scikit(**options))
    assert usual.keys() <= body.keys() | {"PrimaryContainer"}
    return {name: value for name, value in body.items() if usual.get(name) != value}


@pytest.mark.parametrize(("document", "sentences"), [(row[0], row[1:]) for row in WRONG_OPTIONS])
def test_an_invalid_option_is_refused_with_a_sentence(document: Any, sentences: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError) as error:
        parse_document(json.dumps(document))
    assert str(error.value).splitlines() == list(sentences)


@pytest.mark.parametrize(("options", "expected"), [
    ({"environment": {"LEVEL": 5}}, {"Environment": {"LEVEL": "5"}}),
    ({"trafficencryption": "true"}, {"EnableInterContainerTrafficEncryption": True}),
    ({"checkpoints": {}}, {"CheckpointConfig": {"S3Uri": "s3://model/checkpoints/sagebuild-test-3f2a1c00-7/"}}),
    ({"checkpoints": {"uri": "s3://mine/c", "path": "/tmp/c"}},
     {"CheckpointConfig": {"S3Uri": "s3://mine/c", "LocalPath": "/tmp/c"}}),
    ({"spot": True, "spotmaxwait": "6.5"},
     {"EnableManagedSpotTraining": True,
      "StoppingCondition": {"MaxRuntimeInSeconds": 14400, "MaxWaitTimeInSeconds": 23400}}),
    ({"outputkmskey": KEY}, {"OutputDataConfig": {"S3OutputPath": "s3://model/builds", "KmsKeyId": KEY}}),
    ({"volumekmskey": KEY, "keepalive": 600},
     {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10,
                         "VolumeKmsKeyId": KEY, "KeepAlivePeriodInSeconds": 600}}),
    ({"retryattempts": "3"}, {"RetryStrategy": {"MaximumRetryAttempts": 3}}),
    (VPC, {"VpcConfig": VPC_CONFIG}),
    ({"hostkmskey": KEY, "serverless": SERVERLESS}, {}),
])  # fmt: skip
def test_a_training_has_what_was_asked_for_and_no_more(options: Body, expected: Body) -> None:
    assert changes("CreateTrainingJob", **options) == expected


def test_a_training_may_have_instances_of_several_types() -> None:
    groups = [{"name": "gpu", "type": "ml.g5.xlarge", "count": 1}, {"name": "cpu", "type": "ml.c5.large", "count": "3"}]
    channels = {"training": {"path": "train/"}, "images": {"path": "images/", "instancegroups": ["cpu"]}}
    options = {"instancegroups": groups, "channels": channels, "keepalive": 60}
    body = build("CreateTrainingJob", of("PYTORCH", **options))
    assert body["ResourceConfig"] == {
        "InstanceGroups": [
            {"InstanceGroupName": "gpu", "InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
            {"InstanceGroupName": "cpu", "InstanceType": "ml.c5.large", "InstanceCount": 3},
        ],
        "VolumeSizeInGB": 10,
        "KeepAlivePeriodInSeconds": 60,
    }
    sources = [channel["DataSource"]["S3DataSource"] for channel in body["InputDataConfig"]]
    assert [source.get("InstanceGroupNames") for source in sources] == [None, ["cpu"]]
    context = BuildContext(SERVICE, 7, parse_parameters(of("PYTORCH", instancegroups=[groups[1], groups[0]])))
    assert "-gpu-" in choose_image(context, "training").uri  # the image of a GPU also runs on the other instances
    price = price_training(context, build_bodies(context, None, None))
    assert price.instances == {"ml.g5.xlarge": 1, "ml.c5.large": 3}
    needs = count_needs(build_bodies(context, None, None), deploys=True)
    assert (needs["ml.g5.xlarge for training job usage"], needs["ml.c5.large for training job usage"]) == (1, 3)


def test_a_channel_may_be_a_folder_of_a_file_system() -> None:
    lustre = {"id": "fs-0123456789abcdef0", "type": "fsxlustre", "directory": "/abcd/train"}
    efs = {"id": "fs-01234567", "type": "EFS", "directory": "/data", "access": "rw"}
    channels = {"fast": {"filesystem": lustre, "contentType": "text/csv"}, "shared": {"filesystem": efs}}
    assert train(channels=channels, inputmode="Pipe", **VPC)["InputDataConfig"] == [
        {
            "ChannelName": "fast",
            "DataSource": {
                "FileSystemDataSource": {
                    "FileSystemId": "fs-0123456789abcdef0",
                    "FileSystemType": "FSxLustre",
                    "FileSystemAccessMode": "ro",
                    "DirectoryPath": "/abcd/train",
                }
            },
            "InputMode": "File",
            "ContentType": "text/csv",
        },
        {
            "ChannelName": "shared",
            "DataSource": {
                "FileSystemDataSource": {
                    "FileSystemId": "fs-01234567",
                    "FileSystemType": "EFS",
                    "FileSystemAccessMode": "rw",
                    "DirectoryPath": "/data",
                }
            },
            "InputMode": "File",
        },
    ]


def test_a_script_may_run_in_an_image_of_one_s_own() -> None:
    context = BuildContext(SERVICE, 7, parse_parameters(of("PYTORCH", trainimage="mine:1", **SCRIPT)))
    assert choose_image(context, "training").uri == "mine:1"
    assert choose_image(context, "inference").uri.endswith("/pytorch-inference:2.6.0-cpu-py312")
    body = build_training_job(context, choose_image(context, "training").uri)
    assert body["HyperParameters"]["sagemaker_program"] == '"train.py"'


def test_a_training_without_a_network_finds_its_script_in_a_channel() -> None:
    body = train(networkisolation=True, trainsourcefile="s3://mine/src/source.tar.gz")
    assert body["EnableNetworkIsolation"] is True
    assert [channel["ChannelName"] for channel in body["InputDataConfig"]] == ["training", "code"]
    assert body["InputDataConfig"][1]["DataSource"]["S3DataSource"]["S3Uri"] == "s3://mine/src/source.tar.gz"
    assert body["HyperParameters"]["sagemaker_submit_directory"] == '"/opt/ml/input/data/code/source.tar.gz"'


@pytest.mark.parametrize(("framework", "distribution", "expected"), [
    ("TENSORFLOW", {"strategy": "parameter_server"}, {"parameter_server_enabled": "true"}),
    ("MXNET", {"strategy": "MPI", "processes": 4, "options": "-x A=1"},
     {"mpi_enabled": "true", "mpi_num_of_processes_per_host": "4", "mpi_custom_mpi_options": '"-x A=1"'}),
    ("PYTORCH", {"strategy": "smdistributed"},
     {"distributed_dataparallel_enabled": "true", "distributed_dataparallel_custom_mpi_options": '""',
      "instance_type": '"ml.p4d.24xlarge"'}),
    ("HUGGINGFACE", {"strategy": "torch_distributed"},
     {"torch_distributed_enabled": "true", "instance_type": '"ml.p4d.24xlarge"'}),
    ("CHAINER", {"strategy": "mpi", "processes": 2}, {"use_mpi": "true", "process_slots_per_host": "2"}),
])  # fmt: skip
def test_a_distribution_reaches_the_container_under_its_toolkits_names(
    framework: str, distribution: Body, expected: dict[str, str]
) -> None:
    document = of(framework, traininstancetype="ml.p4d.24xlarge", traininstancecount=2)
    usual = build("CreateTrainingJob", document)["HyperParameters"]
    asked = build("CreateTrainingJob", document | {"distribution": distribution})["HyperParameters"]
    added = {name: value for name, value in asked.items() if name not in usual}
    assert added == {f"sagemaker_{name}": value for name, value in expected.items()}
    assert usual.items() <= asked.items()


def test_a_model_stands_in_the_same_network_as_its_training() -> None:
    assert changes("CreateModel", **VPC) == {"VpcConfig": VPC_CONFIG}
    body = changes("CreateModel", networkisolation=True)
    assert body["EnableNetworkIsolation"] is True
    assert body["PrimaryContainer"]["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"


def test_a_pipeline_ends_with_the_model_s_own_container() -> None:
    usual = build("CreateModel", scikit())
    part = {"image": "scale:1", "artifacts": "s3://model/scale.tar.gz", "environment": {"A": 1}}
    body = build("CreateModel", scikit(pipeline=[part, {"image": "second:1"}]))
    assert "PrimaryContainer" not in body
    assert body["Containers"] == [
        {"Image": "scale:1", "ModelDataUrl": "s3://model/scale.tar.gz", "Environment": {"A": "1"}},
        {"Image": "second:1"},
        usual["PrimaryContainer"],
    ]


def test_a_pipeline_s_image_may_be_a_tag_of_the_stack_s_own() -> None:
    body = build("CreateModel", scikit(pipeline=[{"tag": "build-3-inference"}]))
    assert body["Containers"][0] == {"Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:build-3-inference"}


@pytest.mark.parametrize(("options", "expected"), [
    ({"hostkmskey": KEY}, {"KmsKeyId": KEY}),
    ({"serverless": SERVERLESS | {"provisioned": 2}},
     {"ProductionVariants": [{
         "VariantName": "AllTraffic", "ModelName": "sagebuild-test-3f2a1c00-7", "InitialVariantWeight": 1.0,
         "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 2}}]}),
    ({"asynchronous": {}}, {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://model/asynchronous/"}}}),
    ({"asynchronous": {"output": "s3://mine/a", "concurrency": 4, "errortopic": TOPIC}, "outputkmskey": KEY},
     {"AsyncInferenceConfig": {
         "OutputConfig": {"S3OutputPath": "s3://mine/a", "KmsKeyId": KEY, "NotificationConfig": {"ErrorTopic": TOPIC}},
         "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4}}}),
    ({"downloadtimeout": "1200", "starttimeout": 600, "hostinstancetype": "ml.g5.xlarge",
      "inferenceami": "al2023-ami-sagemaker-inference-gpu-4-1"},
     {"ProductionVariants": [{
         "VariantName": "AllTraffic", "ModelName": "sagebuild-test-3f2a1c00-7", "InitialVariantWeight": 1.0,
         "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1, "ModelDataDownloadTimeoutInSeconds": 1200,
         "ContainerStartupHealthCheckTimeoutInSeconds": 600,
         "InferenceAmiVersion": "al2023-ami-sagemaker-inference-gpu-4-1"}]}),
    ({"datacapture": {}},
     {"DataCaptureConfig": CAPTURE | {"InitialSamplingPercentage": 20, "DestinationS3Uri": "s3://model/datacapture/"}}),
    ({"datacapture": {"percentage": "100", "prefix": "s3://mine/c"}, "outputkmskey": KEY},
     {"DataCaptureConfig": CAPTURE | {"InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://mine/c",
                                      "KmsKeyId": KEY}}),
    ({"autoscaling": AUTOSCALING, "hostinstancetype": "ml.t3.medium"}, None),
])  # fmt: skip
def test_an_endpoint_is_what_was_asked_for(options: Body, expected: Body | None) -> None:
    if expected is None:  # scaling is no part of the configuration
        expected = changes("CreateEndpointConfig", hostinstancetype=options["hostinstancetype"])
    assert changes("CreateEndpointConfig", **options) == expected


def test_the_machine_images_are_those_of_the_service_model() -> None:
    shape: Any = SAGEMAKER.shape_for("ProductionVariantInferenceAmiVersion")
    assert get_args(InferenceAmi) == tuple(shape.enum)


def test_a_build_waits_longer_for_an_endpoint_that_may_start_slowly() -> None:
    usual, slow = scikit(), scikit(downloadtimeout=3600, starttimeout=1800)
    polls = [count_polls(parse_parameters(SCRIPT | document)) for document in (usual, slow)]
    assert polls[1] - polls[0] == (3600 + 1800) / POLL_SECONDS


def test_a_queue_may_scale_to_nothing() -> None:
    assert parse_parameters(scaled(minimum=0) | {"asynchronous": {}}).autoscaling


@pytest.mark.parametrize("document", [
    of("AMAZON", algorithm="kmeans", spot=True, spotmaxwait=1, trainmaxrun=1),
    of("AMAZON", algorithm="kmeans", spot=True, spotmaxwait=9, checkpoints={}),
    of("BYOD", networkisolation=True, TrainingImage="a:1", InferenceImage="b:1"),
])  # fmt: skip
def test_what_fits_together_is_accepted(document: Body) -> None:
    build("CreateTrainingJob", document)
    build("CreateModel", document)
