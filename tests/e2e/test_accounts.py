"""The service in two accounts of one engine, under the same name: separate, but for the models that are promoted."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.command_line import run_command
from tests.e2e.stack import NAME, DeployedStack, deploy, run_serverless, update, wait_until
from tests.e2e.test_promotion import NOT_USED

MINE, OTHER = "123456789012", "210987654321"
ROLE = f"{OTHER}/{NAME}-PromoteBuild"  # in the audit
READER = f"{NAME}-us-east-1-promotions"
READS = {
    "cloudformation:DescribeStacks",
    "dynamodb:GetItem",
    "s3:GetObject",
    "s3:ListBucket",
    "sagemaker:DescribeModelPackage",
}
# The receiving document, whose script a promotion must not need.
OWN = {"trainsourcefile": "missing.tar.gz"}


@pytest.fixture(scope="module")
def other(deployed: DeployedStack) -> DeployedStack:
    """The stack in the other account, which takes the models of the first one; the last test removes it."""
    return deploy(deployed.engine.in_account(OTHER), f"promoteFrom={NAME}", f"promoteFromAccount={MINE}")


@pytest.fixture(scope="module")
def profiles(other: DeployedStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a person who has a profile for each account, and no other credentials."""
    folder = tmp_path_factory.mktemp("aws")
    owners = {"dev": other.engine.in_account(MINE).owner, "prod": other.engine.owner}
    keys = "[{}]\naws_access_key_id = {}\naws_secret_access_key = local\n"
    _write(folder / "credentials", [keys.format(*each) for each in owners.items()])
    _write(folder / "config", [f"[profile {name}]\nregion = us-east-1\n" for name in owners])
    environment = {name: value for name, value in other.engine.environment.items() if not name.startswith("AWS_")}
    files = {"AWS_SHARED_CREDENTIALS_FILE": "credentials", "AWS_CONFIG_FILE": "config"}
    paths = {name: str(folder / file) for name, file in files.items()}
    return environment | paths | {"AWS_ENDPOINT_URL": other.engine.endpoint_url}


def _write(path: Path, sections: list[str]) -> None:
    path.write_text("".join(sections), encoding="utf-8")


@pytest.mark.usefixtures("serving")
def test_a_stack_in_another_account_is_separate_from_the_one_of_the_same_name(
    stack: DeployedStack, other: DeployedStack
) -> None:
    live, number = stack.live_config(), stack.last_number()
    assert f":{OTHER}:" in other.outputs["StateMachineArn"]
    assert other.outputs["DataBucket"] != stack.outputs["DataBucket"]
    record = other.build()
    assert (record["status"], record["number"]) == ("succeeded", 1)
    assert record["model_package"] == f"arn:aws:sagemaker:us-east-1:{OTHER}:model-package/{NAME}/1"
    assert other.ask_endpoint() > 0.9
    assert (stack.live_config(), stack.last_number()) == (live, number)
    with pytest.raises(ClientError, match="AccessDenied"):
        other.client("s3").get_object(Bucket=stack.outputs["DataBucket"], Key="train/digits.csv")


def test_a_person_with_two_profiles_promotes_to_the_other_account(
    stack: DeployedStack, other: DeployedStack, profiles: dict[str, str]
) -> None:
    made = stack.build(keepbuilds=5)
    other.set_parameters(**OWN)
    number, build = other.last_number() + 1, made["number"]
    command = ("promote", str(build), "--profile", "dev", "--to", NAME, "--to-profile", "prod")
    asked = run_command(*command, environment=profiles)
    sentence = (
        f"From build {build} of {NAME} in account {MINE} to build {number} of {NAME} in account {OTHER} would move"
    )
    assert sentence in asked.stderr
    assert other.last_number() == number - 1
    ended = run_command(*command, "--yes", "--watch", environment=profiles)
    assert ended.returncode == 0, ended.stdout + ended.stderr + str(other.record(number).get("reason"))
    record = other.finish(number)
    assert (record["status"], record["trigger"]["kind"]) == ("succeeded", "promotion")
    origin = record["origin"]
    assert (origin["account"], origin["stack"], origin["build"]) == (MINE, NAME, build)
    assert (origin["package"], record["metrics"]) == (made["model_package"], made["metrics"])
    assert other.live_config() == record["endpoint_config"]
    assert other.ask_endpoint() > 0.9
    (message,) = other.read_notifications(number)
    assert message.startswith(f"Build {number} of {NAME}, promoted from build {build} of {NAME} in account {MINE}, ")
    # Without --to-profile, another region is that of the promoting profile.
    elsewhere = run_command(*command[:-2], "--to-region", "eu-west-1", environment=profiles)
    assert f"There is no stack {NAME} in eu-west-1" in elsewhere.stderr


def test_an_approval_in_one_account_starts_a_build_in_the_other(stack: DeployedStack, other: DeployedStack) -> None:
    other.set_parameters(**OWN)
    before = other.last_number()
    update(stack.engine, f"promoteTo={OTHER}")
    stack.set_parameters()
    made = stack.build()
    wait_until(lambda: other.last_number() > before)
    record = other.finish(before + 1)
    assert record["status"] == "succeeded", record["reason"]
    assert record["trigger"] == {"kind": "promotion", "detail": f"approved in {NAME}", "rollback": ""}
    assert (record["origin"]["account"], record["origin"]["build"]) == (MINE, made["number"])
    assert record["metrics"] == made["metrics"]
    assert other.live_config() == record["endpoint_config"]
    assert other.ask_endpoint() > 0.9

    audit = other.engine.read_audit()
    roles = (ROLE, READER, f"{NAME}-SendApprovals")
    calls = [call for call in audit["calls"] if call["role"].startswith(roles)]
    assert [call for call in calls if not call["allowed"]] == []
    used = {role: {call["action"] for call in calls if call["role"].startswith(role)} for role in roles}
    assert used[READER] == READS
    assert "sts:AssumeRole" in used[ROLE]
    unused = [grant for grant in audit["unused"] if grant["role"].startswith(roles)]
    assert {grant["action"] for grant in unused if grant["role"].startswith(ROLE)} - used[ROLE] == NOT_USED
    others = {grant["resource"].partition("/")[2] for grant in unused if not grant["role"].startswith(ROLE)}
    # Of named pipelines, and a model that this stack has from another one itself.
    assert others == {"*/models/*", f"{NAME}-*/*", "promotions/*"}


def test_without_promote_to_the_approval_is_refused_with_the_reason(stack: DeployedStack, other: DeployedStack) -> None:
    update(stack.engine)
    package, before = stack.record(stack.last_number())["model_package"], other.last_number()
    detail = {"ModelPackageGroupName": NAME, "ModelPackageArn": package, "ModelApprovalStatus": "Approved"}
    sqs, resources = other.client("sqs"), other.client("cloudformation")

    def find_queue(name: str) -> str:
        found = resources.describe_stack_resource(StackName=NAME, LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    message = {"id": "again", "source": "aws.sagemaker", "detail": detail}
    sqs.send_message(QueueUrl=find_queue("PromotionQueue"), MessageBody=json.dumps(message))
    receive = {"QueueUrl": find_queue("DeadLetterQueue"), "MessageAttributeNames": ["All"], "WaitTimeSeconds": 1}
    (letter,) = wait_until(lambda: sqs.receive_message(**receive).get("Messages"))
    assert letter["MessageAttributes"]["reason"]["StringValue"] == (
        f"The stack {NAME} of account {MINE} does not let account {OTHER} read its models; deploy {NAME} in us-east-1 "
        f"with promoteTo={OTHER}."
    )
    assert other.last_number() == before


@pytest.mark.usefixtures("serving")
def test_the_removal_in_one_account_leaves_the_other_one(stack: DeployedStack, other: DeployedStack) -> None:
    live = stack.live_config()
    removed = run_serverless(other.engine, "remove")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert other.client("dynamodb").list_tables()["TableNames"] == []
    assert other.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert "approvals" not in other.client("events").describe_event_bus().get("Policy", "")
    assert stack.live_config() == live
    assert stack.build()["status"] == "succeeded"
