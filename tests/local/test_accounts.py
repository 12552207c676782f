"""Two accounts in one engine: each sees its own resources, and only policies let one use those of the other."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import archive, eventually, name
from tests.local.stack import TRUST
from tests.roles import EVERYTHING, OPEN_QUEUE, create_role

MINE, OTHER = "123456789012", "210987654321"


def client_of(engine: Engine, account: str, service: str, **keys: str) -> Any:
    """A client of an account's owner, or with other keys."""
    given = {"aws_access_key_id": engine.in_account(account).owner, "aws_secret_access_key": "local", **keys}
    session: Any = boto3.session.Session()
    return session.client(service, region_name="us-east-1", endpoint_url=engine.endpoint_url, **given)


def assume(engine: Engine, account: str, role: str, caller: str = "") -> dict[str, str]:
    """The keys of a role's session."""
    answer = client_of(engine, caller or account, "sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="test"
    )["Credentials"]
    members = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey"}
    return {key: answer[each] for key, each in (members | {"aws_session_token": "SessionToken"}).items()}


def make_role(engine: Engine, account: str) -> str:
    """Create a role that anyone may assume, and that may do everything; return its name."""
    role, iam = name("role"), client_of(engine, account, "iam")
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust, policy = (json.dumps({"Version": "2012-10-17", "Statement": [one]}) for one in (statement, EVERYTHING))
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=policy)
    return role


def wait_for(client: Any, stack: str) -> dict[str, Any]:
    """The outputs of a stack, once it is created."""

    def read() -> Any:
        described = client.describe_stacks(StackName=stack)["Stacks"][0]
        assert "FAILED" not in described["StackStatus"], described
        return described if described["StackStatus"].endswith("_COMPLETE") else None

    described = eventually(read)
    assert described["StackStatus"] == "CREATE_COMPLETE", described
    return {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}


STACK: dict[str, Any] = {
    "Resources": {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": {"Fn::Sub": "${AWS::StackName}-who"},
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 60,
                "Code": {
                    "ZipFile": "import boto3\ndef handler(event, context):\n"
                    "    return [boto3.client('sts').get_caller_identity()['Account'], context.invoked_function_arn]\n"
                },
            },
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": {"Fn::Sub": "${AWS::StackName}-table"},
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${AWS::StackName}-queue"}}},
    },
    "Outputs": {
        "Account": {"Value": {"Ref": "AWS::AccountId"}},
        "Function": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}},
    },
}


def test_two_accounts_have_stacks_of_the_same_name_and_do_not_see_each_other(engine: Engine) -> None:
    stack = name("twin")
    for account in (MINE, OTHER):
        cloudformation = client_of(engine, account, "cloudformation")
        cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(STACK), Capabilities=["CAPABILITY_IAM"])
        outputs = wait_for(cloudformation, stack)
        assert outputs["Account"] == account
        assert outputs["Function"] == f"arn:aws:lambda:us-east-1:{account}:function:{stack}-who"
    item = {"id": {"S": "only here"}}
    client_of(engine, OTHER, "dynamodb").put_item(TableName=f"{stack}-table", Item=item)
    assert client_of(engine, MINE, "dynamodb").scan(TableName=f"{stack}-table")["Items"] == []
    for account in (MINE, OTHER, MINE):  # warm functions of the same name are not mixed up
        answer = client_of(engine, account, "lambda").invoke(FunctionName=f"{stack}-who")
        assert json.load(answer["Payload"]) == [account, f"arn:aws:lambda:us-east-1:{account}:function:{stack}-who"]
    client_of(engine, OTHER, "cloudformation").delete_stack(StackName=stack)
    eventually(lambda: f"{stack}-table" not in client_of(engine, OTHER, "dynamodb").list_tables()["TableNames"])
    assert wait_for(client_of(engine, MINE, "cloudformation"), stack)["Account"] == MINE
    assert f"{stack}-table" in client_of(engine, MINE, "dynamodb").list_tables()["TableNames"]


def test_the_number_at_the_end_of_the_key_is_the_account(engine: Engine) -> None:
    assert engine.client("sts").get_caller_identity()["Account"] == MINE
    assert client_of(engine, MINE, "sts").get_caller_identity()["Account"] == MINE
    assert client_of(engine, OTHER, "sts").get_caller_identity()["Account"] == OTHER


def test_a_role_and_a_user_work_in_their_own_account(engine: Engine) -> None:
    role = make_role(engine, OTHER)
    keys = assume(engine, OTHER, role, caller=MINE)
    assert client_of(engine, "", "sts", **keys).get_caller_identity()["Account"] == OTHER
    queue = name("queue")
    client_of(engine, "", "sqs", **keys).create_queue(QueueName=queue)
    assert client_of(engine, OTHER, "sqs").get_queue_url(QueueName=queue)["QueueUrl"].split("/")[-2] == OTHER
    with pytest.raises(ClientError, match="NonExistentQueue"):
        client_of(engine, MINE, "sqs").get_queue_url(QueueName=queue)
    user, iam = name("user"), client_of(engine, OTHER, "iam")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    assert client_of(engine, "", "sts", aws_access_key_id=key).get_caller_identity()["Account"] == OTHER


def test_only_the_trust_policy_of_a_role_lets_the_other_account_assume_it(engine: Engine) -> None:
    mine, trusted = name("role"), make_role(engine, MINE)
    principal = f"arn:aws:iam::{MINE}:role/{trusted}"
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MINE}:root"}, "Action": "sts:AssumeRole"}
    statement["Condition"] = {"ArnLike": {"aws:PrincipalArn": f"{principal}*"}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client_of(engine, OTHER, "iam").create_role(RoleName=mine, AssumeRolePolicyDocument=trust)
    request = {"RoleArn": f"arn:aws:iam::{OTHER}:role/{mine}", "RoleSessionName": "test"}
    keys = assume(engine, MINE, trusted)
    answer = client_of(engine, "", "sts", **keys).assume_role(**request)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/{mine}/test"
    for arguments in ({"account": MINE}, {"account": "333333333333"}, assume(engine, MINE, make_role(engine, MINE))):
        with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole on resource"):
            client_of(engine, **{"account": "", "service": "sts"} | arguments).assume_role(**request)
    with pytest.raises(ClientError, match="AccessDenied"):  # there is no such role
        client_of(engine, "", "sts", **keys).assume_role(**request | {"RoleArn": f"arn:aws:iam::{OTHER}:role/none"})


def test_only_the_policy_of_a_bucket_lets_the_other_account_read(engine: Engine) -> None:
    bucket, mine, other = name("bucket"), client_of(engine, MINE, "s3"), client_of(engine, OTHER, "s3")
    mine.create_bucket(Bucket=bucket)
    mine.put_object(Bucket=bucket, Key="models/a", Body=b"model")
    assert bucket not in [each["Name"] for each in other.list_buckets()["Buckets"]]
    refused: list[Callable[[], Any]] = [
        lambda: other.get_object(Bucket=bucket, Key="models/a"),
        lambda: other.list_objects_v2(Bucket=bucket),
        lambda: other.put_object(Bucket=bucket, Key="models/b", Body=b""),
        lambda: other.delete_object(Bucket=bucket, Key="models/a"),
    ]
    for call in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    principal = {"AWS": f"arn:aws:iam::{OTHER}:root"}
    read = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject"}
    statements = [
        read | {"Resource": f"arn:aws:s3:::{bucket}/models/*"},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/models/secret"},
    ]
    mine.put_object(Bucket=bucket, Key="models/secret", Body=b"1")
    mine.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    assert other.get_object(Bucket=bucket, Key="models/a")["Body"].read() == b"model"
    own = name("own")
    other.create_bucket(Bucket=own)
    other.copy_object(Bucket=own, Key="a", CopySource={"Bucket": bucket, "Key": "models/a"})
    assert other.get_object(Bucket=own, Key="a")["Body"].read() == b"model"
    refused = [
        lambda: other.get_object(Bucket=bucket, Key="models/secret"),
        lambda: other.put_object(Bucket=bucket, Key="models/a", Body=b""),
        lambda: mine.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": own, "Key": "a"}),
    ]
    for call in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    assert mine.get_object(Bucket=bucket, Key="models/a")["Body"].read() == b"model"


def listen(engine: Engine, account: str, source: str) -> str:
    """A queue of an account that gets the events with a source on its default bus; return its URL."""
    sqs, events = client_of(engine, account, "sqs"), client_of(engine, account, "events")
    url: str = sqs.create_queue(QueueName=name("heard"), Attributes=OPEN_QUEUE)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = name("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def read_all(engine: Engine, account: str, url: str, seconds: int = 1) -> list[Any]:
    """The events that arrive at a queue within some seconds."""
    sqs, found = client_of(engine, account, "sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, WaitTimeSeconds=seconds).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
    return found


def bus_policy(detail_type: str) -> dict[str, Any]:
    """A template that lets the default account send events of a type to the bus."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{MINE}:root"},
        "Action": "events:PutEvents",
        "Resource": {"Fn::Sub": "arn:aws:events:us-east-1:${AWS::AccountId}:event-bus/default"},
        "Condition": {"StringEquals": {"events:detail-type": detail_type}},
    }
    properties = {"StatementId": name("accept"), "Statement": statement}
    return {"Resources": {"Policy": {"Type": "AWS::Events::EventBusPolicy", "Properties": properties}}}


def test_an_event_passes_to_the_bus_of_another_account_by_its_policy(engine: Engine) -> None:
    source, bus = name("source"), f"arn:aws:events:us-east-1:{OTHER}:event-bus/default"
    events, cloudformation = client_of(engine, MINE, "events"), client_of(engine, OTHER, "cloudformation")
    heard, own = listen(engine, OTHER, source), listen(engine, MINE, source)
    sqs = client_of(engine, MINE, "sqs")
    dead = sqs.create_queue(QueueName=name("dead"), Attributes=OPEN_QUEUE)["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = name("forward")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "bus", "Arn": bus, "DeadLetterConfig": {"Arn": dead_arn}}])
    entry = {"Source": source, "DetailType": "Allowed", "Detail": '{"n": 1}'}
    events.put_events(Entries=[entry])
    (letter,) = eventually(lambda: read_all(engine, MINE, dead))
    assert letter["detail"] == {"n": 1}, "without a policy"

    stack = name("policy")
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(bus_policy("Allowed")))
    wait_for(cloudformation, stack)
    events.put_events(Entries=[entry | {"Detail": '{"n": 2}'}, entry | {"DetailType": "Other", "Detail": '{"n": 3}'}])
    (event,) = eventually(lambda: read_all(engine, OTHER, heard))
    assert (event["detail"], event["account"]) == ({"n": 2}, MINE)
    assert [each["detail"] for each in eventually(lambda: read_all(engine, MINE, dead))] == [{"n": 3}]
    assert sorted(each["detail"]["n"] for each in read_all(engine, MINE, own)) == [1, 2, 3]

    events.put_events(Entries=[entry | {"EventBusName": bus, "Detail": '{"n": 4}'}])
    assert [each["detail"]["n"] for each in eventually(lambda: read_all(engine, OTHER, heard))] == [4]
    with pytest.raises(ClientError, match="not authorized to perform: events:PutEvents"):
        events.put_events(Entries=[entry | {"EventBusName": bus, "DetailType": "Other"}])
    cloudformation.delete_stack(StackName=stack)
    eventually(lambda: "Policy" not in client_of(engine, OTHER, "events").describe_event_bus())


def test_a_queue_of_another_account_gets_an_event_by_its_policy_alone(engine: Engine) -> None:
    source, sqs, events = name("source"), client_of(engine, OTHER, "sqs"), client_of(engine, MINE, "events")
    url = sqs.create_queue(QueueName=name("heard"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name=name("rule"), EventPattern=json.dumps({"source": [source]}))["RuleArn"]
    events.put_targets(Rule=rule.rpartition("/")[2], Targets=[{"Id": "queue", "Arn": arn}])
    entry = {"Source": source, "DetailType": "Thing", "Detail": '{"n": 1}'}
    events.put_events(Entries=[entry])
    assert read_all(engine, OTHER, url) == []
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    statement |= {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_events(Entries=[entry | {"Detail": '{"n": 2}'}])
    assert [each["detail"]["n"] for each in eventually(lambda: read_all(engine, OTHER, url))] == [2]


def test_a_function_of_the_other_account_hears_of_its_own_queue(engine: Engine) -> None:
    """The poller of a mapping works in the account of its function."""
    lambda_, sqs = (client_of(engine, OTHER, each) for each in ("lambda", "sqs"))
    role = create_role(engine.in_account(OTHER), "lambda")
    heard = sqs.create_queue(QueueName=name("out"))["QueueUrl"]
    source = (
        "import boto3, os\ndef handler(event, context):\n"
        "    for each in event['Records']:\n"
        "        boto3.client('sqs').send_message(QueueUrl=os.environ['OUT'], MessageBody=each['body'])\n"
    )
    function = lambda_.create_function(
        FunctionName=name("function"),
        Role=role,
        Runtime="python3.13",
        Handler="index.handler",
        Code={"ZipFile": archive({"index.py": source})},
        Environment={"Variables": {"OUT": heard}},
    )["FunctionArn"]
    url = sqs.create_queue(QueueName=name("in"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    lambda_.create_event_source_mapping(EventSourceArn=arn, FunctionName=function)
    sqs.send_message(QueueUrl=url, MessageBody='"hello"')
    assert eventually(lambda: read_all(engine, OTHER, heard)) == ["hello"]
