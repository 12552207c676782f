"""Which images a build of BYOD makes, from what, and the requests for them."""

import json
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import find_source_problems, plan_images
from sagebuild.images.containers import choose_image
from sagebuild.parameters import BuildParameters, ByodParameters, parse_parameters
from sagebuild.requests.bodies import build_model, build_training_job
from sagebuild.running.image_builds import explain_failed_image
from sagebuild.service import Service

REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/stack-images"
SETTINGS = {
    "STACK_NAME": "stack",
    "STACK_ID": "arn:aws:cloudformation:eu-west-1:123456789012:stack/stack/3f2a1c00-0000-4000-8000-000000000000",
    "AWS_REGION": "eu-west-1",
    "CODE_BUCKET": "code",
    "DATA_BUCKET": "data",
    "MODEL_BUCKET": "model",
    "IMAGE_PROJECT": "stack-project",
    "SOURCE_PROJECT": "stack-sources",
    "IMAGE_REPOSITORY_URI": REPOSITORY,
    "TRAINING_ROLE_ARN": "arn:aws:iam::123456789012:role/training",
    "HOSTING_ROLE_ARN": "arn:aws:iam::123456789012:role/hosting",
}


def service(**settings: str) -> Service:
    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is called")

    return Service(SETTINGS | settings, refuse)


def parse(**document: Any) -> BuildParameters:
    return parse_parameters({"framework": "BYOD", "sourcelocation": "source.zip"} | document)


def validate(service_name: str, operation: str, body: dict[str, Any]) -> None:
    """Refuse a body that the service would; Step Functions writes the names of CodeBuild and ECR in capitals."""
    shape = ServiceModel(Loader().load_service_model(service_name, "service-2")).operation_model(operation).input_shape
    assert shape is not None
    problems = ParamValidator().validate(body, shape)
    assert not problems.has_errors(), problems.generate_report()


def decapitalize(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: decapitalize(one) for key, one in value.items()}
    return [decapitalize(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("document", "tags"),
    [
        ({}, ["build-7-training", "build-7-inference"]),
        ({"build": {"Training": False}}, ["build-7-inference"]),
        ({"build": {"Inference": False}}, ["build-7-training"]),
        ({"TrainingImage": "mine"}, ["build-7-inference"]),
        ({"InferenceImage": "mine"}, ["build-7-training"]),
        ({"TrainingImage": "mine", "build": {"Inference": False}}, []),
        ({"train": False}, ["build-7-inference"]),
        ({"skiptrain": True}, ["build-7-inference"]),
        ({"ModelArtifacts": "s3://bucket/model.tar.gz"}, ["build-7-inference"]),
        ({"dockerfile_path_Inference": "training/docker"}, ["build-7-training"]),
        ({"dockerfile_path_Inference": "training/docker", "build": {"Training": False}}, ["build-7-inference"]),
        ({"dockerfile_path_Inference": "training/docker", "TrainingImage": "mine"}, ["build-7-inference"]),
        ({"dockerfile_path_Inference": "training/docker", "skiptrain": True}, ["build-7-inference"]),
        ({"framework": "SCIKIT"}, []),
    ],
)
def test_an_image_is_built_unless_it_is_there(document: dict[str, Any], tags: list[str]) -> None:
    given = {"framework": "BYOD", "sourcelocation": "source.zip"} | document
    if given["framework"] != "BYOD":
        del given["sourcelocation"]
    images = plan_images(BuildContext(service(), 7, parse_parameters(given)))
    assert [build["tag"] for build in images["builds"]] == tags
    assert images["wanted"] == bool(tags)
    assert [one["ImageTag"] for one in images.get("lookup", {}).get("ImageIds", [])] == tags


@pytest.mark.parametrize(
    ("location", "kind", "place"),
    [
        ("source.zip", "S3", "code/source.zip"),
        ("sources/docker/", "S3", "code/sources/docker/"),
        ("s3://other-bucket/a/source.zip", "S3", "other-bucket/a/source.zip"),
        ("https://github.com/owner/name", "GITHUB", "https://github.com/owner/name.git"),
        ("https://github.com/owner/name.git", "GITHUB", "https://github.com/owner/name.git"),
        ("codecommit::name", "CODECOMMIT", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/name"),
        ("codecommit://name", "CODECOMMIT", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/name"),
    ],
)
def test_the_source_is_written_as_codebuild_wants_it(location: str, kind: str, place: str) -> None:
    version = {} if location.endswith("/") else {"sourceversion": "v1.2"}
    images = plan_images(BuildContext(service(), 7, parse(sourcelocation=location, **version)))
    for build in images["builds"]:
        request = build["request"]
        assert (request["SourceTypeOverride"], request["SourceLocationOverride"]) == (kind, place)
        assert request.get("SourceVersion") == version.get("sourceversion")
        validate("codebuild", "StartBuild", decapitalize(request))
    validate("ecr", "DescribeImages", decapitalize(images["lookup"]))


def test_china_has_a_domain_of_its_own() -> None:
    images = plan_images(BuildContext(service(AWS_REGION="cn-north-1"), 7, parse(sourcelocation="codecommit::name")))
    location = images["builds"][0]["request"]["SourceLocationOverride"]
    assert location == "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/name"


def test_a_repeated_request_is_the_same_build() -> None:
    training, inference = plan_images(BuildContext(service(), 7, parse()))["builds"]
    assert plan_images(BuildContext(service(), 7, parse()))["builds"] == [training, inference]
    assert training["request"]["IdempotencyToken"] == "stack-3f2a1c00-7-training"
    assert training["request"]["EnvironmentVariablesOverride"] == [
        {"Name": "IMAGE_TAG", "Value": "build-7-training", "Type": "PLAINTEXT"},
        {"Name": "DOCKERFILE_FOLDER", "Value": "training/docker", "Type": "PLAINTEXT"},
    ]
    assert inference["request"]["EnvironmentVariablesOverride"][1]["Value"] == "inference/docker"


def test_training_and_inference_share_the_image_of_one_dockerfile() -> None:
    context = BuildContext(service(), 7, parse(dockerfile_path_Training="docker", dockerfile_path_Inference="docker"))
    (build,) = plan_images(context)["builds"]
    variables = {each["Name"]: each["Value"] for each in build["request"]["EnvironmentVariablesOverride"]}
    assert variables == {
        "IMAGE_TAG": "build-7-training",
        "DOCKERFILE_FOLDER": "docker",
        "SECOND_TAG": "build-7-inference",
    }
    assert {choose_image(context, scope).uri for scope in ("training", "inference")} == {build["image"]}


def test_the_requests_of_sagemaker_name_the_images_and_no_script() -> None:
    parameters = parse(hyperparameters={"trees": 20, "name": "forest"}, modelhostingenvironment={"LEVEL": 3})
    training = choose_image(BuildContext(service(), 7, parameters), "training").uri
    inference = choose_image(BuildContext(service(), 7, parameters), "inference").uri
    assert (training, inference) == (f"{REPOSITORY}:build-7-training", f"{REPOSITORY}:build-7-inference")
    job = build_training_job(BuildContext(service(), 7, parameters), training)
    assert job["HyperParameters"] == {"trees": "20", "name": "forest"}
    assert job["AlgorithmSpecification"]["TrainingImage"] == training
    validate("sagemaker", "CreateTrainingJob", job)
    model = build_model(BuildContext(service(), 7, parameters), inference)
    assert model["PrimaryContainer"] == {"Image": inference, "Environment": {"LEVEL": "3"}}
    validate("sagemaker", "CreateModel", model)


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        ({}, []),
        ({"sourcelocation": None, "TrainingImage": "a", "InferenceImage": "b"}, []),
        (
            {"sourcelocation": None},
            [
                "sourcelocation is not set; set it to the source of the Dockerfiles (training and inference), such as "
                "source.zip in the code bucket or https://github.com/owner/repository, or give your own "
                "TrainingImage and InferenceImage."
            ],
        ),
    ],
)
def test_a_source_is_asked_for_only_where_one_is_needed(document: dict[str, Any], problems: list[str]) -> None:
    parameters = parse(**document)
    assert isinstance(parameters, ByodParameters)
    assert list(find_source_problems(parameters)) == problems


def test_an_externally_stopped_image_build_is_reported_as_stopped() -> None:
    variables = [{"Name": "DOCKERFILE_FOLDER", "Value": "docker"}, {"Name": "IMAGE_TAG", "Value": "build-1-training"}]
    build = {"BuildStatus": "STOPPED", "Environment": {"EnvironmentVariables": variables}}
    failed = explain_failed_image(Service(SETTINGS, dict[str, Any]().__getitem__), json.dumps({"Build": build}))
    assert failed
    reason = failed.reason
    assert reason.startswith("The training image could not be built from docker: ")
    assert reason.endswith(": its build was stopped by someone outside sagebuild")
