"""The deploy parameters are checked before anything is packaged, each by its form, its meaning and the others."""

import json
import re
from pathlib import Path
from typing import Any

import cfnlint  # type: ignore[import-untyped]
import pytest
import yaml

from sagebuild.deployment.checks import (
    ARNS,
    DEPENDENT,
    NO_NOTEBOOKS,
    NO_WEBHOOKS,
    Deployment,
    find_problems,
    list_regions,
)
from sagebuild.partitions import find_partition
from sagebuild.project.file import DEPLOY_PARAMETERS
from tests.engine import ROOT
from tools.check_deployment import list_parameters, template_parameters

SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
DEFAULTS: dict[str, str] = SERVICE["params"]["default"]
SKILL = "amzn1.ask.skill.12345678-1234-1234-1234-123456789012"
FUNCTION = "arn:{}:lambda:{}:123456789012:function:mine"
KEY = "arn:aws:kms:{}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BOUNDARY = "arn:{}:iam::123456789012:policy/teams/limit"


def check(region: str = "eu-west-1", stack: str = "sagebuild-dev", **given: Any) -> list[str]:
    """The problems of a deployment with these deploy parameters."""
    content = {"region": region, "stack": stack, "parameters": DEFAULTS | given, "given": list(given)}
    return find_problems(Deployment.read(json.dumps(content)), list_parameters(), template_parameters())


def test_the_defaults_can_be_deployed() -> None:
    assert check() == []


@pytest.mark.parametrize(
    "given",
    [
        {"framework": "xgboost"},
        {"notificationEmail": "a.b+c@example.co.uk"},
        {"uploadTrigger": "true", "uploadPrefix": "data/", "uploadSuffix": ".csv"},
        {"uploadTrigger": True},  # a boolean in a stage's parameters
        {"codecommitRepository": "house-prices", "codecommitBranch": "release/*"},
        {"githubRepository": "octo/house-prices", "githubBranch": "main"},
        {"githubRepository": "octo/house-prices", "githubOwnerId": "123", "githubRepositoryId": 456},
        {"githubRepository": "octo_corp/house.prices"},
        {"schedule": "rate(1 day)"},
        {"schedule": "cron(0 6 ? * MON *)"},
        {"triggerAlarm": "drift"},
        {"triggerAlarm": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:drift of prices"},
        {"triggerTopic": "arn:aws:sns:eu-west-1:123456789012:features"},
        {"trainingConfigFunction": FUNCTION.format("aws", "eu-west-1")},
        {"preprocessStateMachine": "arn:aws:states:eu-west-1:123456789012:stateMachine:mine"},
        {"permissionsBoundary": BOUNDARY.format("aws")},
        {"permissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess"},
        {"alexaSkillId": SKILL},
        {"notebookInstanceType": "ml.t3.medium", "notebookRepository": "https://example.com/owner/sagebuild.git"},
        {"kmsKeys": KEY.format("eu-west-1") + "," + KEY.format("eu-west-1"), "codecommitRepositories": "a,b.c"},
        {"asyncTopics": "arn:aws:sns:eu-west-1:123456789012:a,arn:aws:sns:eu-west-1:123456789012:b"},
        {"vpcAccess": "true", "overridesMayLoosen": "true"},
        {"chatTopic": True, "webhookSecret": "team/build-messages"},
        {"webhookSecret": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/build-messages-a1B2c3"},
    ],
    ids=str,
)
def test_right_parameters_have_no_problem(given: dict[str, Any]) -> None:
    assert check(**given) == []


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isof-south-1", "aws-iso-f"),
    ],
)
def test_arns_of_every_partition_are_accepted_in_it(region: str, partition: str) -> None:
    arns = {"triggerTopic": f"arn:{partition}:sns:{region}:123456789012:mine"}
    assert check(region, endpointConfigFunction=FUNCTION.format(partition, region), **arns) == []
    assert check(region, permissionsBoundary=BOUNDARY.format(partition)) == []


# tools/bucket-access.cjs, which writes the policies from these parameters, checks them: test_buckets.py.
CHECKED_BY_BUCKET_ACCESS = {"readBuckets", "writeBuckets", "trainingPolicies", "hostingPolicies"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"framework": "CAFFE"}, 'framework is "CAFFE"; it must be one of TENSORFLOW, '),
    ({"notificationEmail": "bob"}, 'notificationEmail is "bob"; it must be an email address, or empty.'),
    ({"notificationEmail": "bob@example"}, "it must be an email address"),
    ({"alexaSkillId": "mine"}, 'alexaSkillId is "mine"; it must be an Alexa skill id such as '),
    ({"vpcAccess": "yes"}, 'vpcAccess is "yes"; it must be true or false.'),
    ({"uploadTrigger": "on"}, 'uploadTrigger is "on"; it must be true or false.'),
    ({"uploadTrigger": "true", "uploadPrefix": "train/*"}, "without * and \\."),
    ({"uploadSuffix": ".csv"}, "uploadSuffix has no effect without uploadTrigger; set uploadTrigger, or leave out"),
    ({"uploadTrigger": "false", "uploadPrefix": "data/"}, "uploadPrefix has no effect without uploadTrigger"),
    ({"codecommitRepository": "a/b"}, "it must be the name of a CodeCommit repository, or empty."),
    ({"codecommitBranch": "release"}, "codecommitBranch has no effect without codecommitRepository"),
    ({"githubRepository": "house-prices"}, "it must be owner/name of a GitHub repository, or empty."),
    ({"githubRepository": "octo@1/house-prices@2"}, "it must be owner/name of a GitHub repository, or empty."),
    ({"githubRepository": "octo/*"}, "it must be owner/name of a GitHub repository, or empty."),
    ({"githubBranch": "release"}, "githubBranch has no effect without githubRepository"),
    ({"githubRepository": "o/n", "githubBranch": "a b"}, 'githubBranch is "a b"; it must be a branch'),
    ({"githubRepository": "o/n", "githubOwnerId": "*"}, "it must be the number that identifies the owner"),
    (
        {"githubRepository": "o/n", "githubOwnerId": "12"},
        "githubOwnerId needs githubRepositoryId; gh api repos/o/n --jq .owner.id,.id prints both ids.",
    ),
    ({"githubRepository": "o/n", "githubRepositoryId": "12"}, "githubRepositoryId needs githubOwnerId"),
    ({"schedule": "daily"}, 'schedule is "daily"; it must be rate(1 day), cron(0 6 ? * MON *), or empty.'),
    ({"schedule": "rate(7 day)"}, "schedule has the rate "),
    ({"schedule": "rate(1 days)"}, "EventBridge needs the exact form rate(1 day)."),
    ({"schedule": "cron(0 6 ? * mon *)"}, "EventBridge needs the exact form cron(0 6 ? * MON *)."),
    ({"schedule": "cron(0 6 * * MON *)"}, "exactly one of them must be ?."),
    ({"schedule": "cron(0 6 ? * MON)"}, "has a cron expression of 5 instead of six fields"),
    ({"chatTopic": "slack"}, 'chatTopic is "slack"; it must be true or false.'),
    ({"webhookSecret": "https://hooks.example.com/T/B/x"}, "it must be the name or the ARN of a secret in AWS Secrets"),
    (
        {"webhookSecret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:mine-a1B2c3"},
        "webhookSecret is in the region us-east-1; it must be in the stack's region, eu-west-1.",
    ),
    ({"triggerTopic": "features"}, "it must be the ARN of an SNS topic, or empty."),
    (
        {"triggerTopic": "arn:aws:sns:us-east-1:123456789012:features"},
        "triggerTopic is in the region us-east-1; it must be in the stack's region, eu-west-1.",
    ),
    ({"promoteFrom": "sagebuild-dev", "stack": "sagebuild-dev"}, "promoteFrom is sagebuild-dev, the stack itself"),
    ({"promoteFrom": "Sagebuild Dev"}, "it must be the name of a stack of this region, in lower case"),
    ({"promoteFromAccount": "111122223333"}, "promoteFromAccount has no effect without promoteFrom"),
    (
        {"promoteFrom": "sagebuild-test", "promoteFromAccount": "1111-2222-3333"},
        "it must be the twelve digits of an AWS account, or empty.",
    ),
    ({"promoteTo": "arn:aws:iam::444455556666:root"}, "it must be the twelve digits of an AWS account, or empty."),
    (
        {"promoteTo": "444455556666", "stack": "Sagebuild-dev"},
        "a stack that promotes to another account must have a name in lower case of at most 37 characters",
    ),
    ({"triggerAlarm": "arn:aws:cloudwatch:eu-west-1:alarm"}, "it must be the name or the ARN of a CloudWatch alarm"),
    ({"trainingConfigFunction": "mine"}, "it must be the ARN of a Lambda function, without a version, or empty."),
    ({"modelConfigFunction": FUNCTION.format("aws", "eu-west-1") + ":3"}, "without a version"),
    (
        {"endpointConfigFunction": FUNCTION.format("aws-cn", "cn-north-1")},
        "endpointConfigFunction is in the partition aws-cn; the stack's region eu-west-1 is in aws.",
    ),
    ({"preprocessStateMachine": FUNCTION.format("aws", "eu-west-1")}, "the ARN of a standard state machine"),
    ({"postprocessStateMachine": "arn:aws:states:eu-west-2:123456789012:stateMachine:a"}, "is in the region eu-west-2"),
    ({"permissionsBoundary": "limit"}, "it must be the ARN of an IAM policy, or empty."),
    ({"permissionsBoundary": BOUNDARY.format("aws-us-gov")}, "is in the partition aws-us-gov"),
    ({"notebookInstanceType": "t3.medium"}, "it must be an instance type such as ml.t3.medium, or empty."),
    ({"notebookInstanceType": "ml.t3.medium"}, "notebookInstanceType needs notebookRepository, the https address"),
    (
        {"notebookRepository": "https://example.com/r.git"},
        "notebookRepository has no effect without notebookInstanceType",
    ),
    (
        {"notebookInstanceType": "ml.t3.medium", "notebookRepository": 'https://e.com/"; rm -r .'},
        "it must be the https address of a git repository with sagebuild, or empty.",
    ),
    (
        {"kmsKeys": "alias/mine"},
        "it must be ARNs of KMS keys with commas between them, at most 500 characters, or empty",
    ),
    (
        {"kmsKeys": KEY.format("eu-west-1") + "," + KEY.format("us-east-1")},
        "kmsKeys is in the region us-east-1; it must",
    ),
    ({"kmsKeys": ",".join([KEY.format("eu-west-1")] * 9)}, "at most 500 characters"),
    ({"asyncTopics": "answers"}, "it must be ARNs of SNS topics with commas between them"),
    ({"asyncTopics": "arn:aws-cn:sns:cn-north-1:123456789012:answers"}, "asyncTopics is in the partition aws-cn; "),
    ({"codecommitRepositories": "a,b/c"}, "it must be names of CodeCommit repositories with commas between them"),
    ({"githubRepo": "o/n"}, "There is no deploy parameter githubRepo, did you mean githubRepository; "),
    ({"colour": "blue"}, "There is no deploy parameter colour; serverless.yml lists all of them."),
    ({"region": "eu-wst-1"}, "The region eu-wst-1 is unknown, did you mean eu-west-1; pass an AWS region"),
    ({"region": "moon"}, "The region moon is unknown; pass an AWS region with --region."),
    ({"region": "ca-west-1"}, "The region ca-west-1 has no CodeBuild; choose another --region."),
    (
        {"region": "eu-central-1", "alexaSkillId": SKILL},
        "alexaSkillId is set, but Alexa cannot call functions in eu-central-1; deploy to one of ap-northeast-1, ",
    ),
    ({"region": "cn-north-1", "alexaSkillId": SKILL}, "Alexa cannot call functions in cn-north-1"),
    (
        {"region": "us-iso-east-1", "codecommitRepository": "a"},
        "codecommitRepository is set, but the region us-iso-east-1 has no CodeCommit.",
    ),
    ({"stack": "sagebuild-" + "x" * 37}, "has 47 characters; it must have at most 46"),
    ({"stack": "sagebuild-a--b"}, "it must begin with a letter and have letters, digits and single hyphens"),
    ({"stack": "sagebuild-a-"}, "it must begin with a letter and have letters, digits and single hyphens"),
]


@pytest.mark.parametrize(("given", "sentence"), WRONG, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_a_wrong_parameter_has_exactly_one_sentence(given: dict[str, Any], sentence: str) -> None:
    (problem,) = check(**given)
    assert sentence in problem
    assert problem.endswith(".")


def test_of_many_unknown_parameters_twenty_are_named() -> None:
    *named, last = check(**{f"colour{number}": "blue" for number in range(30)})
    assert len(named) == 20
    assert last == "There are 30 unknown deploy parameters in all."


def test_each_problem_of_a_deployment_is_reported() -> None:
    assert len(check("moon", "a--b", schedule="daily", uploadSuffix=".csv", colour="blue")) == 5


def test_the_wrong_cases_cover_every_parameter() -> None:
    covered = {name for given, _ in WRONG for name in given}
    assert list_parameters() - covered == {"overridesMayLoosen", "dashboard", *CHECKED_BY_BUCKET_ACCESS}  # as vpcAccess


def test_every_parameter_has_a_rule() -> None:
    for name in list_parameters() - {"framework", *CHECKED_BY_BUCKET_ACCESS}:
        assert template_parameters()[name].keys() & {"AllowedPattern", "AllowedValues"}, name
        assert "AllowedValues" in template_parameters()[name] or template_parameters()[name]["ConstraintDescription"]
    assert {*ARNS, *DEPENDENT, *(name for names in DEPENDENT.values() for name in names)} <= list_parameters()


def test_project_files_know_every_parameter() -> None:
    assert set(DEPLOY_PARAMETERS) == list_parameters()


def test_the_documentation_names_the_regions_that_lack_a_service() -> None:
    page = " ".join((ROOT / "docs" / "regions.md").read_text(encoding="utf-8").split())
    (named,) = re.findall(r"today these are ([^;]*?), without CodeBuild", page)
    commercial = [region for region in list_regions("cloudformation") if find_partition(region).name == "aws"]
    assert set(re.split(", | and ", named)) == {region for region in commercial if check(region)}


def test_the_longest_stack_leaves_room_in_the_names_of_functions() -> None:
    assert check(stack="sagebuild-" + "x" * 36) == []
    longest = max(len(name) for name in SERVICE["functions"])
    assert 46 + 1 + longest <= 64  # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html


def test_regions_whose_cloudformation_lacks_a_resource_type_are_refused() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "resources").glob("*.yml")]
    types = {kind for text in texts for kind in re.findall(r"^ +Type: (AWS::\w+::\w+)$", text, re.MULTILINE)}
    types |= {"AWS::Lambda::Function", "AWS::Lambda::LayerVersion", "AWS::Lambda::EventSourceMapping"}
    notebook = {"AWS::SageMaker::NotebookInstance", "AWS::SageMaker::NotebookInstanceLifecycleConfig"}
    webhook = {"AWS::Events::ApiDestination", "AWS::Events::Connection"}
    refused, without_notebooks, without_webhooks = [], [], []
    for path in (Path(cfnlint.__file__).parent / "data" / "schemas" / "providers").glob("*-*.json"):
        lacking = types - json.loads(path.read_text(encoding="utf-8")).keys()
        if lacking - notebook - webhook:
            refused.append(path.stem)
            continue
        without_notebooks += [path.stem] if lacking & notebook else []
        without_webhooks += [path.stem] if lacking & webhook else []
    assert sorted(without_notebooks) == sorted(NO_NOTEBOOKS)
    assert sorted(without_webhooks) == sorted(NO_WEBHOOKS)
    assert all(len(check(region, webhookSecret="mine")) == 1 for region in NO_WEBHOOKS)
    given = {"notebookInstanceType": "ml.t3.medium", "notebookRepository": "https://example.com/sagebuild"}
    assert all(check(region) == [] and len(check(region, **given)) == 1 for region in NO_NOTEBOOKS)
    assert [region for region in refused if not check(region)] == []
    assert {"ap-east-2", "ca-west-1", "mx-central-1"} <= set(refused)
    assert "cn-north-1" not in refused
