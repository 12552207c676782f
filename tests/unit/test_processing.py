"""The requests of processing and evaluation jobs, their order and names, their price, and the numbers of a report."""

import json
import math
from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from sagebuild.builds.context import BuildContext, StepFacts
from sagebuild.cost.budget import limit_to_maxcost
from sagebuild.cost.estimate import estimate_cost
from sagebuild.errors import ParameterError
from sagebuild.names import name_step_job, parse_step_job
from sagebuild.parameters import BuildParameters, parse_parameters
from sagebuild.plan.quotas import count_needs
from sagebuild.plan.shapes import find_violations
from sagebuild.requests.training import build_bodies
from sagebuild.service import Service
from sagebuild.steps.evaluation import plan_evaluation, plan_processing
from tests.unit.golden_requests import SETTINGS

DOCUMENT: dict[str, Any] = {
    "framework": "SCIKIT",
    "trainentrypoint": "train.py",
    "trainsourcefile": "source.tar.gz",
    "processing": [
        {
            "name": "scale",
            "script": "src/scale.py",
            "inputs": {"train": {"output": "split.train"}},
            "outputs": {"scaled": {"folder": "/opt/ml/processing/scaled"}},
        },
        {
            "name": "split",
            "script": "split.py",
            "inputs": {"raw": {"path": "raw/"}},
            "outputs": ["train", "test"],
            "arguments": ["--fraction", 0.2],
            "environment": {"SEED": 1},
        },
    ],
    "channels": {"training": {"output": "scale.scaled"}},
    "evaluation": {"script": "evaluate.py", "inputs": {"test": {"output": "split.test"}}},
}
BUILD = "s3://model-bucket/builds/sagebuild-dev-3f2a1c00-7"
IMAGES = {"split": "image:1", "scale": "image:1", "evaluation": "image:1", "evaluation-live": "image:1"}


def context(facts: StepFacts | None = None, **changes: Any) -> BuildContext[BuildParameters]:
    """The seventh build of a document with these changes."""
    parameters = parse_parameters(DOCUMENT | changes)
    return BuildContext(Service(SETTINGS, lambda _name: None), 7, parameters, facts or StepFacts(IMAGES))


def jobs(facts: StepFacts | None = None, **changes: Any) -> dict[str, Any]:
    """The requests of its processing and evaluation jobs, by name."""
    bodies = build_bodies(context(facts, **changes), "image:1", "image:1")
    return {kind.partition(":")[2]: body for kind, body in bodies.items() if kind.startswith("processing:")}


def inputs(body: dict[str, Any]) -> dict[str, str]:
    return {each["InputName"]: each["S3Input"]["S3Uri"] for each in body["ProcessingInputs"]}


def test_a_job_comes_after_the_jobs_of_its_inputs() -> None:
    assert list(jobs()) == ["split", "scale", "evaluation"]


HOLD_OUT = {"training": {"output": "scale.scaled"}, "test": {"path": "test/"}, "lake": {"uri": "s3://lake/a"}}


@pytest.mark.parametrize(
    ("changes", "channel", "uri"),
    [
        ({"channels": HOLD_OUT}, "test", "s3://data-bucket/test/"),
        ({"channels": HOLD_OUT}, "lake", "s3://lake/a"),
        ({"channels": HOLD_OUT}, "training", f"{BUILD}/processing/scale/scaled/"),
        ({"channels": None}, "training", "s3://data-bucket/train/"),
        ({"channels": None, "uri": "s3://lake/b"}, "training", "s3://lake/b"),
    ],
)
def test_an_input_can_be_the_data_of_a_channel(changes: dict[str, Any], channel: str, uri: str) -> None:
    document = {name: value for name, value in (DOCUMENT | changes).items() if value is not None}
    document["evaluation"] = {"script": "evaluate.py", "inputs": {"data": {"channel": channel}}}
    parameters = parse_parameters(document)
    built = build_bodies(
        BuildContext(Service(SETTINGS, lambda _name: None), 7, parameters, StepFacts(IMAGES)), "image:1", "image:1"
    )
    assert inputs(built["processing:evaluation"])["data"] == uri


def test_a_channel_that_a_job_reads_and_writes_is_a_circle() -> None:
    split = {"name": "split", "script": "split.py", "inputs": {"raw": {"channel": "training"}}, "outputs": ["train"]}
    with pytest.raises(ParameterError, match="has a circle, in which no job can start: split needs split"):
        context(processing=[split], channels={"training": {"output": "split.train"}}, evaluation=None)


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        ({"train": {"path": "a/"}}, 'channel is "validation"; it must be one of train.'),
        ({}, 'channel is "validation"; there is no channel with data in S3.'),
        (
            {"validation": {"filesystem": {"id": "fs-01234567", "type": "EFS", "directory": "/a"}}},
            'channel is "validation"; there is no channel with data in S3.',
        ),
    ],
)
def test_an_input_needs_a_channel_with_data_in_s3(channels: dict[str, Any], sentence: str) -> None:
    evaluation = {"script": "evaluate.py", "inputs": {"test": {"channel": "validation"}}}
    network: dict[str, Any] = {"subnets": ["subnet-01234567"], "securitygroups": ["sg-01234567"]}
    with pytest.raises(ParameterError) as error:
        context(channels=channels, processing=[], evaluation=evaluation, **network)
    assert f"evaluation.inputs.test.{sentence}" in str(error.value)


def test_outputs_are_below_the_build_s_own_folder_and_feed_jobs_and_training() -> None:
    built = jobs()
    outputs = built["split"]["ProcessingOutputConfig"]["Outputs"]
    assert [each["S3Output"]["S3Uri"] for each in outputs] == [
        f"{BUILD}/processing/split/train/",
        f"{BUILD}/processing/split/test/",
    ]
    assert inputs(built["scale"])["train"] == f"{BUILD}/processing/split/train/"
    assert inputs(built["evaluation"])["test"] == f"{BUILD}/processing/split/test/"
    (channel,) = build_bodies(context(), None, None)["training"]["InputDataConfig"]
    assert channel["DataSource"]["S3DataSource"]["S3Uri"] == f"{BUILD}/processing/scale/scaled/"


def test_a_script_gets_its_archive_and_arguments() -> None:
    split = jobs()["split"]
    assert inputs(split) == {"raw": "s3://data-bucket/raw/", "code": "s3://code-bucket/source.tar.gz"}
    shell, option, command, *words = split["AppSpecification"]["ContainerEntrypoint"]
    assert (shell, option, words) == ("/bin/bash", "-c", ["source.tar.gz", "split.py"])
    assert len(command) <= 256  # AppSpecification
    assert split["AppSpecification"]["ContainerArguments"] == ["--fraction", "0.2"]
    assert split["Environment"] == {"SEED": "1"}


def test_network_keys_and_tags_are_the_document_s() -> None:
    body = jobs(
        subnets=["subnet-1"],
        securitygroups=["sg-1"],
        networkisolation=True,
        trafficencryption=True,
        volumekmskey="alias/own",
        outputkmskey="alias/out",
        Tags={"team": "fraud"},
    )["split"]
    assert body["NetworkConfig"] == {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    }
    assert body["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "alias/own"
    assert body["ProcessingOutputConfig"]["KmsKeyId"] == "alias/out"
    assert {"Key": "team", "Value": "fraud"} in body["Tags"]


def test_sagemaker_s_model_accepts_the_requests() -> None:
    client = botocore.session.get_session().create_client("sagemaker", region_name="eu-west-1")
    facts = StepFacts(IMAGES, live_artifacts="s3://model-bucket/live.tar.gz")
    parameters = replace(context(facts, evaluatelive=True))
    settings = SETTINGS | {"TRAINING_ROLE_ARN": "arn:aws:iam::123456789012:role/training"}
    parameters = replace(parameters, service=Service(settings, lambda _name: None))
    for kind, body in build_bodies(parameters, "image:1", "image:1").items():
        if kind.startswith("processing:"):
            assert list(find_violations(client, "CreateProcessingJob", body)) == []


def test_of_many_wrong_values_of_a_request_twenty_are_named() -> None:
    client = botocore.session.get_session().create_client("sagemaker", region_name="eu-west-1")
    types = {"SupportedTransformInstanceTypes": [f"ml.m5.{number}large" for number in range(100, 200)]}
    body = {"InferenceSpecification": {"Containers": [{"Image": "image:1"}], **types}}
    *named, last = find_violations(client, "CreateModelPackage", body)
    assert len(named) == 20
    assert named[0].startswith(
        'CreateModelPackage: InferenceSpecification.SupportedTransformInstanceTypes[0] is "ml.m5.100'
    )
    assert last == "CreateModelPackage: there are more values that the service model does not allow."


def test_the_evaluation_reads_the_new_model_and_then_the_live_one() -> None:
    facts = StepFacts(IMAGES, live_artifacts="s3://model-bucket/live/model.tar.gz")
    asked = context(facts, evaluatelive=True)
    bodies = build_bodies(asked, None, None)
    new, live = plan_evaluation(asked, bodies)["jobs"]
    assert new["model"] == inputs(new["request"])["model"] == f"{BUILD}/output/model.tar.gz"
    assert (live["model"], inputs(live["request"])["model"]) == ("", "s3://model-bucket/live/model.tar.gz")
    reports = [each["request"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"] for each in (new, live)]
    assert [each["S3Uri"] for each in reports] == [
        f"{BUILD}/processing/evaluation/evaluation/",
        f"{BUILD}/processing/evaluation-live/evaluation/",
    ]
    assert [len(plan_processing(bodies)["jobs"]), plan_processing({})["wanted"]] == [2, False]


def test_a_reused_output_is_the_earlier_build_s_and_its_job_does_not_run() -> None:
    built = jobs(StepFacts(IMAGES, reused={"split": 3}))
    assert list(built) == ["scale", "evaluation"]
    assert inputs(built["scale"])["train"].startswith("s3://model-bucket/builds/sagebuild-dev-3f2a1c00-3/")


def test_the_names_fit_and_can_be_read_again() -> None:
    settings = SETTINGS | {"STACK_NAME": "s" * 46}
    for pipeline in ("", "F" * 24):
        service = Service(settings, lambda _name: None).for_pipeline(pipeline)
        name = name_step_job(service, 9_999_999, "a" * 24)
        assert len(name) <= 63
        assert parse_step_job(service, name) == (9_999_999, "a" * 24)
        assert parse_step_job(service, name.replace("9999999", "x")) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"processing": []}, 'channels.training.output is "scale.scaled"; processing has no outputs.'),
        ({"processing": [{"name": "evaluation", "script": "a.py"}]}, "reserved for the parameter evaluation"),
        ({"evaluation": None, "evaluatelive": True}, "evaluatelive is true, which needs evaluation."),
        (
            {"evaluation": {"script": "e.py", "inputs": {"model": {"path": "m/"}}}},
            "model is reserved for the model",
        ),
        (
            {"evaluation": {"script": "e.py", "inputs": {"m": {"path": "m/", "uri": "s3://own/m"}}}},
            "path and uri",
        ),
        ({"evaluation": {"inputs": {}}}, "evaluation needs script; only a job with its own image can go without one."),
        ({"evaluation": {"script": "e.py", "framework": "PYTORCH"}}, "has only framework; give both"),
        ({"evaluation": {"script": "e.py", "maxrun": 217}}, "it must be a number of hours from 0.001 to 216"),
        ({"mustimprove": {"metric": "evaluation.r2"}, "evaluation": None}, "which needs the parameter evaluation."),
    ],
)
def test_a_document_that_cannot_work_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as refused:
        parse_parameters(DOCUMENT | changes)
    assert sentence in str(refused.value)


def test_jobs_that_wait_for_each_other_are_refused() -> None:
    circle = [
        {"name": name, "script": "a.py", "outputs": ["o"], "inputs": {"i": {"output": f"{other}.o"}}}
        for name, other in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    with pytest.raises(ParameterError, match=r"processing has a circle.*: . needs . needs . needs ."):
        parse_parameters(DOCUMENT | {"processing": circle, "channels": {}, "evaluation": None})


def test_the_cost_counts_every_job_and_one_runs_at_a_time() -> None:
    alone = estimate_cost(context(processing=[], channels={}, evaluation=None)).maximum
    together = estimate_cost(context()).maximum
    assert alone is not None
    assert together is not None
    hour = (together - alone) / 3  # three jobs of at most an hour
    assert math.isclose(hour * 4, alone, rel_tol=1e-6)  # the training may take four, on the same instance
    needs = count_needs(build_bodies(context(), None, None), deploys=False)
    assert needs["ml.m5.large for processing job usage"] == 1


def test_maxcost_reserves_the_jobs_and_gives_the_training_the_rest() -> None:
    hour = estimate_cost(context(processing=[], channels={}, evaluation=None, trainmaxrun=1)).maximum
    assert hour is not None
    asked = context(maxcost=4 * hour)
    limited = limit_to_maxcost(asked, build_bodies(asked, None, None))
    assert math.isclose(limited.bodies["training"]["StoppingCondition"]["MaxRuntimeInSeconds"], 3600, abs_tol=1)
    assert "is for the other jobs, ends the training after" in limited.note
    asked = context(maxcost=2 * hour)
    problem = limit_to_maxcost(asked, build_bodies(asked, None, None)).problem
    assert "the jobs beside the training can cost up to" in problem
    assert "raise maxcost, or lower their maxrun" in problem


def test_the_document_fits() -> None:
    assert len(json.dumps(DOCUMENT)) < 8192
