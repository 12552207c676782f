"""The request bodies of every framework: as they were looked through, and as AWS's own model of the API takes them."""

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from sagebuild.parameters import MODELS, AmazonParameters, ScriptModeParameters, default_document, parse_parameters
from sagebuild.requests.algorithms import NEEDS, find_algorithm_problems
from sagebuild.requests.script_mode import find_script_problems
from tests.engine import ROOT
from tests.unit.golden_requests import DOCUMENTS, GOLDEN, SCRIPT, build_requests

OPERATIONS = {
    "training": "CreateTrainingJob",
    "model": "CreateModel",
    "endpointConfig": "CreateEndpointConfig",
    "endpoint": "UpdateEndpoint",
}
SAGEMAKER = botocore.session.get_session().get_service_model("sagemaker")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_requests_are_the_golden_ones(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert build_requests(DOCUMENTS[name]) == golden


def test_every_golden_file_and_every_framework_is_compared() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(DOCUMENTS)
    assert {document["framework"] for document in DOCUMENTS.values()} == set(MODELS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_requests_are_valid_and_no_preflight_finds_fault(name: str) -> None:
    assert_valid(build_requests(DOCUMENTS[name]))
    parameters = parse_parameters(DOCUMENTS[name])
    if isinstance(parameters, ScriptModeParameters):
        assert list(find_script_problems(parameters)) == []
    if isinstance(parameters, AmazonParameters):
        assert list(find_algorithm_problems(parameters)) == []


@pytest.mark.parametrize("algorithm", NEEDS)
def test_every_algorithm_is_built_from_what_it_needs_and_refused_without(algorithm: str) -> None:
    needs = NEEDS[algorithm]
    document: dict[str, Any] = {
        "framework": "AMAZON",
        "algorithm": algorithm,
        "traininstancetype": "ml.p3.2xlarge" if needs.processors == ("gpu",) else "ml.m5.large",
    }
    complete = document | {
        "hyperparameters": dict.fromkeys(needs.hyperparameters, 2),
        "channels": {name: {"path": f"{name}/"} for name in needs.channels},
    }
    assert_valid(build_requests(complete))
    assert problems_of(complete) == []
    assert len(problems_of(document)) == bool(needs.hyperparameters) + (needs.channels != ("train",))
    other = "ml.m5.large" if needs.processors == ("gpu",) else "ml.p3.2xlarge"
    refused = problems_of(complete | {"traininstancetype": other, "traininstancecount": 2})
    assert len(refused) == ("gpu" not in needs.processors or needs.processors == ("gpu",)) + needs.one_instance


def test_an_algorithm_s_newest_version_is_used_unless_the_document_names_another() -> None:
    images = json.loads((ROOT / "sagebuild" / "images" / "images.json").read_text(encoding="utf-8"))["algorithms"]
    for algorithm, rows in images.items():
        newest = build_algorithm(algorithm)["training"]["AlgorithmSpecification"]["TrainingImage"]
        assert newest.endswith(":3.2-0" if algorithm == "xgboost" else f"{algorithm}:1")
        for version in {name for row in rows if "training" in row["scopes"] for name in row["versions"]}:
            image = build_algorithm(algorithm, version)["model"]["PrimaryContainer"]["Image"]
            assert image.partition(":")[2].startswith(version)


def build_algorithm(algorithm: str, version: str | None = None) -> dict[str, Any]:
    return build_requests({"framework": "AMAZON", "algorithm": algorithm, "frameworkversion": version})


@pytest.mark.parametrize(
    ("version", "objective", "refused"),
    [
        (None, "reg:squarederror", None),
        (None, "reg:linear", None),
        ("1", "reg:linear", None),
        ("1", "reg:squarederror", "xgboost 1 does not know; give frameworkversion 0.90 or later, or use one of binary"),
        ("latest", "binary:hinge", "xgboost latest does not know; give frameworkversion 0.90 or later, or use one of"),
        ("0.90-2", "reg:squaredlogerror", "xgboost 0.90-2 does not know; give frameworkversion 1.0 or later"),
        ("1.5-1", {"Values": ["reg:gamma", "reg:absoluteerror"]}, "give frameworkversion 1.7 or later, or use one of"),
        ("1.7-1", "reg:absoluteerror", None),
        (None, "reg:squared", 'is "reg:squared", which xgboost 3.2-0 does not know; use one of binary:hinge, '),
        (None, "multi:softmax", "hyperparameters lacks num_class, which objective multi:softmax of algorithm xgboost"),
    ],
)
def test_an_objective_is_one_that_the_version_knows(version: str | None, objective: Any, refused: str | None) -> None:
    hyperparameters = {"num_round": 5, "objective": objective, "eta": {"MinValue": 0.1, "MaxValue": 0.5}}
    problems = problems_of(
        {
            "framework": "AMAZON",
            "algorithm": "xgboost",
            "frameworkversion": version,
            "hyperparameters": hyperparameters,
            "configtrain": "SAGEMAKERHPO",
            "tuningobjective": {"Name": "validation:rmse", "Type": "Minimize"},
        }
    )
    assert len(problems) == bool(refused)
    assert not refused or refused in problems[0]


def test_an_algorithm_says_what_is_missing_in_a_persons_words() -> None:
    document = {"framework": "AMAZON", "algorithm": "semantic-segmentation", "hyperparameters": {"num_classes": 3}}
    assert problems_of(document) == [
        "hyperparameters lacks num_training_samples, which algorithm semantic-segmentation needs.",
        "channels lacks validation, train_annotation, validation_annotation, which algorithm semantic-segmentation "
        "reads by that name.",
        "traininstancetype is ml.m5.large; algorithm semantic-segmentation trains on GPU instances only; use one "
        "such as ml.g4dn.xlarge.",
    ]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"framework": "PYTORCH", "requirementsfile": "src/needs.txt"}, "reads only requirements.txt at the top"),
        ({"framework": "TENSORFLOW", "trainentrypoint": "src/train.py"}, "move it to the top of the archive"),
        (
            {"framework": "TENSORFLOW", "tensorflowversion": "2.14", "hostentrypoint": "serve.py"},
            "TensorFlow Serving reads only inference.py",
        ),
        ({"framework": "TENSORFLOW", "traininstancecount": 2}, "set hyperparameters.checkpoint_path"),
    ],
)
def test_a_value_that_the_container_would_misread_is_refused(document: dict[str, Any], sentence: str) -> None:
    parameters = parse_parameters(SCRIPT | document)
    assert isinstance(parameters, ScriptModeParameters)
    (problem,) = find_script_problems(parameters)
    assert sentence in problem


@pytest.mark.parametrize("framework", ["SCIKIT", "XGBOOST", "CHAINER", "PYTORCH", "MXNET", "HUGGINGFACE"])
def test_a_serving_script_in_a_folder_is_packed_with_a_script_that_imports_it(framework: str) -> None:
    document = SCRIPT | {"framework": framework, "trainentrypoint": "src/train.py", "hostentrypoint": "src/serve.py"}
    requests = build_requests(document)
    assert requests["training"]["HyperParameters"]["sagemaker_program"] == '"src/train.py"'
    environment = requests["model"]["PrimaryContainer"]["Environment"]
    assert environment["SAGEMAKER_PROGRAM"] == "sagebuild_entry.py"
    assert environment["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"


def arguments_of(**document: Any) -> dict[str, str]:
    """The hyperparameters that a TensorFlow script gets as arguments."""
    training = build_requests({"framework": "TENSORFLOW", **SCRIPT, **document})["training"]
    return {name: text for name, text in training["HyperParameters"].items() if not name.startswith("sagemaker_")}


def test_steps_reach_a_script_only_if_they_are_not_the_defaults() -> None:
    seeded = {name: value for name, value in default_document("TENSORFLOW").items() if name != "tensorflowversion"}
    assert arguments_of(**seeded, tensorflowversion="1.8") == {"training_steps": "1000", "evaluation_steps": "100"}
    newer = {"tensorflowversion": "2.14", "pyversion": "py310"}
    assert arguments_of(**seeded | newer).keys() == {"model_dir"}
    assert arguments_of(**seeded | newer | {"trainingsteps": 500}).keys() == {"model_dir", "training_steps"}
    given = arguments_of(**seeded | newer | {"hyperparameters": {"training_steps": 1000}})
    assert given.keys() == {"model_dir", "training_steps"}


def test_a_tensorflow_script_gets_the_model_dir_of_the_sdk() -> None:
    newer = {"tensorflowversion": "2.14", "pyversion": "py310"}
    folder = '"s3://model-bucket/builds/sagebuild-dev-3f2a1c00-7/model"'
    assert arguments_of(**newer)["model_dir"] == folder
    assert arguments_of(**newer, distribution={"strategy": "parameter_server"})["model_dir"] == folder
    assert arguments_of(**newer, distribution={"strategy": "mpi"})["model_dir"] == '"/opt/ml/model"'
    assert arguments_of(**newer, hyperparameters={"model_dir": "s3://mine/"})["model_dir"] == '"s3://mine/"'
    assert arguments_of(**newer, hyperparameters={"model_dir": False}) == {}


def test_a_persons_own_hyperparameter_goes_before_the_documents_default() -> None:
    document = DOCUMENTS["tensorflow-1.8"] | {"hyperparameters": {"training_steps": 5}}
    assert build_requests(document)["training"]["HyperParameters"]["training_steps"] == "5"


def problems_of(document: dict[str, Any]) -> list[str]:
    """What the algorithm needs and the document does not give."""
    parameters = parse_parameters(document)
    assert isinstance(parameters, AmazonParameters)
    return list(find_algorithm_problems(parameters))


def assert_valid(requests: dict[str, Any]) -> None:
    """AWS's model of the API takes every body."""
    for name, operation in OPERATIONS.items():
        if name == "training" and requests[name] is None:
            continue  # framework LLM serves only
        shape = SAGEMAKER.operation_model(operation).input_shape
        assert shape
        report = ParamValidator().validate(requests[name], shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"
