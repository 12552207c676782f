"""The state machine, run for real: every way through it, and every way to fail, with its reason."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from botocore.loaders import Loader

from tests.e2e.machine import (
    SERVE,
    SERVE_NEVER,
    TRAIN_BADLY,
    TRAIN_SCORED,
    Json,
    Run,
    Stage,
    transitions,
    without_repetition,
)
from tests.engine import Engine
from tests.local.builds import BUILD_AND_PUSH
from tests.local.functions import name
from tests.local.sagemaker_world import pack

PLANNED = ("Plan Build", "Preprocess?")
SOURCE = "Source To Fetch?"
IMAGES = "Images To Build?"
DATA = "Data To Process?"
PLAN_ONLY = (*PLANNED, SOURCE, IMAGES, DATA, "How To Train?")
TRAIN = (*PLAN_ONLY, "Train Model")
TRAINED = (*TRAIN, "Training Completed?")
CREATE = ("Model To Evaluate?", "Quality Gate?", "Pack Model", "Create Model")
ASKED = ("Approval?", "Ask For Approval")
TRANSFORMLESS = ("Data To Transform?", "Deploy Endpoint?")
MODEL = (*CREATE, "Register Model?", "Approval?", *TRANSFORMLESS)
WITHHELD = "Model Withheld"
PREPARE = (*TRAINED, *MODEL, "Create Endpoint Config")
LIST = ("Find Endpoint", "Endpoint Free?")
FIND = ("Verify Model", *LIST)
FIND_AGAIN = ("Wait For Free Endpoint", *LIST)
LOOK = ("Wait For Endpoint", "Check Endpoint", "Endpoint Ready?")
SUCCEED = "Build Succeeded"
END = ("Smoke Test?", "Scale Endpoint?", "Postprocess?", SUCCEED)
FIND_COMPONENT = ("Find Component", "Component Free?")
FIND_COMPONENT_AGAIN = ("Wait For Free Component", *FIND_COMPONENT)
LOOK_AT_COMPONENT = ("Wait For Component", "Check Component", "Component Ready?")
RELEASE = ("Release Scaling", "Delete Wake Alarm", "Instances To Update?")
SCALE = ("Scale Endpoint?", "Register Scaling", "Set Scaling Policy")
WAKE = ("Wake From Zero?", "Set Wake Policy", "Set Wake Alarm")
SCALING = "ApplicationAutoScaling"
FAIL = "Build Failed"


class Scenario(NamedTuple):
    """A run of the machine, and how it must go.

    Parameters
    ----------
    run
        Sets up the situation and runs the state machine.
    path
        The states that are entered; its loops may run more often.
    error
        The name of the error that ends the execution; empty without one.
    cause
        A pattern of the reason that a person reads.
    """

    run: Callable[[Stage], Run]
    path: tuple[str, ...]
    error: str = ""
    cause: str = ""


SCENARIOS: list[Scenario] = []

PLAN: Json = {
    "endpoint": {"EndpointName": "house", "EndpointConfigName": "new"},
    "scaling": {"wanted": False, "release": False},
    "component": {"wanted": False, "keepsInstances": False},
    "pollSeconds": 30,
    "maximumPolls": 120,
}
# What sagebuild.plan.rollback plans; tests/contract/test_statemachine.py holds the two together.
ROLLBACK_KEYS = {
    *(
        "number",
        "preprocess",
        "source",
        "images",
        "processing",
        "mode",
        "artifacts",
        "verify",
        "endpoint",
        "tags",
        "component",
        "scaling",
        "guardrails",
        "smokeTest",
    ),
    *("postprocess", "pollSeconds", "maximumPolls"),
}
TASTED = PLAN | {"number": 1, "postprocess": {"wanted": False}}


def scenario(*path: str, error: str = "", cause: str = "") -> Callable[[Callable[[Stage], Run]], None]:
    """Add a run of the machine to the scenarios."""
    return lambda run: SCENARIOS.append(Scenario(run, path, error, cause))


@pytest.fixture(scope="module")
def stage(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(engine, tmp_path_factory.mktemp("stage"))


@scenario(*PREPARE, *FIND, "Create Endpoint", *LOOK, *END)
def the_first_build_creates_the_endpoint(stage: Stage) -> Run:
    plan = stage.plan()
    run = stage.build(plan)
    name, config = plan["endpoint"]["EndpointName"], plan["endpoint"]["EndpointConfigName"]
    output = json.loads(run.described["output"])
    assert (output["number"], output["endpoint"], output["endpointConfig"]) == (run.number, name, config)
    endpoint = stage.describe(name)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", config)
    assert stage.sagemaker.list_tags(ResourceArn=endpoint["EndpointArn"])["Tags"] == plan["tags"]
    model = stage.sagemaker.describe_model(ModelName=config)["PrimaryContainer"]
    assert model["ModelDataUrl"] == output["artifacts"]
    assert model["Environment"] == plan["model"]["PrimaryContainer"]["Environment"]
    return run


@scenario(*PREPARE, *FIND, "Update Endpoint", *LOOK, *END)
def a_later_build_updates_the_endpoint(stage: Stage) -> Run:
    endpoint = stage.endpoint()
    run = stage.build(plan := stage.plan(endpoint))
    assert stage.describe(endpoint)["EndpointConfigName"] == plan["endpoint"]["EndpointConfigName"]
    return run


@scenario(*TRAINED, *CREATE[:3], FAIL, error="PreflightError", cause="bad is not a tar.gz archive")
def a_model_that_cannot_be_copied_fails_the_build(stage: Stage) -> Run:
    return stage.build(stage.plan() | {"packing": {"source": "bad"}})


@scenario(*PREPARE, "Verify Model", FAIL, error="ModelChangedError", cause="The model of build 1 changed")
def a_model_that_changed_is_not_deployed(stage: Stage) -> Run:
    return stage.build(stage.plan() | {"verify": {"models": ["changed"]}})


@scenario(*PREPARE, *FIND, "Update Endpoint", *LOOK, *LOOK, *END)
def a_slow_endpoint_is_waited_for(stage: Stage) -> Run:
    gate = stage.gate()
    execution = stage.start(stage.plan(stage.endpoint(), serve=gate.script))
    stage.wait_for_state(execution, "Check Endpoint", times=2)
    gate.open()
    return stage.finish(execution)


@scenario(*PREPARE, *FIND, "Delete Failed Endpoint", *FIND_AGAIN, "Create Endpoint", *LOOK, *END)
def an_endpoint_that_failed_is_made_anew(stage: Stage) -> Run:
    endpoint = stage.endpoint(stage.configure(AllTraffic=stage.model(SERVE_NEVER)))
    assert stage.describe(endpoint)["EndpointStatus"] == "Failed"
    return stage.build(stage.plan(endpoint))


@scenario(*PREPARE, *FIND, *FIND_AGAIN, "Update Endpoint", *LOOK, *END)
def an_endpoint_that_is_being_created_is_waited_for(stage: Stage) -> Run:
    gate = stage.gate()
    return _build_once_free(stage, gate, stage.begin(stage.configure(AllTraffic=stage.model(gate.script))))


@scenario(*PREPARE, *FIND, *FIND_AGAIN, "Update Endpoint", *LOOK, *END)
def a_build_waits_for_an_endpoint_that_is_being_updated_elsewhere(stage: Stage) -> Run:
    gate, endpoint = stage.gate(), stage.endpoint()
    config = stage.configure(AllTraffic=stage.model(gate.script))
    stage.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    return _build_once_free(stage, gate, endpoint)


def _build_once_free(stage: Stage, gate: Any, endpoint: str) -> Run:
    execution = stage.start(stage.plan(endpoint))
    stage.wait_for_state(execution, "Wait For Free Endpoint")
    gate.open()
    return stage.finish(execution)


@scenario(*PREPARE, *FIND, *FIND_AGAIN, FAIL, error="EndpointNotFreeError", cause="is Creating and cannot be updated")
def an_endpoint_that_is_never_free_is_given_up(stage: Stage) -> Run:
    gate = stage.gate()
    endpoint = stage.begin(stage.configure(AllTraffic=stage.model(gate.script)))
    run = stage.build(stage.plan(endpoint) | {"maximumPolls": 3})
    gate.open()
    assert run.entered.count("Wait For Free Endpoint") == 2
    return run


@scenario("Plan Build", FAIL, error="ParameterError", cause=r'"errorMessage": ?"hostinstancecount is 0; .*"')
def parameters_that_cannot_be_built_fail_at_once(stage: Stage) -> Run:
    run = stage.build({"raise": "ParameterError", "message": "hostinstancecount is 0; it must be 1 or more."})
    assert run.count("TaskFailed") == 1
    return run


@scenario("Plan Build", FAIL, error="AwsUnavailableError", cause="AWS could not read the build parameters")
def an_aws_that_stays_away_is_asked_seven_times(stage: Stage) -> Run:
    run = stage.build({"raise": "AwsUnavailableError", "message": "AWS could not read the build parameters."})
    assert run.count("TaskFailed") == 7
    return run


@scenario(*TRAIN, FAIL, error="States.TaskFailed", cause="ValueError: the learning rate makes no sense")
def a_throttled_plan_is_retried_and_a_failed_training_reports_the_script_s_error(stage: Stage) -> Run:
    hiccup = {"raise": "AwsUnavailableError", "message": "AWS could not read the build parameters."}
    run = stage.build(hiccup, stage.plan(train=TRAIN_BADLY))
    assert (run.entered.count("Plan Build"), run.count("TaskFailed"), run.count("TaskSucceeded")) == (1, 2, 1)
    return run


@scenario(*TRAIN, FAIL, error="States.TaskFailed", cause='"SecondaryStatus":"MaxRuntimeExceeded"')
def a_training_that_reaches_its_limit_fails_the_build(stage: Stage) -> Run:
    plan = stage.plan(train="import time; time.sleep(600)")
    return stage.build(plan | {"training": plan["training"] | {"StoppingCondition": {"MaxRuntimeInSeconds": 1}}})


@scenario(
    *PLANNED,
    SOURCE,
    IMAGES,
    "Build Images",
    "Find Images",
    DATA,
    "How To Train?",
    "Train Model",
    "Training Completed?",
    *MODEL,
    "Create Endpoint Config",
    *FIND,
    "Create Endpoint",
    *LOOK,
    *END,
)
def images_are_built_and_used_by_digest(stage: Stage) -> Run:
    train = 'ENTRYPOINT ["sh", "-c", "touch ${SAGEMAKER_BASE_DIR:-/opt/ml}/model/any"]'
    dockerfile = f"mkdir image\nprintf 'FROM scratch\\n{train}' > image/Dockerfile"
    plan = stage.plan_with_image(dockerfile + BUILD_AND_PUSH)
    run = stage.build(plan)
    (build,) = plan["images"]["builds"]
    job = stage.sagemaker.describe_training_job(TrainingJobName=plan["training"]["TrainingJobName"])
    digest = stage.builder.digest(build["tag"])
    assert job["AlgorithmSpecification"]["TrainingImage"] == f"{stage.builder.repository}@{digest}"
    return run


@scenario(
    *PLANNED,
    SOURCE,
    IMAGES,
    "Build Images",
    FAIL,
    error="States.TaskFailed",
    cause='"COMMAND_EXECUTION_ERROR".*Reason: exit status 3',
)
def an_image_that_cannot_be_built_fails_the_build(stage: Stage) -> Run:
    return stage.build(stage.plan_with_image("exit 3"))


@scenario(
    *PLANNED,
    SOURCE,
    IMAGES,
    "Build Images",
    "Find Images",
    FAIL,
    error="Ecr.ImageNotFoundException",
    cause="does not exist within the repository",
)
def an_image_that_was_not_pushed_fails_the_build(stage: Stage) -> Run:
    return stage.build(stage.plan_with_image("true"))


@scenario(
    *PLANNED,
    SOURCE,
    "Fetch Source",
    IMAGES,
    DATA,
    "How To Train?",
    "Train Model",
    FAIL,
    error="States.TaskFailed",
    cause="sense",
)
def a_source_is_fetched_before_the_training(stage: Stage) -> Run:
    plan = stage.plan_with_source("true")
    return stage.build(plan | {"training": stage.plan(train=TRAIN_BADLY)["training"]})


@scenario(*PLANNED, SOURCE, "Fetch Source", FAIL, error="States.TaskFailed", cause="Reason: exit status 3")
def a_source_that_cannot_be_fetched_fails_the_build(stage: Stage) -> Run:
    return stage.build(stage.plan_with_source("exit 3"))


@scenario("Given", SOURCE, FAIL, error="PlanError", cause="does not say whether to fetch the source")
def a_plan_that_leaves_the_source_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from(SOURCE, {"plan": {"number": 1}})


PROCESS = (DATA, "Process Data", "Data Processed?")
EVALUATE = ("Model To Evaluate?", "Evaluate Model", "Model Evaluated?")
WRITE = "cat /opt/ml/processing/*/rows > /opt/ml/processing/out/rows"


@scenario(*PLAN_ONLY[:-2], *PROCESS, *PROCESS[1:], "How To Train?", "Take Earlier Model", *MODEL, "Model Ready")
def data_is_processed_by_one_job_after_the_other(stage: Stage) -> Run:
    own = name("raw")
    first = stage.job(WRITE, ("raw", stage.put(f"{own}/rows", "1\n")))
    second = stage.job(WRITE, ("first", stage.find_output(first)), ("raw", f"s3://{stage.bucket}/{own}"))
    artifacts = stage.put(f"{own}/model.tar.gz", pack({}))
    plan = stage.plan() | {"mode": "none", "deploy": False, "artifacts": artifacts}
    run = stage.build(plan | {"processing": {"wanted": True, "jobs": [first, second]}})
    assert stage.read(f"{stage.find_output(second)}/rows") == b"1\n1\n"
    return run


@scenario(*PLAN_ONLY[:-2], *PROCESS[:2], FAIL, error="States.TaskFailed", cause="no rows")
def data_that_cannot_be_processed_fails_the_build(stage: Stage) -> Run:
    job = stage.job("printf 'there are no rows' > /opt/ml/output/message; exit 3")
    return stage.build(stage.plan() | {"processing": {"wanted": True, "jobs": [job, stage.job("true")]}})


STOPPED: Json = {"plan": {"number": 1}, "job": "own", "jobStatus": "Stopped", "processed": 1, "evaluated": 1}


@scenario("Given", "Data Processed?", FAIL, error="ProcessingNotCompletedError", cause="job own is Stopped and not")
def a_processing_job_that_a_person_stopped_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Data Processed?", STOPPED)


@scenario("Given", DATA, FAIL, error="PlanError", cause="does not say whether to process data")
def a_plan_that_leaves_the_processing_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from(DATA, {"plan": {"number": 1}})


@scenario(*TRAINED, *EVALUATE, *EVALUATE[1:], *MODEL[1:], "Model Ready")
def the_trained_and_the_live_model_are_evaluated(stage: Stage) -> Run:
    look = "tar -tzf /opt/ml/processing/model/model.tar.gz > /opt/ml/processing/out/files"
    new = stage.job(look, ("model", "s3://planned/model.tar.gz")) | {"model": "s3://planned/model.tar.gz"}
    live = stage.job(look, ("model", stage.put(f"{name('live')}/model.tar.gz", pack({"old": ""}))))
    run = stage.build(stage.plan() | {"deploy": False, "evaluation": {"wanted": True, "jobs": [new, live]}})
    assert stage.read(f"{stage.find_output(new)}/files").split() == [b"model"]
    assert stage.read(f"{stage.find_output(live)}/files").split() == [b"old"]
    return run


@scenario("Given", *EVALUATE[:2], FAIL, error="States.TaskFailed", cause="cannot load")
def a_model_that_cannot_be_evaluated_fails_the_build(stage: Stage) -> Run:
    job = stage.job("printf 'cannot load the model' > /opt/ml/output/message; exit 1")
    plan = {"number": 1, "evaluation": {"wanted": True, "jobs": [job]}}
    return stage.run_from(EVALUATE[0], {"plan": plan, "evaluated": 0, "artifacts": "s3://model/model.tar.gz"})


@scenario("Given", "Model Evaluated?", FAIL, error="ProcessingNotCompletedError", cause="evaluation job own is Stopped")
def an_evaluation_that_a_person_stopped_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Model Evaluated?", STOPPED)


@scenario("Given", EVALUATE[0], FAIL, error="PlanError", cause="does not say whether to evaluate the model")
def a_plan_that_leaves_the_evaluation_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from(EVALUATE[0], {"plan": {"number": 1}})


TRANSFORM = ("Data To Transform?", "Verify Scoring Model", "Transform Data", "Data Transformed?")
ECHO = """
import time

def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    time.sleep(600 if "wait" in body else 0)
    if "bad" in body:
        raise ValueError("cannot score this")
    return body.upper(), "text/csv"
"""


@scenario(*TRAINED, *CREATE, "Register Model?", "Approval?", *TRANSFORM, "Deploy Endpoint?", "Model Ready")
def files_are_scored_without_an_endpoint(stage: Stage) -> Run:
    plan = stage.transform_plan(ECHO, "a\nb\n")
    run = stage.build(plan)
    output = plan["transform"]["request"]["TransformOutput"]["S3OutputPath"]
    assert stage.read(f"{output}rows.csv.out") == b"A\nB\n"
    return run


@scenario(
    *TRAINED, *CREATE, "Register Model?", "Approval?", *TRANSFORM[:3], FAIL, error="States.TaskFailed", cause="See job"
)
def files_that_cannot_be_scored_fail_the_build(stage: Stage) -> Run:
    return stage.build(stage.transform_plan(ECHO, "bad\n"))


@scenario(*TRAINED, *CREATE, "Register Model?", "Approval?", *TRANSFORM[:2], FAIL, error="ModelChangedError")
def a_model_that_changed_scores_no_files(stage: Stage) -> Run:
    plan = stage.transform_plan(ECHO, "a\n")
    return stage.build(plan | {"model": plan["model"] | {"ModelName": "changed"}})


@scenario(*TRAINED, *CREATE, "Register Model?", "Approval?", *TRANSFORM[:3], FAIL, error="States.Timeout")
def a_transform_that_takes_longer_than_its_limit_fails_the_build(stage: Stage) -> Run:
    plan = stage.transform_plan(ECHO, "wait\n")
    return stage.build(plan | {"transform": plan["transform"] | {"seconds": 3}})


@scenario("Given", TRANSFORM[3], FAIL, error="TransformNotCompletedError", cause="transform job own is Stopped and not")
def a_transform_that_a_person_stopped_fails_the_build(stage: Stage) -> Run:
    return stage.run_from(TRANSFORM[3], STOPPED)


@scenario("Given", TRANSFORM[0], FAIL, error="PlanError", cause="does not say whether to transform data")
def a_plan_that_leaves_the_transform_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from(TRANSFORM[0], {"plan": {"number": 1}})


@scenario("Given", IMAGES, FAIL, error="PlanError", cause="does not say whether to build images")
def a_plan_that_leaves_images_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from(IMAGES, {"plan": {"number": 1}})


@scenario(*TRAIN, FAIL, error="SageMaker.AmazonSageMakerException", cause="instanceType.*enum value set")
def a_training_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.plan()
    plan["training"]["ResourceConfig"]["InstanceType"] = "ml.m5.tiny"
    return stage.build(plan)


@scenario(
    *TRAINED,
    *CREATE,
    FAIL,
    error="SageMaker.AmazonSageMakerException",
    cause="Cannot create already existing model",
)
def a_model_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.plan()
    plan["model"]["ModelName"] = stage.model("")
    return stage.build(plan)


@scenario(
    *PLAN_ONLY, "Tune Model", "Best Model Known?", "Find Best Model", "Training Completed?", *MODEL, "Model Ready"
)
def the_best_of_a_tuning_becomes_the_model(stage: Stage) -> Run:
    plan = stage.tuning_plan(TRAIN_SCORED) | {"deploy": False}
    run = stage.build(plan)
    output = json.loads(run.described["output"])
    assert (output["number"], output["model"]) == (run.number, plan["model"]["ModelName"])
    tuning = stage.sagemaker.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=plan["tuning"]["HyperParameterTuningJobName"]
    )
    assert tuning["BestTrainingJob"]["TunedHyperParameters"] == {"size": "2"}
    assert tuning["BestTrainingJob"]["TrainingJobName"] in output["artifacts"]
    return run


@scenario(*PLAN_ONLY, "Tune Model", FAIL, error="States.TaskFailed", cause="All training jobs failed")
def a_tuning_whose_trainings_all_fail_fails_the_build(stage: Stage) -> Run:
    return stage.build(stage.tuning_plan(TRAIN_BADLY))


@scenario(
    "Given",
    "Best Model Known?",
    FAIL,
    error="NoTrainingSucceededError",
    cause="No training job of the tuning job own-.* succeeded with a value of its objective metric score;",
)
def a_tuning_without_a_best_training_fails_the_build(stage: Stage) -> Run:
    return stage.run_from(
        "Best Model Known?", {"plan": stage.tuning_plan(TRAIN_SCORED), "best": "", "jobStatus": "Completed"}
    )


@scenario(
    "Given",
    "Best Model Known?",
    "Find Best Model",
    FAIL,
    error="SageMaker.SageMakerException",
    cause="Requested resource not found",
)
def a_best_training_that_is_gone_fails_the_build(stage: Stage) -> Run:
    given = {"plan": stage.tuning_plan(TRAIN_SCORED), "best": "never-made", "jobStatus": "Completed"}
    return stage.run_from("Best Model Known?", given)


@scenario("Given", "Best Model Known?", FAIL, error="TrainingNotCompletedError", cause="own-.* is Stopped and not")
def a_tuning_that_was_stopped_is_not_deployed(stage: Stage) -> Run:
    given = {"plan": stage.tuning_plan(TRAIN_SCORED), "best": "good", "jobStatus": "Stopped"}
    return stage.run_from("Best Model Known?", given)


@scenario(
    "Given", "Training Completed?", FAIL, error="TrainingNotCompletedError", cause="The training job own is Stopped;"
)
def a_training_that_stopped_with_a_model_is_not_deployed(stage: Stage) -> Run:
    given = {"plan": {"number": 1}, "job": "own", "jobStatus": "Stopped", "artifacts": "s3://model/unfinished.tar.gz"}
    return stage.run_from("Training Completed?", given)


@scenario("Given", "Training Completed?", FAIL, error="TrainingNotCompletedError", cause="is Completed without a model")
def a_training_without_a_model_is_not_deployed(stage: Stage) -> Run:
    given = {"plan": {"number": 1}, "job": "own", "jobStatus": "Completed", "artifacts": ""}
    return stage.run_from("Training Completed?", given)


@scenario(*PLAN_ONLY, "Take Earlier Model", *MODEL, "Model Ready")
def an_earlier_model_is_taken_without_training(stage: Stage) -> Run:
    artifacts = stage.put("earlier/model.tar.gz", pack({"model": ""}))
    plan = stage.plan() | {"mode": "none", "artifacts": artifacts, "deploy": False}
    run = stage.build(plan)
    model = stage.sagemaker.describe_model(ModelName=plan["model"]["ModelName"])
    assert model["PrimaryContainer"]["ModelDataUrl"] == plan["artifacts"]
    return run


@scenario(*PLAN_ONLY, FAIL, error="PlanError", cause="does not say how to train")
def a_plan_without_a_way_fails_the_build(stage: Stage) -> Run:
    return stage.build(stage.plan() | {"mode": "guess"})


@scenario(*TRAINED, *MODEL, FAIL, error="PlanError", cause="does not say whether to deploy")
def a_plan_that_does_not_say_whether_to_deploy_fails_the_build(stage: Stage) -> Run:
    return stage.build(stage.plan() | {"deploy": None})


@scenario(*PREPARE, FAIL, error="SageMaker.AmazonSageMakerException", cause='Could not find model ".*/never-made"')
def a_configuration_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.plan()
    plan["endpointConfig"]["ProductionVariants"][0]["ModelName"] = "never-made"
    return stage.build(plan)


@scenario(*PREPARE, *FIND[:2], FAIL, error="SageMaker.SageMakerException", cause="regular expression pattern")
def a_list_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    return stage.build(stage.plan("no name!"))


@scenario(
    *PREPARE,
    *FIND,
    "Create Endpoint",
    FAIL,
    error="SageMaker.AmazonSageMakerException",
    cause='Could not find endpoint configuration ".*/never-made"',
)
def an_endpoint_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.plan()
    plan["endpoint"]["EndpointConfigName"] = "never-made"
    return stage.build(plan)


@scenario(
    *PREPARE,
    *FIND,
    "Update Endpoint",
    FAIL,
    error="SageMaker.SageMakerException",
    cause='Could not find endpoint configuration ".*/never-made"',
)
def an_update_that_sagemaker_refuses_leaves_the_endpoint_as_it_was(stage: Stage) -> Run:
    plan = stage.plan(endpoint := stage.endpoint())
    plan["endpoint"]["EndpointConfigName"] = "never-made"
    run = stage.build(plan)
    described = stage.describe(endpoint)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", stage.steady)
    return run


@scenario(
    "Given",
    "Endpoint Free?",
    "Delete Failed Endpoint",
    FAIL,
    error="SageMaker.SageMakerException",
    cause='Could not find endpoint ".*/never-made"',
)
def a_deletion_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.plan("never-made")
    return stage.run_from("Endpoint Free?", {"plan": plan, "found": "Failed", "polls": 1})


@scenario("Given", *LOOK[:2], FAIL, error="SageMaker.SageMakerException", cause="Could not find endpoint")
def an_endpoint_that_vanishes_fails_the_build(stage: Stage) -> Run:
    given = {"plan": {"endpoint": {"EndpointName": "never-made"}, "pollSeconds": 1}, "polls": 0}
    return stage.run_from("Wait For Endpoint", given)


@scenario(
    *PREPARE,
    *FIND,
    "Update Endpoint",
    *LOOK,
    FAIL,
    error="EndpointDeploymentError",
    cause=r"did not take the new model: it is InService with config-\w+\. The primary container .* ping health check",
)
def an_endpoint_that_was_rolled_back_fails_the_build_with_sagemaker_s_reason(stage: Stage) -> Run:
    endpoint = stage.endpoint()
    run = stage.build(stage.plan(endpoint, serve=SERVE_NEVER))
    assert stage.describe(endpoint)["EndpointConfigName"] == stage.steady
    return run


@scenario(
    *PREPARE,
    *FIND,
    "Create Endpoint",
    *LOOK,
    FAIL,
    error="EndpointDeploymentError",
    cause=r"did not take the new model: it is Failed with own-\w+\. The primary container .* ping health check",
)
def a_first_endpoint_that_fails_fails_the_build_with_sagemaker_s_reason(stage: Stage) -> Run:
    return stage.build(stage.plan(serve=SERVE_NEVER))


@scenario(
    *PREPARE,
    *FIND,
    "Create Endpoint",
    *LOOK,
    *LOOK,
    FAIL,
    error="EndpointTimeoutError",
    cause=r"endpoint-\w+ was still Creating after 1 minutes\.",
)
def an_endpoint_that_never_comes_to_rest_is_given_up(stage: Stage) -> Run:
    gate = stage.gate()
    run = stage.build(stage.plan(serve=gate.script) | {"pollSeconds": 20, "maximumPolls": 3})
    gate.open()
    assert run.entered.count("Check Endpoint") == 3
    return run


@scenario(*PREPARE, *FIND, "Create Endpoint", *LOOK, "Smoke Test?", *SCALE, "Wake From Zero?", "Postprocess?", SUCCEED)
def an_endpoint_scales_as_planned(stage: Stage) -> Run:
    run = stage.build(plan := stage.scaled(stage.plan()))
    variant = plan["scaling"]["variant"]
    client = stage.autoscaling
    (policy,) = client.describe_scaling_policies(**variant)["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 9
    return run


@scenario(*PREPARE, *FIND, *RELEASE, "Update Endpoint", *LOOK, *END)
def scaling_ends_before_an_update(stage: Stage) -> Run:
    plan = stage.scaled(stage.plan(stage.endpoint()), wanted=False, release=True)
    client = stage.autoscaling
    client.register_scalable_target(**plan["scaling"]["variant"], MinCapacity=1, MaxCapacity=2)
    run = stage.build(plan)
    resource = plan["scaling"]["variant"]["ResourceId"]
    answer = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])
    assert answer["ScalableTargets"] == []
    return run


@scenario(*PREPARE, *FIND, *RELEASE, "Update Endpoint", *LOOK, *END)
def scaling_that_has_ended_already_is_no_failure(stage: Stage) -> Run:
    return stage.build(stage.scaled(stage.plan(stage.endpoint()), wanted=False, release=True))


@scenario(*PREPARE, *FIND, "Release Scaling", FAIL, error=f"{SCALING}.ValidationException", cause="scalableDimension")
def scaling_that_cannot_end_fails_the_build(stage: Stage) -> Run:
    plan = stage.scaled(stage.plan(stage.endpoint()), release=True)
    plan["scaling"]["variant"]["ScalableDimension"] = "guess"
    return stage.build(plan)


@scenario("Given", *SCALE[:2], FAIL, error=f"{SCALING}.ValidationException", cause="scalableDimension.*enum value set")
def scaling_that_aws_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.scaled(stage.plan(), target={"ScalableDimension": "guess"})
    return stage.run_from("Scale Endpoint?", {"plan": plan})


@scenario("Given", *WAKE, "Postprocess?", SUCCEED)
def an_endpoint_without_instances_is_woken(stage: Stage) -> Run:
    plan = stage.scaled(TASTED | stage.plan() | {"number": 1, "postprocess": {"wanted": False}})
    plan["scaling"]["wake"]["wanted"] = True
    stage.autoscaling.register_scalable_target(**plan["scaling"]["variant"], MinCapacity=0, MaxCapacity=2)
    given = {"plan": plan, "live": "new", "artifacts": "s3://model/model.tar.gz"}
    run = stage.run_from("Wake From Zero?", given)
    (policy,) = stage.autoscaling.describe_scaling_policies(**plan["scaling"]["variant"])["ScalingPolicies"]
    name = plan["scaling"]["wake"]["alarm"]["AlarmName"]
    (alarm,) = stage.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["AlarmActions"] == [policy["PolicyARN"]]
    return run


@scenario("Given", "Wake From Zero?", FAIL, error="PlanError", cause="whether to wake the endpoint")
def a_plan_that_leaves_waking_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Wake From Zero?", {"plan": {"number": 1}})


@scenario("Given", *WAKE[:2], FAIL, error=f"{SCALING}.ValidationException", cause="policyType")
def a_wake_policy_that_aws_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.scaled(stage.plan())
    plan["scaling"]["wake"] = {"wanted": True, "policy": {"PolicyName": "own", "PolicyType": "Guess"}, "alarm": {}}
    return stage.run_from("Wake From Zero?", {"plan": plan})


@scenario("Given", *WAKE, FAIL, error="CloudWatch.ValidationException", cause="(?i)comparisonOperator")
def a_wake_alarm_that_aws_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.scaled(stage.plan())
    wake = stage.waking(plan)
    plan["scaling"]["wake"] = wake | {"alarm": wake["alarm"] | {"ComparisonOperator": "Guess"}}
    stage.autoscaling.register_scalable_target(**plan["scaling"]["variant"], MinCapacity=0, MaxCapacity=2)
    return stage.run_from("Wake From Zero?", {"plan": plan})


@scenario(
    *PREPARE,
    *FIND,
    "Release Scaling",
    "Delete Wake Alarm",
    FAIL,
    error="CloudWatch.ValidationException",
    cause="(?i)alarmNames",
)
def an_alarm_that_cannot_be_deleted_fails_the_build(stage: Stage) -> Run:
    plan = stage.scaled(stage.plan(stage.endpoint()), release=True)
    plan["scaling"]["wake"]["alarm"]["AlarmName"] = "x" * 300
    return stage.build(plan)


@scenario("Given", "Instances To Update?", FAIL, error="PlanError", cause="whether to update the instances")
def a_plan_that_leaves_the_instances_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Instances To Update?", {"plan": {"number": 1}})


@scenario(*PREPARE, *FIND, "Create Endpoint", *LOOK, *FIND_COMPONENT, "Create Component", *LOOK_AT_COMPONENT, *END)
def a_first_build_creates_the_component_of_its_endpoint(stage: Stage) -> Run:
    run = stage.build(plan := stage.component(stage.plan()))
    described = stage.describe_component(plan["component"]["name"])
    assert described["Specification"]["ModelName"] == plan["model"]["ModelName"]
    assert stage.sagemaker.list_tags(ResourceArn=described["InferenceComponentArn"])["Tags"] == plan["tags"]
    assert json.loads(run.described["output"])["endpointConfig"] == plan["model"]["ModelName"]
    return run


@scenario(*PREPARE, *FIND, *FIND_COMPONENT, "Update Component", *LOOK_AT_COMPONENT, *END)
def a_later_build_updates_the_component_and_no_instances(stage: Stage) -> Run:
    endpoint = stage.hosted(stage.model(SERVE))
    before = stage.describe(endpoint)["EndpointConfigName"]
    stage.settle_component(endpoint)
    run = stage.build(stage.component(stage.plan(endpoint), keeps=True))
    assert stage.describe(endpoint)["EndpointConfigName"] == before
    return run


def sleeping(stage: Stage, model: str = SERVE) -> Json:
    """What a build knows whose component has a model already, and whose new model is made."""
    endpoint = stage.hosted(stage.model(model))
    stage.settle_component(endpoint)
    plan = stage.component(stage.plan(endpoint), keeps=True)
    new = {"ModelName": stage.model(SERVE), "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}}
    for request in ("create", "update"):
        plan["component"][request]["Specification"] = new
    plan["component"]["model"] = new["ModelName"]
    return {"plan": TASTED | plan | {"number": 1}, "polls": 0, "created": False, "artifacts": "s3://model/model.tar.gz"}


@scenario(
    "Given",
    *RELEASE,
    *FIND_COMPONENT,
    "Update Component",
    *LOOK_AT_COMPONENT,
    *END,
)
def the_scaling_of_a_component_rests_until_it_has_its_new_model(stage: Stage) -> Run:
    given = sleeping(stage)
    given["plan"] = stage.scaled(given["plan"], wanted=False, release=True)
    return stage.run_from("Release Scaling", given)


@scenario(
    "Given",
    *FIND_COMPONENT,
    "Delete Old Component",
    *FIND_COMPONENT_AGAIN,
    "Create Component",
    *LOOK_AT_COMPONENT,
    *END,
)
def a_component_of_an_earlier_endpoint_is_deleted_and_created(stage: Stage) -> Run:
    return stage.run_from("Find Component", sleeping(stage) | {"created": True})


@scenario(
    "Given",
    *FIND_COMPONENT,
    "Delete Old Component",
    *FIND_COMPONENT_AGAIN,
    "Create Component",
    *LOOK_AT_COMPONENT,
    *END,
)
def a_component_that_failed_is_deleted_and_created(stage: Stage) -> Run:
    return stage.run_from("Find Component", sleeping(stage, SERVE_NEVER))


@scenario(
    "Given",
    *FIND_COMPONENT,
    *FIND_COMPONENT_AGAIN,
    FAIL,
    error="EndpointNotFreeError",
    cause=r"component endpoint-\w+ is Updating and cannot be updated",
)
def a_component_that_is_never_free_is_given_up(stage: Stage) -> Run:
    gate, given = stage.gate(), sleeping(stage)
    stage.sagemaker.update_inference_component(
        InferenceComponentName=given["plan"]["component"]["name"], Specification=stage.specify(stage.model(gate.script))
    )
    run = stage.run_from("Find Component", given | {"plan": given["plan"] | {"maximumPolls": 2}})
    gate.open()
    return run


@scenario("Given", *FIND_COMPONENT, "Update Component", *LOOK_AT_COMPONENT, *LOOK_AT_COMPONENT, FAIL,
          error="EndpointTimeoutError", cause=r"component endpoint-\w+ was still Updating after 1 minutes")  # fmt: skip
def a_component_that_never_comes_to_rest_is_given_up(stage: Stage) -> Run:
    gate, given = stage.gate(), sleeping(stage)
    given["plan"] |= {"maximumPolls": 3, "pollSeconds": 20}
    given["plan"]["component"]["update"]["Specification"] = stage.specify(stage.model(gate.script))
    run = stage.run_from("Find Component", given)
    gate.open()
    return run


@scenario(
    "Given",
    *FIND_COMPONENT,
    "Update Component",
    *LOOK_AT_COMPONENT,
    FAIL,
    error="EndpointDeploymentError",
    cause=r"did not take the new model: it is InService with 1 copies of model-\w+\. .* ping health check",
)
def a_component_that_was_rolled_back_fails_the_build_with_sagemaker_s_reason(stage: Stage) -> Run:
    given = sleeping(stage)
    given["plan"]["component"]["update"]["Specification"] = stage.specify(stage.model(SERVE_NEVER))
    return stage.run_from("Find Component", given)


@scenario("Given", "Find Component", FAIL, error="SageMaker.SageMakerException", cause="regular expression pattern")
def a_list_of_components_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Find Component", {"plan": {"component": {"name": "no name!"}}, "polls": 0})


@scenario("Given", *FIND_COMPONENT, "Create Component", FAIL,
          error="SageMaker.SageMakerException", cause="Could not find model")  # fmt: skip
def a_component_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.component(stage.plan(stage.hosted()))
    given = {"plan": plan | {"number": 1}, "polls": 0, "created": False}
    return stage.run_from("Find Component", given)


@scenario("Given", *FIND_COMPONENT, "Update Component", FAIL,
          error="SageMaker.SageMakerException", cause="Could not find model")  # fmt: skip
def a_component_s_update_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    given = sleeping(stage)
    given["plan"]["component"]["update"]["Specification"] = stage.specify("never-made")
    return stage.run_from("Find Component", given)


@scenario("Given", "Delete Old Component", FAIL, error="SageMaker.SageMakerException", cause="Could not find inference")
def a_component_s_deletion_that_sagemaker_refuses_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Delete Old Component", {"plan": {"component": {"name": "never-made"}}})


@scenario("Given", "Wait For Component", "Check Component", FAIL,
          error="SageMaker.SageMakerException", cause="Could not find inference")  # fmt: skip
def a_component_that_vanishes_fails_the_build(stage: Stage) -> Run:
    given = {"plan": {"component": {"name": "never-made"}, "pollSeconds": 1}, "polls": 0}
    return stage.run_from("Wait For Component", given)


@scenario("Given", *SCALE, FAIL, error=f"{SCALING}.ValidationException", cause="policyType")
def a_policy_that_aws_refuses_fails_the_build(stage: Stage) -> Run:
    plan = stage.scaled(stage.plan(), policy={"PolicyName": "own", "PolicyType": "Guess"})
    return stage.run_from("Scale Endpoint?", {"plan": plan})


@scenario(
    *PREPARE,
    *FIND,
    "Update Endpoint",
    *LOOK,
    FAIL,
    error="EndpointDeploymentError",
    cause=r"it is InService with config-\w+\. .* because the alarms \['alarm-\w+'\] went into ALARM",
)
def an_update_that_an_alarm_rolls_back_fails_the_build_with_sagemaker_s_reason(stage: Stage) -> Run:
    alarm = name("alarm")
    stage.cloudwatch.put_metric_alarm(
        AlarmName=alarm, MetricName="Errors", Namespace="own", Period=60, EvaluationPeriods=1, Threshold=1,
        Statistic="Sum", ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    stage.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test's")
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600}
    guardrails = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }
    endpoint = stage.endpoint()
    run = stage.build(stage.plan(endpoint) | {"guardrails": {"DeploymentConfig": guardrails}})
    described = stage.describe(endpoint)
    assert (described["EndpointConfigName"], described["LastDeploymentConfig"]) == (stage.steady, guardrails)
    return run


def gated(**check: Any) -> Json:
    """A plan whose model is checked, and what the check says."""
    return {"number": 1, "quality": {"wanted": True, "check": check}}


@scenario(*TRAINED, *CREATE, "Register Model?", "Register Model", *MODEL[-3:], "Model Ready")
def a_new_model_is_registered(stage: Stage) -> Run:
    register = {"wanted": True, "origin": {}, "framework": {}}
    return stage.build(stage.plan() | {"deploy": False, "register": register})


@scenario("Given", "Register Model?", "Register Model", FAIL, error="RegistryError", cause="does not answer")
def a_registration_that_fails_fails_the_build(stage: Stage) -> Run:
    plan = {"number": 1, "register": {"wanted": True, "raise": "RegistryError"}}
    return stage.run_from("Register Model?", {"plan": plan, "model": {}, "artifacts": "s3://model/model.tar.gz"})


@scenario("Given", "Register Model?", FAIL, error="PlanError", cause="whether to register the model")
def a_plan_that_leaves_the_registration_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Register Model?", {"plan": {"number": 1}})


def asking(*, seconds: int = 60, **request: Any) -> Json:
    """Return a plan that asks for approval, with the answer."""
    late = "not approved within 1 second"
    return {"number": 1, "approval": {"wanted": True, "seconds": seconds, "request": request, "late": late}}


def withheld(run: Run) -> str:
    """Why a run ended without a deployment."""
    return str(json.loads(run.described["output"])["withheld"])


@scenario(*TRAINED, *CREATE[:2], "Check Quality", "Quality Met?", *MODEL[2:], "Model Ready")
def a_model_that_is_good_enough_goes_on(stage: Stage) -> Run:
    return stage.build(stage.plan() | {"deploy": False, "quality": gated(met=True, reason="")["quality"]})


@scenario("Given", "Quality Gate?", "Check Quality", "Quality Met?", WITHHELD)
def a_model_that_is_not_good_enough_is_withheld(stage: Stage) -> Run:
    reason = "accuracy 0.91 is below the live 0.94"
    run = stage.run_from("Quality Gate?", {"plan": gated(met=False, reason=reason)})
    assert json.loads(run.described["output"]) == {"number": 1, "pipeline": "", "withheld": reason}
    return run


@scenario("Given", "Quality Gate?", "Check Quality", FAIL, error="BuildNotFoundError", cause="No build has the number")
def a_check_that_fails_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Quality Gate?", {"plan": gated(error="BuildNotFoundError")})


@scenario(
    "Given", "Quality Gate?", "Check Quality", "Quality Met?", FAIL, error="PlanError", cause="the quality is met"
)
def a_check_that_says_nothing_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Quality Gate?", {"plan": gated(met=None, reason="")})


@scenario("Given", "Quality Gate?", FAIL, error="PlanError", cause="whether to check the quality")
def a_plan_that_leaves_the_gate_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Quality Gate?", {"plan": {"number": 1}})


@scenario(*TRAINED, *CREATE, "Register Model?", *ASKED, "Approved?", *TRANSFORMLESS, "Model Ready")
def a_model_that_is_approved_goes_on(stage: Stage) -> Run:
    answer = {"approved": True, "reason": "approved by voice"}
    return stage.build(stage.plan() | {"deploy": False, "approval": asking(answer=answer)["approval"]})


@scenario("Given", *ASKED, "Approved?", WITHHELD)
def a_model_that_is_rejected_is_withheld(stage: Stage) -> Run:
    answer = {"approved": False, "reason": "rejected by voice: too old"}
    run = stage.run_from("Approval?", {"plan": asking(answer=answer)})
    assert withheld(run) == "rejected by voice: too old"
    return run


@scenario("Given", *ASKED, WITHHELD)
def a_model_without_an_approval_in_time_is_withheld(stage: Stage) -> Run:
    run = stage.run_from("Approval?", {"plan": asking(seconds=1)})
    assert withheld(run) == "not approved within 1 second"
    assert run.count("TaskTimedOut") == 1
    return run


@scenario("Given", *ASKED, FAIL, error="BuildNotFoundError", cause="Build 1 has ended")
def a_request_that_fails_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Approval?", {"plan": asking(error="BuildNotFoundError")})


@scenario("Given", *ASKED, "Approved?", FAIL, error="PlanError", cause="whether the model is approved")
def an_answer_that_says_nothing_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Approval?", {"plan": asking(answer={"approved": None, "reason": ""})})


@scenario("Given", "Approval?", FAIL, error="PlanError", cause="whether to ask for approval")
def a_plan_that_leaves_the_approval_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Approval?", {"plan": {"number": 1}})


@scenario(*PLAN_ONLY, "Take Earlier Build", *FIND, "Update Endpoint", *LOOK, *END)
def a_rollback_deploys_what_is_there(stage: Stage) -> Run:
    endpoint, earlier = stage.endpoint(), stage.configure(AllTraffic=stage.model(SERVE))
    plan = {key: value for key, value in stage.plan(endpoint).items() if key in ROLLBACK_KEYS}
    plan |= {"mode": "rollback", "artifacts": "s3://model/model.tar.gz"}
    run = stage.build(plan | {"endpoint": {"EndpointName": endpoint, "EndpointConfigName": earlier}})
    assert stage.describe(endpoint)["EndpointConfigName"] == earlier
    assert json.loads(run.described["output"])["artifacts"] == plan["artifacts"]
    return run


@scenario("Given", "Smoke Test?", "Run Smoke Test", *END[1:])
def an_endpoint_that_answers_well_stays(stage: Stage) -> Run:
    given = {"plan": TASTED | {"smokeTest": {"wanted": True, "sample": {"body": "good"}}}}
    return stage.run_from("Smoke Test?", given | {"live": "new", "artifacts": "s3://model/model.tar.gz"})


@scenario("Given", "Smoke Test?", "Run Smoke Test", FAIL, error="SmokeTestError", cause="the status is 500")
def an_endpoint_that_answers_badly_fails_the_build(stage: Stage) -> Run:
    given = {"plan": TASTED | {"smokeTest": {"wanted": True, "sample": {"body": "bad"}}}}
    return stage.run_from("Smoke Test?", given | {"live": "new", "artifacts": "s3://model/model.tar.gz"})


@scenario("Given", "Smoke Test?", FAIL, error="PlanError", cause="whether to run a smoke test")
def a_plan_that_leaves_the_smoke_test_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Smoke Test?", {"plan": {"number": 1}, "live": "new", "artifacts": "s3://model/m.tar.gz"})


@scenario("Given", "Scale Endpoint?", FAIL, error="PlanError", cause="whether to scale the endpoint")
def a_plan_that_leaves_scaling_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Scale Endpoint?", {"plan": {"number": 1}})


@scenario("Given", "Preprocess?", FAIL, error="PlanError", cause="whether to run preprocessing")
def a_plan_that_leaves_preprocessing_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Preprocess?", {"plan": {"number": 1}})


@scenario("Given", "Postprocess?", FAIL, error="PlanError", cause="whether to run postprocessing")
def a_plan_that_leaves_postprocessing_out_fails_the_build(stage: Stage) -> Run:
    return stage.run_from("Postprocess?", {"plan": {"number": 1}})


@scenario(
    *PLANNED,
    "Run Preprocessing",
    SOURCE,
    IMAGES,
    DATA,
    "How To Train?",
    "Train Model",
    FAIL,
    error="States.TaskFailed",
    cause="makes no sense",
)
def a_machine_of_a_person_s_own_runs_before_the_training(stage: Stage) -> Run:
    plan = stage.plan(train=TRAIN_BADLY) | {"preprocess": stage.own_machine({"Type": "Succeed"})}
    run = stage.build(plan)
    execution = plan["preprocess"]["execution"]
    arn = f"{execution['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{execution['Name']}"
    described = stage.machines.states.describe_execution(executionArn=arn)
    starter = run.described["executionArn"]
    assert json.loads(described["input"]) == {"given": "input", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": starter}
    return run


@scenario(*PLANNED, "Run Preprocessing", FAIL, error="States.TaskFailed", cause="the data are spoilt")
def a_machine_that_fails_before_the_training_fails_the_build(stage: Stage) -> Run:
    spoilt = stage.own_machine({"Type": "Fail", "Error": "Spoilt", "Cause": "the data are spoilt"})
    return stage.build(stage.plan() | {"preprocess": spoilt})


@scenario("Given", "Postprocess?", "Run Postprocessing", SUCCEED)
def a_machine_of_a_person_s_own_sees_what_is_live(stage: Stage) -> Run:
    looking = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.endpointConfig = 'new' %}", "Next": "State 1"}],
    }
    plan = PLAN | {"number": 1, "postprocess": stage.own_machine(looking, {"Type": "Succeed"})}
    return stage.run_from("Postprocess?", {"plan": plan, "live": "new", "artifacts": "s3://model/model.tar.gz"})


@scenario("Given", "Postprocess?", "Run Postprocessing", FAIL, error="States.TaskFailed", cause="the answers are wrong")
def a_machine_that_fails_after_the_deployment_fails_the_build(stage: Stage) -> Run:
    wrong = stage.own_machine({"Type": "Fail", "Error": "Wrong", "Cause": "the answers are wrong"})
    given = {"plan": {"number": 1, "postprocess": wrong}, "live": "new", "artifacts": "s3://model/model.tar.gz"}
    return stage.run_from("Postprocess?", given)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.run.__name__)
def test_the_build(stage: Stage, scenario: Scenario) -> None:
    run = scenario.run(stage)
    assert without_repetition(run.entered) == without_repetition(scenario.path), run.described
    assert run.described["status"] == ("FAILED" if scenario.error else "SUCCEEDED")
    assert run.described.get("error", "") == scenario.error
    assert re.search(scenario.cause, run.described.get("cause", "")), run.described


def test_the_scenarios_take_every_way_that_the_machine_has() -> None:
    taken = {step for scenario in SCENARIOS for step in pairwise(scenario.path)}
    assert set(transitions()) - taken == set()


CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack")

# Where "Endpoint Free?" leads with each status, before the last look at the endpoint and after it.
WHEN_FREE = {
    "None": ("Create Endpoint", "Create Endpoint"),
    "InService": ("Update Endpoint", "Update Endpoint"),
    "Failed": ("Delete Failed Endpoint", FAIL),
    "OutOfService": (FAIL, FAIL),
    "UpdateRollbackFailed": (FAIL, FAIL),
} | dict.fromkeys(
    ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"), ("Wait For Free Endpoint", FAIL)
)

# Where "Endpoint Ready?" leads, and with which error.
DEPLOYMENT, TIMEOUT = "EndpointDeploymentError", "EndpointTimeoutError"
WHEN_READY = {
    "InService": ("Smoke Test?", "Smoke Test?"),
    "Failed": (DEPLOYMENT, DEPLOYMENT),
    "OutOfService": (DEPLOYMENT, DEPLOYMENT),
    "UpdateRollbackFailed": (DEPLOYMENT, DEPLOYMENT),
    "Deleting": (DEPLOYMENT, DEPLOYMENT),
} | dict.fromkeys(CHANGING, ("Wait For Endpoint", TIMEOUT))


def statuses_of_sagemaker() -> set[str]:
    """What the service's own model says that an endpoint may be."""
    model = Loader().load_service_model("sagemaker", "service-2")
    return set(model["shapes"]["EndpointStatus"]["enum"])


def test_an_endpoint_of_any_status_is_taken_waited_for_or_left_alone(stage: Stage) -> None:
    assert statuses_of_sagemaker() == WHEN_FREE.keys() - {"None"}
    cases: list[Json] = [
        {"plan": PLAN, "found": status, "polls": polls} for status in WHEN_FREE for polls in (119, 120)
    ]
    for case, run in zip(cases, stage.choose("Endpoint Free?", cases), strict=True):
        status = case["found"]
        assert run.entered[2] == WHEN_FREE[status][case["polls"] == 120], case
        if run.entered[2] == FAIL:
            assert run.described["error"] == "EndpointNotFreeError"
            assert run.described["cause"].startswith(f"The endpoint house is {status} and cannot be updated;")


def test_an_endpoint_of_any_status_is_ready_waited_for_or_a_failure(stage: Stage) -> None:
    assert statuses_of_sagemaker() == WHEN_READY.keys()
    known = {"plan": PLAN, "live": "new", "reason": "The reason."}
    cases: list[Json] = [known | {"status": status, "polls": polls} for status in WHEN_READY for polls in (119, 120)]
    for case, run in zip(cases, stage.choose("Endpoint Ready?", cases), strict=True):
        status = case["status"]
        assert run.described.get("error", run.entered[2]) == WHEN_READY[status][case["polls"] == 120], case
        if run.described.get("error") == DEPLOYMENT:
            assert run.described["cause"] == (
                f"The endpoint house did not take the new model: it is {status} with new. The reason."
            )
        if run.described.get("error") == TIMEOUT:
            assert run.described["cause"] == f"The endpoint house was still {status} after 60 minutes."


def test_an_endpoint_in_service_with_another_configuration_is_a_failure(stage: Stage) -> None:
    case = {"plan": PLAN, "live": "old", "reason": "The reason.", "status": "InService", "polls": 1}
    (run,) = stage.choose("Endpoint Ready?", [case])
    assert run.described["error"] == DEPLOYMENT
    assert run.described["cause"].endswith("it is InService with old. The reason.")
