"""The request for a tuning job is one that SageMaker takes, and says what the document says."""

import json
import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from sagebuild.builds.context import BuildContext
from sagebuild.errors import ParameterError
from sagebuild.names import name_tuning_job, tuning_prefix
from sagebuild.parameters import parse_parameters
from sagebuild.requests import tuning
from sagebuild.requests.bodies import build_training_job
from sagebuild.requests.tuning import build_tuning_job
from sagebuild.service import Service
from tests.unit.wrong_documents import Document, of, tuned

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
RANGES = {
    "penalty": {"Values": ["l2", 1, 1, True]},
    "rate": {"MinValue": 0.00001, "MaxValue": "0.1", "ScalingType": "Logarithmic"},
    "depth": {"MinValue": 2, "MaxValue": 8.0, "integer": True},
    "verbose": True,
}


def a_service(stack: str = "sagebuild-dev", key: str = "3f2a1c00") -> Service:
    settings = {
        "STACK_NAME": stack,
        "STACK_ID": f"arn:aws:cloudformation:us-east-1:123456789012:stack/{stack}/{key}-0000-4000-8000-000000000000",
        "AWS_REGION": "us-east-1",
        "DATA_BUCKET": "data",
        "CODE_BUCKET": "code",
        "MODEL_BUCKET": "model",
        "TRAINING_ROLE_ARN": "arn:aws:iam::123456789012:role/training",
    }
    return Service(settings, lambda name: pytest.fail(f"no AWS is needed, and {name} was"))


def request_of(document: Document) -> dict[str, Any]:
    """The request, which botocore's model of the service accepts."""
    request = build_tuning_job(BuildContext(a_service(), 12, parse_parameters(document)), IMAGE)
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateHyperParameterTuningJob").input_shape
    assert shape is not None
    assert ParamValidator().validate(request, shape).generate_report() == ""
    return request


def test_ranges_static_values_and_limits_are_the_document_s() -> None:
    request = request_of(tuned(hyperparameters=RANGES, maxtrainingjobs=20, maxparalleltrainingjobs=3, trainmaxrun=0.5))
    config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    assert config == {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "acc"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 3},
        "ParameterRanges": {
            "CategoricalParameterRanges": [{"Name": "penalty", "Values": ['"l2"', "1", "true"]}],
            "IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "8", "ScalingType": "Auto"}],
            "ContinuousParameterRanges": [
                {"Name": "rate", "MinValue": "1e-05", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
            ],
        },
        "TrainingJobEarlyStoppingType": "Off",
    }
    assert request["HyperParameterTuningJobName"] == "sagebuild-dev-3f2a1c00-12"
    assert {"Key": "sagebuild:build", "Value": "12"} in request["Tags"]
    assert "WarmStartConfig" not in request
    static = definition["StaticHyperParameters"]
    assert static["verbose"] == "true"
    assert set(static) & set(RANGES) == {"verbose"}
    assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}


def test_categorical_values_reach_a_script_with_their_types() -> None:
    values = ["1.10", "true", "1e3", "null", "1", 1, 1.5, False, True, "a b"]
    for framework, expected in (
        ("SCIKIT", ['"1.10"', '"true"', '"1e3"', '"null"', '"1"', "1", "1.5", "false", "true", '"a b"']),
        ("AMAZON", ["1.10", "true", "1e3", "null", "1", "1.5", "false", "a b"]),
    ):
        document = {**tuned(hyperparameters={"a": {"Values": values}}, maxtrainingjobs=8), "framework": framework}
        if framework == "AMAZON":
            document |= {"algorithm": "kmeans", "tuningobjective": {"Name": "test:msd", "Type": "Minimize"}}
        ranges = request_of(document)["HyperParameterTuningJobConfig"]["ParameterRanges"]
        assert ranges == {"CategoricalParameterRanges": [{"Name": "a", "Values": expected}]}
        grid = parse_parameters(document | {"tuningstrategy": "Grid", "maxtrainingjobs": len(expected)})
        assert grid.tuning_trainings == len(expected)
        # A script-mode container decodes each value as JSON.
        assert framework == "AMAZON" or [json.loads(text) for text in expected] == values


def test_the_trainings_are_what_the_build_s_one_training_would_be() -> None:
    parameters = parse_parameters(tuned(trainentrypoint="train.py", trainsourcefile="source.tar.gz"))
    training = build_training_job(BuildContext(a_service(), 12, parameters), IMAGE)
    definition = build_tuning_job(BuildContext(a_service(), 12, parameters), IMAGE)["TrainingJobDefinition"]
    for name in ("RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition"):
        assert definition[name] == training[name]
    assert definition["StaticHyperParameters"] == training["HyperParameters"]
    assert definition["StaticHyperParameters"]["sagemaker_submit_directory"] == '"s3://code/source.tar.gz"'


def test_the_trainings_of_tensorflow_share_a_model_dir_to_which_the_container_adds_their_names() -> None:
    document = tuned(trainentrypoint="train.py", trainsourcefile="source.tar.gz")
    del document["framework"]
    request = request_of({**document, "framework": "TENSORFLOW", "tensorflowversion": "2.14"})
    static = request["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["model_dir"] == '"s3://model/builds/sagebuild-dev-3f2a1c00-12/model"'


def test_the_objective_is_defined_once_wherever_the_document_has_it() -> None:
    objective = {"Name": "acc", "Type": "Minimize"}
    metric = {"Name": "acc", "Regex": "acc=(.*)"}
    other = {"Name": "loss", "Regex": "loss=(.*)"}
    for parts, expected in (
        ({"tuningobjective": objective | {"Regex": "acc=(.*)"}, "metrics": [other]}, [other, metric]),
        ({"tuningobjective": objective | {"Regex": "acc=(.*)"}, "metrics": [metric]}, [metric]),
        ({"tuningobjective": objective, "metrics": [metric, other]}, [metric, other]),
    ):
        request = request_of(tuned(**parts))
        assert request["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"] == expected


def test_an_algorithm_of_amazon_defines_its_metrics_itself() -> None:
    document = {**tuned(tuningobjective={"Name": "validation:auc", "Type": "Maximize"}), "framework": "AMAZON"}
    request = request_of(document | {"algorithm": "xgboost"})
    assert "MetricDefinitions" not in request["TrainingJobDefinition"]["AlgorithmSpecification"]
    assert (
        request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"] == "validation:auc"
    )


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"targetvalue": "0.95"}, {"TargetObjectiveMetricValue": 0.95}),
        ({"notimproving": 5}, {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5}}),
        ({"targetvalue": 0, "convergence": True}, {
            "TargetObjectiveMetricValue": 0, "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
        }),
    ],
)  # fmt: skip
def test_a_tuning_job_may_be_complete_early(asked: dict[str, Any], sent: dict[str, Any]) -> None:
    request = request_of(tuned(tuningcompletion=asked))
    assert request["HyperParameterTuningJobConfig"]["TuningJobCompletionCriteria"] == sent


def test_hyperband_may_have_limits_of_its_own() -> None:
    ranges = {"rate": {"MinValue": 0.1, "MaxValue": 0.5}}
    limits = {"minresource": 1, "maxresource": "27"}
    config = request_of(tuned(hyperparameters=ranges, tuningstrategy="Hyperband", hyperband=limits))
    config = config["HyperParameterTuningJobConfig"]
    assert config["StrategyConfig"] == {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 27}}
    assert "StrategyConfig" not in request_of(tuned())["HyperParameterTuningJobConfig"]


def test_the_trainings_of_a_tuning_job_are_retried_like_a_single_one() -> None:
    assert request_of(tuned(retryattempts=2))["TrainingJobDefinition"]["RetryStrategy"] == {"MaximumRetryAttempts": 2}


def test_a_grid_counts_its_trainings_itself() -> None:
    document = tuned(tuningstrategy="Grid", maxparalleltrainingjobs=9, hyperparameters={"a": {"Values": [1, 2, 2]}})
    config = request_of(document)["HyperParameterTuningJobConfig"]
    assert (config["Strategy"], config["ResourceLimits"]) == ("Grid", {"MaxParallelTrainingJobs": 2})


def test_a_warm_start_names_its_parents() -> None:
    request = request_of(tuned(parentJobs=["tune-1", "tune-2"], WarmStartType="TransferLearning", earlystopping="auto"))
    assert request["WarmStartConfig"] == {
        "ParentHyperParameterTuningJobs": [
            {"HyperParameterTuningJobName": "tune-1"},
            {"HyperParameterTuningJobName": "tune-2"},
        ],
        "WarmStartType": "TransferLearning",
    }
    assert request["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] == "Auto"


def test_what_a_tuning_s_trainings_cannot_have_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    build = build_training_job
    monkeypatch.setattr(tuning, "build_training_job", lambda *given: build(*given) | {"DebugHookConfig": {}})
    with pytest.raises(ParameterError, match="cannot have DebugHookConfig"):
        build_tuning_job(BuildContext(a_service(), 12, parse_parameters(tuned())), IMAGE)


@pytest.mark.parametrize(
    "stack", ["s", "sagebuild-dev", "sagebuild-produ--ction", "a-stack-with-a-name-of-great-length"]
)
def test_names_of_tuning_jobs_are_short_and_unique_to_stack_and_build(stack: str) -> None:
    service, other = a_service(stack), a_service(stack, "ffffffff")
    names = {name_tuning_job(one, number) for one in (service, other) for number in (1, 12, 999_999)}
    assert len(names) == 6
    for name in names:
        assert len(name) <= 32
        assert not name.startswith("-")
    model = botocore.session.get_session().get_service_model("sagemaker")
    pattern = model.shape_for("HyperParameterTuningJobName").metadata["pattern"]
    assert all(re.fullmatch(pattern, name) for name in names)
    assert name_tuning_job(service, 7).startswith(tuning_prefix(service))


@pytest.mark.parametrize(("document", "trains"), [
    (of("SCIKIT"), True),
    (of("SCIKIT", skiptrain="true"), False),
    (of("SCIKIT", ModelArtifacts="s3://models/7/model.tar.gz"), False),
    (of("BYOD", train=False), False),
    (of("BYOD", train=True), True),
])  # fmt: skip
def test_what_makes_a_build_go_without_a_training(document: Document, trains: bool) -> None:
    assert parse_parameters(document).has_training is trains
