"""Every trigger starts a build, on a deployment that has all of them switched on."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.e2e.stack import NAME, DeployedStack, deploy, wait_until
from tests.engine import running_engine
from tests.eventbridge import samples
from tests.identities import ISSUER, sign

WRONG = {"trainmaxrun": -1}  # such a build ends in its first step
UPLOADS = 200


@pytest.fixture(scope="module")
def triggered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """The service with every trigger, on an engine of its own."""
    with running_engine(tmp_path_factory.mktemp("triggers"), "--time-scale", "20") as engine:
        topic = engine.client("sns").create_topic(Name="mine")["TopicArn"]
        switches = [f"{name}={value}" for sample in samples().values() for name, value in sample.deploy.items()]
        stack = deploy(engine, *switches, f"triggerTopic={topic}", "githubRepository=octo/model")
        stack.finish(1)  # of the data that every test's stack uploads first
        yield stack


def follow(stack: DeployedStack, before: int) -> dict[str, Any]:
    """Return the record of the next build once it has ended."""
    wait_until(lambda: stack.last_number() > before)
    return stack.finish(before + 1)


def test_the_first_upload_has_started_a_build(triggered: DeployedStack) -> None:
    trigger = triggered.record(1)["trigger"]
    assert trigger == {
        "kind": "upload",
        "detail": f"s3://{triggered.outputs['DataBucket']}/train/digits.csv",
        "rollback": "",
    }


def test_hundreds_of_uploads_while_a_build_runs_are_one_more(triggered: DeployedStack) -> None:
    triggered.set_parameters(hyperparameters={"trouble": "endless"})
    number = triggered.start_by_voice()
    triggered.wait_for_training(number)
    s3, bucket = triggered.client("s3"), triggered.outputs["DataBucket"]

    def upload(position: int) -> None:
        s3.put_object(Bucket=bucket, Key=f"train/{position:04}.csv", Body=b"1,2\n")
        if position % 20 == 0:
            s3.put_object(Bucket=bucket, Key=f"elsewhere/{position:04}.csv", Body=b"1,2\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, range(UPLOADS)))
    wait_until(lambda: waiting(triggered) == UPLOADS)
    triggered.set_parameters(**WRONG)
    conversation = triggered.converse()
    conversation.say("stop_build")
    conversation.say("yes")
    record = follow(triggered, number)
    assert (record["requests"], record["request_kinds"]) == (UPLOADS, {"upload": UPLOADS})
    (message,) = triggered.read_notifications(number)
    assert f"the first of {UPLOADS} requests ({UPLOADS} upload)" in message
    assert triggered.last_number() == number + 1
    for key in [f"train/{position:04}.csv" for position in range(UPLOADS)]:
        s3.delete_object(Bucket=bucket, Key=key)


def waiting(stack: DeployedStack) -> int:
    """Return how many requests the pending build covers."""
    key = {"kind": {"S": "stack"}, "number": {"N": "0"}}
    item = stack.client("dynamodb").get_item(TableName=stack.outputs["BuildsTable"], Key=key)["Item"]
    return int(item["pending"].get("M", {}).get("count", {"N": "0"})["N"])


def test_an_alarm_starts_a_build_when_it_goes_off(triggered: DeployedStack) -> None:
    triggered.set_parameters(**WRONG)
    before, cloudwatch = triggered.last_number(), triggered.client("cloudwatch")
    for name in ("drift", "another"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="house",
            MetricName=name,
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    for name in ("another", "drift"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    record = follow(triggered, before)
    assert (record["trigger"], record["requests"]) == ({"kind": "alarm", "detail": "drift", "rollback": ""}, 1)


def test_a_message_to_your_own_topic_starts_a_build(triggered: DeployedStack) -> None:
    triggered.set_parameters(**WRONG)
    before = triggered.last_number()
    topic = "arn:aws:sns:us-east-1:123456789012:mine"
    triggered.client("sns").publish(TopicArn=topic, Message="the feature store is filled")
    assert follow(triggered, before)["trigger"] == {
        "kind": "topic",
        "detail": "the feature store is filled",
        "rollback": "",
    }


def test_every_rule_leads_to_the_launch_queue(triggered: DeployedStack) -> None:
    events = triggered.client("events")
    rules = {rule["Name"].split("-")[2]: rule for rule in events.list_rules(NamePrefix=NAME)["Rules"]}
    assert rules["ScheduleRule"]["ScheduleExpression"] == "rate(7 days)"
    for name in [sample.rule for sample in samples().values()]:
        (target,) = events.list_targets_by_rule(Rule=rules[name]["Name"])["Targets"]
        assert ":sagebuild-dev-LaunchQueue-" in target["Arn"]
    assert "GithubRoleArn" in triggered.outputs


def test_a_github_workflow_requests_builds_of_this_stack_by_events(triggered: DeployedStack) -> None:
    triggered.set_parameters(**WRONG)
    before, role_arn = triggered.last_number(), triggered.outputs["GithubRoleArn"]
    triggered.client("iam").create_open_id_connect_provider(
        Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )

    def assume(branch: str) -> Any:
        token = sign(sub=f"repo:octo/model:ref:refs/heads/{branch}")
        identity = {"RoleSessionName": "fraud", "WebIdentityToken": token}
        return triggered.client("sts").assume_role_with_web_identity(RoleArn=role_arn, **identity)["Credentials"]

    with pytest.raises(ClientError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        assume("other")
    key = assume("main")
    session: Any = boto3.session.Session()
    workflow = session.client(
        "events",
        region_name="us-east-1",
        endpoint_url=triggered.engine.endpoint_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )
    detail = json.dumps({"trigger": "push", "detail": "octo/model 0123456"})
    entry = {"Source": "sagebuild", "Detail": detail}
    with pytest.raises(ClientError, match="not authorized to perform: events:PutEvents"):
        workflow.put_events(Entries=[entry | {"DetailType": "sagebuild-prod/fraud"}])
    workflow.put_events(Entries=[entry | {"DetailType": f"{NAME}/"}])
    assert follow(triggered, before)["trigger"] == {"kind": "push", "detail": "octo/model 0123456", "rollback": ""}


def test_parameters_of_a_message_are_for_its_build_only(triggered: DeployedStack) -> None:
    triggered.set_parameters()
    before = triggered.last_number()
    message = json.dumps({"hyperparameters": {"trouble": "training"}})
    triggered.client("sns").publish(TopicArn=triggered.outputs["LaunchTopicArn"], Message=message)
    record = follow(triggered, before)
    assert "the learning rate makes no sense" in record["reason"]
    assert json.loads(record["overrides"]) == json.loads(message)
    assert "trouble" not in record["parameters"]


def test_an_unreadable_message_is_set_aside_with_its_reason(triggered: DeployedStack) -> None:
    before = triggered.last_number()
    for message in ('{"trainmaxrum": 1}', '{"Service": "Amazon S3", "Event": "s3:TestEvent"}'):
        triggered.client("sns").publish(TopicArn=triggered.outputs["LaunchTopicArn"], Message=message)
    sqs = triggered.client("sqs")
    url = sqs.list_queues(QueueNamePrefix=f"{NAME}-DeadLetterQueue")["QueueUrls"][0]
    answer = wait_until(
        lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"]).get("Messages")
    )
    assert "did you mean 'trainmaxrun'?" in answer[0]["MessageAttributes"]["reason"]["StringValue"]
    assert triggered.last_number() == before
