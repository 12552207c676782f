"""The request of a batch transform, its rules, its price and its quota."""

from dataclasses import asdict
from typing import Any

import pytest

from sagebuild.builds.context import BuildContext, StepFacts
from sagebuild.builds.records import StepJob
from sagebuild.cost.budget import limit_to_maxcost
from sagebuild.cost.prices import find_training_price
from sagebuild.errors import ParameterError
from sagebuild.parameters import BuildParameters, parse_parameters
from sagebuild.plan.quotas import count_needs
from sagebuild.plan.shapes import find_violations
from sagebuild.requests.training import build_bodies
from sagebuild.service import Service
from sagebuild.steps.transform import list_transform_jobs, plan_transform
from tests.unit.golden_requests import SETTINGS

CSV = {"contenttype": "text/csv", "accept": "text/csv", "split": "Line", "assemble": "Line"}
JOB = {"path": "score/"} | CSV
FILTERED = JOB | {"inputfilter": "$[1:]", "join": "Input", "outputfilter": "$[0,-1]"}
BUILD = "sagebuild-dev-3f2a1c00-7"


def context(job: dict[str, Any] | None, **changes: Any) -> BuildContext[BuildParameters]:
    """The seventh build of a document with this batchtransform."""
    document: dict[str, Any] = {
        "framework": "SCIKIT",
        "trainentrypoint": "train.py",
        "trainsourcefile": "source.tar.gz",
    }
    parameters = parse_parameters(document | ({"batchtransform": job} if job else {}) | changes)
    return BuildContext(Service(SETTINGS, lambda _name: None), 7, parameters, StepFacts({}))


def request(job: dict[str, Any], **changes: Any) -> Any:
    """The request of CreateTransformJob."""
    return build_bodies(context(job, **changes), "image:1", "image:1")["transform"]


def test_the_request_has_only_what_the_document_says() -> None:
    tags = {"Key": "sagebuild:build", "Value": "7"}
    body = request({"path": "score/"})
    assert tags in body.pop("Tags")
    assert body == {
        "TransformJobName": "sagebuild-dev-3f2a1c00-7-transform",
        "ModelName": BUILD,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data-bucket/score/"}},
            "CompressionType": "None",
            "SplitType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://model-bucket/builds/{BUILD}/transform/",
            "AssembleWith": "None",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


def test_every_option_is_in_the_request_and_valid() -> None:
    import boto3

    job = FILTERED | {
        "path": None,
        "uri": "s3://other/files.manifest",
        "type": "ManifestFile",
        "output": "s3://other/scores/",
        "compression": "Gzip",
        "strategy": "SingleRecord",
        "payload": 20,
        "concurrency": 5,
        "timeout": 60,
        "retries": 0,
        "environment": {"WORKERS": 2},
        "instancetype": "ml.c5.xlarge",
        "instancecount": 2,
    }
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    body = request({name: value for name, value in job.items() if value is not None}, outputkmskey=key)
    assert body["TransformInput"]["DataSource"]["S3DataSource"] == {
        "S3DataType": "ManifestFile",
        "S3Uri": "s3://other/files.manifest",
    }
    assert body["TransformInput"]["CompressionType"] == "Gzip"
    assert body["TransformOutput"] == {
        "S3OutputPath": "s3://other/scores/",
        "AssembleWith": "Line",
        "Accept": "text/csv",
        "KmsKeyId": key,
    }
    assert body["DataProcessing"] == {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    assert (body["BatchStrategy"], body["MaxPayloadInMB"], body["MaxConcurrentTransforms"]) == ("SingleRecord", 20, 5)
    assert body["ModelClientConfig"] == {"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 0}
    assert body["Environment"] == {"WORKERS": "2"}
    assert body["TransformResources"] == {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2}
    client = boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    assert list(find_violations(client, "CreateTransformJob", body)) == []


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        ({}, "needs either path or uri"),
        ({"path": "a/", "uri": "s3://bucket/"}, "has both path and uri"),
        (JOB | {"split": "None", "strategy": "MultiRecord"}, "strategy is MultiRecord, which needs split"),
        (JOB | {"payload": 50, "concurrency": 3}, "their product must be at most 100 MB"),
        ({"path": "a/", "join": "Input"}, "has a filter or join, which needs contenttype"),
        (JOB | {"accept": "application/x-npy", "inputfilter": "$[1:]"}, "which needs accept"),
        (JOB | {"accept": "application/json", "join": "Input"}, "joins text/csv with application/json"),
        (JOB | {"assemble": "None", "join": "Input"}, "needs split Line and assemble Line"),
        (JOB | {"inputfilter": "$.id"}, "inputfilter is $.id; a row of CSV has only positions"),
        (JOB | {"outputfilter": "$[0:2,5:]"}, "a JSONPath of at most 63 characters"),
        (JOB | {"inputfilter": "$..id"}, "a JSONPath of at most 63 characters"),
        (JOB | {"inputfilter": "id"}, "a JSONPath of at most 63 characters"),
        (JOB | {"output": "scores/"}, "an S3 address such as s3://bucket/scores/"),
    ],
)
def test_a_wrong_batchtransform_is_refused(job: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        context(job or {"split": "Line"})
    assert sentence in str(caught.value)


@pytest.mark.parametrize("path", ["$", "$.a", "$.a.*", "$['a','b']", "$.a['b']", "$.a.['b','c']", "$[0]", "$[-1:]"])
def test_the_paths_of_the_documentation_are_accepted(path: str) -> None:
    lines = {"contenttype": "application/jsonlines", "accept": "application/jsonlines", "outputfilter": path}
    assert request({"path": "a/"} | lines)["DataProcessing"]["OutputFilter"] == path


def test_the_name_of_the_job_is_reserved() -> None:
    job = {"name": "Transform", "script": "a.py", "outputs": ["x"]}
    with pytest.raises(ParameterError, match="reserved for batchtransform"):
        context(JOB, processing=[job])
    assert context(None, processing=[job]).parameters.processing[0].name == "Transform"


def test_the_model_of_a_batchtransform_is_an_archive() -> None:
    model = {"framework": "PYTORCH", "skiptrain": True, "ModelArtifacts": "s3://bucket/weights/"}
    with pytest.raises(ParameterError, match="ModelArtifacts is a folder; batchtransform needs the address of a model"):
        context(JOB, **model)
    archive = model | {"ModelArtifacts": "s3://bucket/model.tar.gz"}
    assert context(JOB, **archive).parameters.batchtransform
    assert context(None, **model).parameters.ModelArtifacts == "s3://bucket/weights/"


def test_the_plan_has_the_request_and_its_time_limit() -> None:
    planned = context(JOB | {"maxrun": 2})
    bodies = build_bodies(planned, "image:1", "image:1")
    assert plan_transform(planned, bodies) == {"wanted": True, "request": bodies["transform"], "seconds": 7200}
    without = context(None)
    assert plan_transform(without, build_bodies(without, "i", "i")) == {"wanted": False, "request": {}, "seconds": 0}
    (job,) = list_transform_jobs(planned, bodies)
    assert (job.kind, job.job, job.output) == (
        "transform",
        "sagebuild-dev-3f2a1c00-7-transform",
        f"s3://model-bucket/builds/{BUILD}/transform/",
    )
    assert StepJob(**asdict(job)) == job


def test_maxcost_reserves_the_transform_and_gives_the_training_the_rest() -> None:
    price = find_training_price(context(None).service.region, "ml.m5.large")
    assert price is not None
    planned = context(
        JOB | {"maxrun": 2, "instancecount": 2}, maxcost=price.hourly * 5, traininstancetype="ml.m5.large"
    )
    bodies = build_bodies(planned, "image:1", "image:1")
    limited = limit_to_maxcost(planned, bodies)
    assert limited.bodies["training"]["StoppingCondition"]["MaxRuntimeInSeconds"] == 3600
    assert limited.bodies["transform"] == bodies["transform"]
    small = context(JOB | {"maxrun": 2}, maxcost=price.hourly)
    problem = limit_to_maxcost(small, build_bodies(small, "image:1", "image:1")).problem
    assert "the jobs beside the training can cost up to" in problem


def test_the_instances_count_against_the_quota_of_transform_jobs() -> None:
    bodies = build_bodies(context(JOB | {"instancecount": 3}), "image:1", "image:1")
    assert count_needs(bodies, deploys=False)["ml.m5.large for transform job usage"] == 3
