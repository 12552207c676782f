"""The template is right in every partition, wrong deploy parameters are refused, and `sagebuild up` deploys it."""

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sagebuild.deployment.release
from sagebuild.deployment.release import CREATION, TEMPLATE, Release, read_release
from sagebuild.deployment.template import complete_creation, complete_template
from tests.command_line import run_command
from tests.contract.test_environment_size import LONG
from tests.contract.test_partitions import PRINCIPAL
from tests.engine import Engine
from tests.packaging import package, read_template, use_folder_alone
from tools.check_deployment import list_parameters
from tools.package_release import package_release

DOMAINS = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
HOST = re.compile(r"[\w.-]*\.(?:amazonaws|amazon|amazonaws-us-gov)\.[a-z.]+")
EVERYTHING = {
    "vpcAccess": "true",
    "permissionsBoundary": "arn:{partition}:iam::123456789012:policy/limit",
    "trainingConfigFunction": "arn:{partition}:lambda:{region}:123456789012:function:mine",
    "preprocessStateMachine": "arn:{partition}:states:{region}:123456789012:stateMachine:mine",
    "uploadTrigger": "true",
    "codecommitRepository": "house-prices",
    "githubRepository": "octo/house-prices",
    "githubOwnerId": "123",
    "githubRepositoryId": "456",
    "schedule": "rate(7 days)",
    "triggerTopic": "arn:{partition}:sns:{region}:123456789012:mine",
    "triggerAlarm": "drift",
    "notificationEmail": "you@example.com",
    "kmsKeys": "arn:{partition}:kms:{region}:123456789012:key/12ab,arn:{partition}:kms:{region}:999999999999:key/mrk-5",
    "asyncTopics": "arn:{partition}:sns:{region}:123456789012:answers",
    "codecommitRepositories": "images,models",
    "framework": "PYTORCH",
    "writeBuckets": "lake/a/",
}
STAGES = {"aws-cn": "dev", "aws-us-gov": "a-b"}


def resolve(value: Any, known: dict[str, str]) -> Any:
    """The template with what is known filled in: pseudo parameters, parameters and substitutions."""
    if isinstance(value, list):
        return [resolve(inner, known) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\$\{([\w:]+)\}", lambda match: known.get(match[1], match[0]), value)
    if not isinstance(value, dict):
        return value
    resolved = {name: resolve(inner, known) for name, inner in value.items()}
    match resolved:
        case {"Ref": str(name)}:
            return known.get(name, f"<{name}>")
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::Join": [str(delimiter), [*parts]]} if all(isinstance(part, str) for part in parts):
            return delimiter.join(parts)
    return resolved


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner)
    elif isinstance(value, str):
        yield value


PARTITIONS = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


def fill_in(partition: str) -> dict[str, str]:
    """Every deploy parameter with a value for the partition."""
    return {name: text.format(partition=partition, region=PARTITIONS[partition]) for name, text in EVERYTHING.items()}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a package with everything on, by partition."""
    folders = {}
    for partition, region in PARTITIONS.items():
        folders[partition] = tmp_path_factory.mktemp(partition) / "package"
        options = ("--region", region, "--stage", STAGES[partition])
        packaged = package(folders[partition], *options, **fill_in(partition))
        assert packaged.returncode == 0, packaged.stdout + packaged.stderr
    return folders


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The packaged service as `make dist` puts it into the wheel; the commands of this process find it."""
    folder = tmp_path_factory.mktemp("release")
    with use_folder_alone():
        package_release(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sagebuild.deployment.release, "FOLDER", folder)
        yield read_release()


@pytest.mark.parametrize(("partition", "stage"), STAGES.items())
def test_up_deploys_the_template_of_serverless(
    partition: str, stage: str, packages: dict[str, Path], release: Release
) -> None:
    expected = json.loads(read_template(packages[partition]))
    key = expected["Resources"]["PlanBuildLambdaFunction"]["Properties"]["Code"]["S3Key"]
    folder = key.rpartition("/")[0]
    assert release.defaults.keys() == list_parameters()
    parameters = release.defaults | fill_in(partition)
    assert complete_template(release, stage, parameters, folder) == expected
    creation = (packages[partition] / "cloudformation-template-create-stack.json").read_text(encoding="utf-8")
    assert complete_creation(release, stage) == json.loads(creation)


def test_up_deploys_a_stack_that_builds_and_down_deletes_it(engine: Engine, release: Release, tmp_path: Path) -> None:
    environment = engine.environment | {"SAGEBUILD_STACK": "sagebuild-laptop"}

    def run(*arguments: str, code: int = 0) -> str:
        ended = run_command(*arguments, environment=environment)
        assert ended.returncode == code, ended.stderr
        return ended.stdout + ended.stderr

    assert release
    cloudformation, s3 = engine.client("cloudformation"), engine.client("s3")
    buckets = {one["Name"] for one in s3.list_buckets()["Buckets"]}
    refused = run("up", "--param", "vpcAcces=true", "--param", "readBuckets=My_Lake", code=1)
    assert "There is no deploy parameter vpcAcces, did you mean vpcAccess" in refused
    assert "readBuckets contains 'My_Lake'" in refused
    refused = run("up", *(f"--param={name}={text}" for name, text in LONG.items()), code=1)
    assert "The environment of the function sagebuild-laptop-planBuild would have about " in refused
    assert {one["Name"] for one in s3.list_buckets()["Buckets"]} == buckets
    assert "The stack sagebuild-laptop is deployed." in run("up", "--param", "schedule=rate(7 days)")
    run("init", "digits", str(tmp_path / "mine"))
    with (tmp_path / "mine" / "sagebuild.yaml").open("a", encoding="utf-8") as file:
        file.write("resources: resources.yml\n")
    (tmp_path / "mine" / "resources.yml").write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}", encoding="utf-8")
    assert "succeeded" in run("apply", str(tmp_path / "mine"), "--watch")
    assert "nothing was changed" in run("up")
    changed = json.loads(run_command("up", "--param", "vpcAccess=true", "--json", environment=environment).stdout)
    assert (changed["changed"], changed["parameters"]["schedule"]) == (True, "rate(7 days)")
    (stack,) = cloudformation.describe_stacks(StackName="sagebuild-laptop")["Stacks"]
    assert {"Key": "STAGE", "Value": "laptop"} in stack["Tags"]
    assert "pass --yes to confirm" in run("down", code=1)
    deleted = run("down", "--yes")
    assert "Delete the stack sagebuild-laptop-resources with the own resources of a project" in deleted
    assert "is deleted" in deleted
    names = [one["StackName"] for one in cloudformation.describe_stacks()["Stacks"]]
    assert [name for name in names if name.startswith("sagebuild-laptop")] == []
    assert {one["Name"] for one in s3.list_buckets()["Buckets"]} == buckets
    assert "There is no stack sagebuild-laptop in us-east-1." in run("down", "--yes", code=1)


def make_older(release: Release, folder: Path) -> Path:
    """An earlier release: other archives, no dashboard yet, and a deploy parameter that is gone now."""
    template = json.loads(json.dumps(release.template))
    template["Parameters"]["Forgotten"] = {"Type": "String", "Default": "x"}
    del template["Resources"]["OperationsDashboard"], template["Outputs"]["DashboardName"]
    (folder / TEMPLATE).write_text(json.dumps(template), encoding="utf-8")
    (folder / CREATION).write_text(json.dumps(release.creation), encoding="utf-8")
    for name, path in release.archives.items():
        shutil.copy(path, folder / name)
        with zipfile.ZipFile(folder / name, "a") as archive:
            archive.writestr("older.txt", "")
    return folder


def test_up_recovers_from_a_failure_and_upgrades_an_older_release(
    engine: Engine, release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("sagebuild-one", "sagebuild-two")
    limit = {"call": "events:PutRule", "error": "LimitExceededException", "message": "too many rules", "times": 1}
    reason = r"The stack is UPDATE_ROLLBACK_COMPLETE\. \w*Rule\w*: too many rules"

    environment = engine.environment | {"SAGEBUILD_STACK": names[0]}

    def run(*arguments: str, code: int = 0, stack: str = names[0]) -> str:
        ended = run_command(*arguments, environment=environment | {"SAGEBUILD_STACK": stack})
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def list_stacks() -> list[str]:
        stacks = engine.client("cloudformation").describe_stacks()["Stacks"]
        return sorted(one["StackName"] for one in stacks if one["StackName"] in names)

    def list_rules() -> list[str]:
        rules = engine.client("events").list_rules(NamePrefix="sagebuild-one-")["Rules"]
        return [one["ScheduleExpression"] for one in rules if one.get("ScheduleExpression", "").endswith("days)")]

    with monkeypatch.context() as patch:
        patch.setattr(sagebuild.deployment.release, "FOLDER", make_older(release, tmp_path))
        faster = {"call": "cloudformation:CreateStack", "error": "AlreadyExistsException", "message": "it exists"}
        with engine.faults(faster):
            refused = run("up", code=1)
            assert "Another deployment of the stack sagebuild-one has begun; wait for its end, " in refused
        with engine.faults(limit):
            assert re.search(reason, run("up", code=1))
        assert "OperationsDashboard" not in run("up", "--param", "schedule=rate(7 days)", "--param", "forgotten=y")
        document = f"/{names[0]}/parameters"
        engine.client("ssm").put_parameter(Name=document, Value='{"trainmaxrun": 2}', Overwrite=True)
    with engine.faults(limit):
        assert re.search(reason, run("up", "--param", "schedule=rate(3 days)", code=1))
    assert list_rules() == ["rate(7 days)"], "the update was rolled back"
    upgraded = run_command("up", "--json", environment=environment)
    assert "CREATE_COMPLETE OperationsDashboard" in upgraded.stderr
    parameters = json.loads(upgraded.stdout)["parameters"]
    assert (parameters["schedule"], parameters.keys()) == ("rate(7 days)", release.defaults.keys())
    value = engine.client("ssm").get_parameter(Name=document)["Parameter"]["Value"]
    assert value == '{"trainmaxrun": 2}', "an upgrade keeps the user's document"
    assert "nothing was changed" in run("up")
    run("up", stack=names[1])
    assert list_stacks() == [*names]
    run("down", "--yes", stack=names[1])
    assert list_stacks() == [names[0]], "the stack beside it stays"
    with engine.faults(limit | {"times": 2}):
        assert "UPDATE_ROLLBACK_FAILED" in run("up", "--param", "schedule=rate(3 days)", code=1)
    assert "aws cloudformation continue-update-rollback --stack-name sagebuild-one" in run("up", code=1)
    run("down", "--yes")
    assert list_stacks() == []


@pytest.mark.parametrize("name", ["sagebuild.zip", "dependencies.zip"])
def test_the_same_sources_give_the_same_archives(packages: dict[str, Path], name: str) -> None:
    assert len({(folder / name).read_bytes() for folder in packages.values()}) == 1


@pytest.mark.parametrize(("partition", "region"), PARTITIONS.items())
def test_the_template_has_nothing_of_another_partition(partition: str, region: str, packages: dict[str, Path]) -> None:
    template = json.loads(read_template(packages[partition]))
    known = {"AWS::Partition": partition, "AWS::URLSuffix": DOMAINS[partition], "AWS::Region": region}
    known |= {"AWS::AccountId": "123456789012", "AWS::StackName": "sagebuild-dev", "Partition": partition}
    known |= {name: parameter["Default"] for name, parameter in template["Parameters"].items()}
    texts = list(texts_in(resolve({name: template[name] for name in ("Resources", "Outputs")}, known)))
    arns = [text for text in texts if text.startswith("arn:")]
    assert {arn.split(":")[1] for arn in arns} == {partition}
    assert sum(arn.startswith(f"arn:{partition}:states:::") for arn in arns) > 20
    hosts = {host for text in texts for host in HOST.findall(PRINCIPAL.sub("", text))}
    # AlexaSkillPermission is only created with an alexaSkillId, which is refused in this region.
    assert hosts == {f"sts.{DOMAINS[partition]}", "alexa-appkit.amazon.com"}
    subject = template["Resources"]["GithubRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    with_ids = "repo:${Owner}@123/${Name}@456:ref:refs/heads/main"
    assert with_ids in str(resolve(subject, known))
    sources = template["Resources"]["CloneSourcesPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Resource"]
    assert [arn["Fn::Sub"].rpartition(":")[2] for arn in sources] == ["house-prices", "images", "models"]
    check_roles(template)
    check_custom_resources(template)


def check_roles(template: dict[str, Any]) -> None:
    """Every role has the permissions boundary, if there is one."""
    roles = [one for one in template["Resources"].values() if one["Type"] == "AWS::IAM::Role"]
    given = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    assert len(roles) >= 12
    assert [role["Properties"]["PermissionsBoundary"] for role in roles] == [given] * len(roles)


def check_custom_resources(template: dict[str, Any]) -> None:
    """CloudFormation waits for every custom resource as long as Lambda may try, and no hour longer."""
    functions = {name: one for name, one in template["Resources"].items() if one["Type"] == "AWS::Lambda::Function"}
    custom = [
        one["Properties"] for one in template["Resources"].values() if "ServiceToken" in one.get("Properties", {})
    ]
    assert len(custom) == 2
    for each in custom:
        (function, _) = each["ServiceToken"]["Fn::GetAtt"]
        tries = 3 * functions[function]["Properties"]["Timeout"] + 60 + 120
        assert tries < each["ServiceTimeout"] <= 3600


def test_wrong_parameters_end_the_packaging_with_a_sentence_each(tmp_path: Path) -> None:
    packaged = package(tmp_path / "package", "--stage", "a--b", schedule="daily", githubBranch="main")
    assert packaged.returncode == 1
    printed = packaged.stdout + packaged.stderr
    assert 'The stack\'s name is "sagebuild-a--b"; it must begin with a letter' in printed
    assert 'schedule is "daily"; it must be rate(1 day), ' in printed
    assert "githubBranch has no effect without githubRepository; " in printed
    assert not (tmp_path / "package").exists()
