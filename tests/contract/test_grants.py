"""The statements for keys, topics and repositories of your own: what they grant, and to which roles."""

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.engine import ROOT

KEYS = {"Fn::Split": [",", {"Ref": "KmsKeys"}]}
VIA_S3 = {"StringLike": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.*"}}}
VIA_SAGEMAKER = {"StringLike": {"kms:ViaService": {"Fn::Sub": "sagemaker.${AWS::Region}.*"}}}
FOR_AWS = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
JOBS = ["TrainingRole", "HostingRole"]
KEY = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:answers.fifo"


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "resources" / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def list_grants() -> list[tuple[list[str], list[str], Any]]:
    """The roles, actions and conditions of each statement about the keys."""
    found = []
    for policy in load("keys.yml")["Resources"].values():
        assert policy["Condition"] == "HasKmsKeys"
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert (statement["Effect"], statement["Resource"]) == ("Allow", KEYS)
            roles = [role["Ref"] for role in policy["Properties"]["Roles"]]
            found.append((roles, values(statement["Action"]), statement.get("Condition")))
    return found


def values(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def test_each_role_may_use_the_keys_for_what_it_does() -> None:
    assert list_grants() == [
        ([*JOBS, "BuildStepsRole", "ModelStepsRole", "ImageProjectRole", "SourceProjectRole"], ["kms:Decrypt"], VIA_S3),
        ([*JOBS, "ModelStepsRole", "SourceProjectRole"], ["kms:GenerateDataKey"], VIA_S3),
        (JOBS, ["kms:Encrypt", "kms:DescribeKey"], None),
        (JOBS, ["kms:CreateGrant"], FOR_AWS),
        (["BuildStateMachineRole", "FinishBuildRole"], ["kms:CreateGrant"], FOR_AWS | VIA_SAGEMAKER),
        (["BuildStateMachineRole", "FinishBuildRole"], ["kms:DescribeKey"], VIA_SAGEMAKER),
        (["BuildStepsRole"], ["kms:DescribeKey"], None),
    ]


def test_every_role_that_creates_jobs_or_endpoints_may_create_grants_and_no_other() -> None:
    """CreateModel and CreateEndpointConfig start no instance, so they make no grant."""
    roles = {name: json.dumps(each) for name, each in load("access.yml")["Resources"].items() if "Role" in name}
    starting = re.compile('"sagemaker:(Create(TrainingJob|HyperParameterTuningJob|Endpoint)|UpdateEndpoint)"')
    granting = {role for roles, actions, _ in list_grants() if "kms:CreateGrant" in actions for role in roles}
    assert granting - set(JOBS) == {name for name, role in roles.items() if starting.search(role)}


@pytest.mark.parametrize("file", ["buckets.yml", "keys.yml"])
def test_the_removal_keeps_the_access_of_jobs_and_endpoints_until_they_have_gone(file: str) -> None:
    needed = load("storage.yml")["Resources"]["Leftovers"]["Properties"]["NeededUntilThen"]
    for name, policy in load(file)["Resources"].items():
        is_needed = {"Fn::If": [policy["Condition"], {"Ref": name}, {"Ref": "AWS::NoValue"}]} in needed
        # Image builds and the steps of a build have ended when the removal deletes jobs.
        assert is_needed is (
            policy["Properties"]["Roles"] not in ([{"Ref": "BuildStepsRole"}], [{"Ref": "ImageProjectRole"}])
        )


def test_the_documented_key_policy_has_the_same_statements() -> None:
    text = (ROOT / "docs" / "policies" / "key.json").read_text(encoding="utf-8")
    outputs = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))["resources"][-1]["Outputs"]
    known = {
        name: output["Value"] for name, output in (outputs | load("keys.yml")["Outputs"]).items() if "Role" in name
    }
    documented = []
    for statement in json.loads(text)["Statement"]:
        assert (statement["Effect"], statement["Resource"]) == ("Allow", "*")
        named = [name.strip("<>") for name in statement["Principal"]["AWS"]]
        roles = [known[name]["Fn::GetAtt"][0] for name in named]
        assert named == [f"{role}Arn" for role in roles]
        documented.append((roles, values(statement["Action"]), statement.get("Condition")))
    written = json.loads(json.dumps(list_grants()).replace('{"Fn::Sub": "s3.${AWS::Region}.*"}', '"s3.<Region>.*"')
        .replace('{"Fn::Sub": "sagemaker.${AWS::Region}.*"}', '"sagemaker.<Region>.*"'))  # fmt: skip
    assert [list(each) for each in documented] == written
    page = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")
    assert [word for word in set(re.findall("<([A-Za-z]+)>", text)) if f"`<{word}>`" not in page] == []


def test_an_endpoint_publishes_to_the_named_topics_and_never_to_the_launch_topic() -> None:
    (policy,) = load("access.yml")["Resources"]["HostingRole"]["Properties"]["Policies"]
    statements = [one for one in policy["PolicyDocument"]["Statement"] if one["Action"] == "sns:Publish"]
    topics = {"Fn::If": ["HasAsyncTopics", {"Fn::Sub": "${ResultsTopic},${AsyncTopics}"}, {"Ref": "ResultsTopic"}]}
    assert statements == [
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": {"Fn::Split": [",", topics]}},
        {"Effect": "Deny", "Action": "sns:Publish", "Resource": {"Ref": "LaunchTopic"}},
    ]


@pytest.mark.parametrize(
    ("trigger", "more", "names"),
    [
        ("house-prices", "images,house-prices,models", ["house-prices", "images", "models"]),
        ("", "images", ["images"]),
        ("house-prices", "", ["house-prices"]),
        ("", "", []),
    ],
)
def test_image_builds_clone_the_named_repositories_only(trigger: str, more: str, names: list[str]) -> None:
    given = {"param:codecommitRepository": trigger, "param:codecommitRepositories": more}
    program = (
        "const Plugin = require('./tools/codecommit-access.cjs');"
        "const { resolve } = new Plugin({}).configurationVariablesSources.codecommitAccess;"
        f"const given = {json.dumps(given)};"
        "resolve({ address: 'arns', resolveVariable: async (name) => given[name] })"
        ".then(({ value }) => console.log(JSON.stringify(value)));"
    )
    ended = subprocess.run(["node", "-e", program], cwd=ROOT, capture_output=True, text=True, check=True)
    arn = "arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:"
    assert json.loads(ended.stdout) == [{"Fn::Sub": arn + name} for name in names]


def test_no_other_statement_allows_repositories() -> None:
    found = [path.name for path in (ROOT / "resources").glob("*.yml") if "codecommit:GitPull" in path.read_text()]
    assert found == ["images.yml"]
    policy = load("images.yml")["Resources"]["CloneSourcesPolicy"]
    assert policy["Condition"] == "HasSources"
    assert policy["Properties"]["Roles"] == [{"Ref": "ImageProjectRole"}, {"Ref": "SourceProjectRole"}]


@pytest.mark.parametrize(
    ("file", "parameter", "value", "is_right"),
    [
        ("keys.yml", "KmsKeys", "", True),
        ("keys.yml", "KmsKeys", KEY, True),
        ("keys.yml", "KmsKeys", f"{KEY},{KEY}", True),
        ("keys.yml", "KmsKeys", f"{KEY}, {KEY}", False),
        ("keys.yml", "KmsKeys", f"{KEY},", False),
        ("keys.yml", "KmsKeys", "1234abcd", False),
        ("keys.yml", "KmsKeys", "*", False),
        ("keys.yml", "KmsKeys", "arn:aws:kms:eu-west-1:123456789012:key/*", False),
        ("keys.yml", "KmsKeys", "arn:aws:kms:eu-west-1:123456789012:alias/data", False),
        ("messaging.yml", "AsyncTopics", f"{TOPIC},{TOPIC}", True),
        ("messaging.yml", "AsyncTopics", "answers", False),
        ("messaging.yml", "AsyncTopics", "arn:aws:sns:eu-west-1:123456789012:*", False),
        ("images.yml", "CodecommitRepositories", "images,house.prices-2", True),
        ("images.yml", "CodecommitRepositories", "", True),
        ("images.yml", "CodecommitRepositories", "*", False),
        ("images.yml", "CodecommitRepositories", "images,", False),
    ],
)
def test_a_deploy_parameter_lists_exact_resources(file: str, parameter: str, value: str, is_right: bool) -> None:
    rule = load(file)["Parameters"][parameter]
    assert bool(re.fullmatch(rule["AllowedPattern"], value, re.ASCII)) is is_right
    assert rule["ConstraintDescription"].endswith(f"at most {rule['MaxLength']} characters, or empty")


def test_each_log_stream_belongs_to_a_job_of_the_stack() -> None:
    """All jobs of a kind of an account have one log group."""
    resources, group = load("access.yml")["Resources"], ":log-stream:"
    for role, action in (("TrainingRole", "logs:PutLogEvents"), ("RemoveLeftoversRole", "logs:DeleteLogStream")):
        (policy,) = resources[role]["Properties"]["Policies"]
        found = [one for one in policy["PolicyDocument"]["Statement"] if values(one["Action"]) == [action]]
        addresses = [values(each["Fn::Sub"])[0] for one in found for each in values(one["Resource"])]
        patterns = [address.partition(group)[2] for address in addresses if group in address]
        transforms = ["*-${Key}-*"] * (role == "RemoveLeftoversRole")  # HostingRole writes them
        assert patterns == ["${AWS::StackName}-*", "*-${Key}-*", "*-${Key}-*", *transforms]


def list_actions(role: str) -> set[str]:
    """The actions that a role's own policies allow."""
    policies = load("access.yml")["Resources"][role]["Properties"]["Policies"]
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    actions = [statement["Action"] for statement in statements]
    return {action for each in actions for action in (each if isinstance(each, list) else [each])}


def test_a_dockerfile_can_neither_read_secrets_nor_write_code_and_a_fetch_of_code_reaches_no_images() -> None:
    projects = load("images.yml")["Resources"]
    roles = {name: projects[name]["Properties"]["ServiceRole"]["Fn::Sub"] for name in ("ImageProject", "SourceProject")}
    assert roles == {name: f"${{{name}Role.Arn}}" for name in roles}
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    images, sources = list_actions("ImageProjectRole"), list_actions("SourceProjectRole")
    assert sources == logs | {"s3:PutObject", "secretsmanager:GetSecretValue"}
    assert images & sources == logs
    assert "PrivilegedMode" not in projects["SourceProject"]["Properties"]["Environment"]
