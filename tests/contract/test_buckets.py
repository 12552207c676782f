"""The statements for buckets of your own: what they grant, to which roles, and which values are refused."""

import json
from typing import Any

import pytest
import yaml

from tests.bucket_access import resolve
from tests.engine import ROOT

ARN = "arn:${AWS::Partition}:s3:::"
READERS = ("TrainingRole", "HostingRole", "BuildStepsRole", "ModelStepsRole", "ImageProjectRole")
POLICY = "arn:aws:iam::123456789012:policy"


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "resources" / name).read_text(encoding="utf-8"))
    return content["Resources"]  # type: ignore[no-any-return]


def allow(action: Any, *objects: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": [{"Fn::Sub": ARN + name} for name in objects]}


def allow_listing(bucket: str, *prefixes: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": {"Fn::Sub": ARN + bucket}}
    return statement | ({"Condition": {"StringLike": {"s3:prefix": list(prefixes)}}} if prefixes else {})


def test_the_statements_grant_the_addresses_and_nothing_else() -> None:
    granted = resolve(readBuckets="s3://lake/iris/, lake/roses/ models", writeBuckets="s3://results/async/")
    assert granted["problems"] == []
    assert granted["readStatements"] == [
        allow("s3:GetObject", "lake/iris/*", "lake/roses/*", "models/*", "results/async/*")
    ]
    assert granted["listStatements"] == [
        allow_listing("lake", "iris/*", "roses/*"),
        allow_listing("models"),
        allow_listing("results", "async/*"),
    ]
    assert granted["versionStatements"][0]["Resource"] == granted["readStatements"][0]["Resource"]
    assert granted["writeStatements"] == [allow(["s3:PutObject", "s3:AbortMultipartUpload"], "results/async/*")]


def test_an_address_within_another_one_adds_nothing() -> None:
    granted = resolve(readBuckets="lake/iris/2026/,lake/iris/,lake/iris/", writeBuckets="lake/iris/results/")
    assert granted["readStatements"] == [allow("s3:GetObject", "lake/iris/*")]
    assert granted["listStatements"] == [allow_listing("lake", "iris/*")]
    assert [one["Resource"] for one in granted["writeStatements"]] == [[{"Fn::Sub": f"{ARN}lake/iris/results/*"}]]


@pytest.mark.parametrize(
    ("parameter", "value", "problem"),
    [
        ("readBuckets", "My_Lake", "readBuckets contains 'My_Lake'; give S3 addresses such as s3://my-lake/iris/, "),
        ("readBuckets", "s3://lake/*", "readBuckets contains 's3://lake/*'; give S3 addresses such as "),
        ("readBuckets", "s3://lake/${aws:username}/", "readBuckets contains 's3://lake/${aws:username}/'; give "),
        ("writeBuckets", "https://lake/x", "writeBuckets contains 'https://lake/x'; give S3 addresses such as "),
        ("writeBuckets", "arn:aws:s3:::lake", "writeBuckets contains 'arn:aws:s3:::lake'; give S3 addresses such as "),
        ("readBuckets", ",".join(f"lake-{index}" for index in range(21)), "readBuckets and writeBuckets have 21 "
         "addresses with 157 characters; the maximum is 20 addresses with 1000 characters, so name common prefixes"),
        ("trainingPolicies", "read-lake", "trainingPolicies contains 'read-lake'; give ARNs of managed policies such "),
        ("hostingPolicies", ",".join(f"{POLICY}/p{index}" for index in range(10)), "hostingPolicies has 10 ARNs; the "
         "maximum is 9"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_in_a_sentence(parameter: str, value: str, problem: str) -> None:
    (found,) = resolve(**{parameter: value})["problems"]
    assert found.startswith(problem)


def test_both_forms_of_an_arn_of_a_policy_are_accepted() -> None:
    given = f"{POLICY}/team/lake,arn:aws-us-gov:iam::aws:policy/AmazonS3ReadOnlyAccess"
    assert resolve(trainingPolicies=given, hostingPolicies=given)["problems"] == []


def test_the_roles_that_are_judged_have_these_policies() -> None:
    attached = {
        name: [role["Ref"] for role in policy["Properties"]["Roles"]] for name, policy in load("buckets.yml").items()
    }
    assert attached == {
        "ReadBucketsPolicy": [*READERS],
        "ListBucketsPolicy": [*READERS],
        "ReadVersionsPolicy": ["ImageProjectRole"],
        "WriteBucketsPolicy": ["TrainingRole", "HostingRole"],
    }


@pytest.mark.parametrize("role", READERS)
def test_the_setting_reads_all_that_a_role_may_do_with_objects(role: str) -> None:
    """A statement of another form than these would be judged wrongly."""
    policies = load("access.yml")[role]["Properties"]["Policies"]
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    setting = resolve()["setting"]["Fn::Sub"].replace("${DataBucket}", "${DataBucket.Arn}")
    setting = setting.replace("${CodeBucket}", "${CodeBucket.Arn}").replace("${ModelBucket}", "${ModelBucket.Arn}")
    for action, kind in (("s3:GetObject", "read"), ("s3:PutObject", "write")):
        about = [one for one in statements if action in values(one["Action"])]
        denied = [each["Fn::Sub"] for one in about if one["Effect"] == "Deny" for each in values(one["Resource"])]
        # The setting leaves these out, because no other statement allows them.
        assert all(each.endswith("models/${AWS::StackName}-*/*") for each in denied)
        allowing = [one for one in about if one["Effect"] == "Allow"]
        assert not any("Condition" in one for one in allowing)
        resources = [each for one in allowing for each in values(one["Resource"])]
        assert json.loads(setting)["roles"][role][kind] == [each["Fn::Sub"] for each in resources]


def values(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def test_the_setting_fits_a_functions_environment() -> None:
    longest = ",".join(f"bucket-{index:02}/{'x' * 38}/" for index in range(20))
    granted = resolve(readBuckets="", writeBuckets=longest)
    assert granted["problems"] == []
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 4 KB for all variables together.
    assert len(granted["setting"]["Fn::Sub"]) < 3300  # tools/environment-size.cjs checks the whole
