"""Task states in local/: services, jobs and callbacks; errors, timeouts and cancellation."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import Recorder
from tests.local.state_machines import Machines, has_ended, wait_for

LONG = {"Rest": {"Type": "Wait", "Seconds": 60000, "Next": "Done"}, "Done": {"Type": "Succeed"}}


@pytest.fixture(scope="module")
def machines(engine: Engine) -> Machines:
    return Machines.of(engine)


def task(resource: str, arguments: Any, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "End": True} | fields


def error_of(machines: Machines, resource: str, arguments: Any) -> tuple[str, str]:
    ended = machines.run({"Call": task(resource, arguments)})
    assert ended["status"] == "FAILED"
    return ended["error"], ended["cause"]


def test_an_sdk_task_reads_a_parameter_and_returns_dates_as_text(engine: Engine, machines: Machines) -> None:
    engine.client("ssm").put_parameter(Name="/states/one", Value="1", Type="String")
    output = machines.output({"Read": task("aws-sdk:ssm:getParameter", {"Name": "{% $states.input %}"})}, "/states/one")
    assert output["Parameter"]["Value"] == "1"
    assert output["Parameter"]["LastModifiedDate"].endswith("Z")
    assert "ResponseMetadata" not in output


def test_sdk_tasks_store_and_read_objects(engine: Engine, machines: Machines) -> None:
    engine.client("s3").create_bucket(Bucket="states-objects")
    where = {"Bucket": "states-objects", "Key": "deep/one.json"}
    states = {
        "Put": task("aws-sdk:s3:putObject", where | {"Body": {"n": 1}}, Next="Get"),
        "Get": task("aws-sdk:s3:getObject", where, Output="{% $parse($states.result.Body) %}"),
    }
    del states["Put"]["End"]
    assert machines.output(states) == {"n": 1}
    assert error_of(machines, "aws-sdk:s3:getObject", where | {"Key": "none"})[0] == "S3.NoSuchKeyException"


@pytest.fixture(scope="module")
def table(engine: Engine) -> str:
    engine.client("dynamodb").create_table(
        TableName="states-items",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "states-items"


def test_optimized_tasks_write_and_read_items(machines: Machines, table: str) -> None:
    key = {"TableName": table, "Key": {"id": {"S": "a"}}}
    update = key | {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "2"}}}
    states = {
        "Put": task("dynamodb:putItem", {"TableName": table, "Item": {"id": {"S": "a"}, "ok": {"BOOL": True}}}),
        "Update": task("dynamodb:updateItem", update),
        "Get": task("dynamodb:getItem", key, Assign={"item": "{% $states.result.Item %}"}),
        "Delete": task("dynamodb:deleteItem", key, Output="{% $item %}"),
    }
    for name, following in (("Put", "Update"), ("Update", "Get"), ("Get", "Delete")):
        del states[name]["End"]
        states[name]["Next"] = following
    assert machines.output(states) == {"id": {"S": "a"}, "ok": {"BOOL": True}, "n": {"N": "2"}}


@pytest.mark.parametrize(
    ("resource", "error", "label"),
    [
        ("dynamodb:putItem", "DynamoDB.ConditionalCheckFailedException", "Service: AmazonDynamoDBv2; Status Code: 400"),
        ("aws-sdk:dynamodb:putItem", "DynamoDb.ConditionalCheckFailedException", "Service: DynamoDb, Status Code: 400"),
    ],
)
def test_errors_have_the_names_of_the_integration(
    machines: Machines, table: str, resource: str, error: str, label: str
) -> None:
    condition = {"TableName": table, "Item": {"id": {"S": "b"}}, "ConditionExpression": "attribute_exists(id)"}
    name, cause = error_of(machines, resource, condition)
    assert name == error
    assert label in cause


@pytest.mark.parametrize("resource", ["SQS sqs:sendMessage", "Sqs aws-sdk:sqs:sendMessage"])
def test_an_error_of_sqs_has_its_own_name(machines: Machines, resource: str) -> None:
    prefix, _, action = resource.partition(" ")
    unknown = {"QueueUrl": "http://127.0.0.1/123456789012/never-there", "MessageBody": "x"}
    assert error_of(machines, action, unknown)[0] == f"{prefix}.QueueDoesNotExistException"


def test_codes_outside_the_service_model_have_the_general_name(machines: Machines) -> None:
    unknown = {"EndpointName": "never-there"}
    assert error_of(machines, "aws-sdk:sagemaker:describeEndpoint", unknown)[0] == "SageMaker.SageMakerException"
    missing = {"EndpointName": "never-there", "EndpointConfigName": "never-there"}
    error, cause = error_of(machines, "sagemaker:createEndpoint", missing)
    assert error == "SageMaker.AmazonSageMakerException"
    assert "Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException" in cause


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"Name": 1}, "Invalid type for parameter Name"),
        ({"Name": "a", "Colour": 1}, 'The field "Colour" is not supported'),
        ("{% 'text' %}", "Arguments must be a JSON object"),
    ],
)
def test_arguments_are_validated_before_the_call(machines: Machines, arguments: Any, problem: str) -> None:
    error, cause = error_of(machines, "aws-sdk:ssm:getParameter", arguments)
    assert error == "States.Runtime"
    assert problem in cause


@pytest.mark.parametrize(
    ("resource", "arguments", "error", "cause"),
    [
        (
            "aws-sdk:dynamodb:putItem",
            {"Item": None},
            "DynamoDb.DynamoDbException",
            "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: Member must not be "
            "null; Value null at 'item' failed to satisfy constraint: Member must not be null "
            "(Service: DynamoDb, Status Code: 400, Request ID: <id>) (SDK Attempt Count: 1)",
        ),
        (
            "dynamodb:putItem",
            {"TableName": "any", "Item": None},
            "DynamoDB.AmazonDynamoDBException",
            "1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null "
            "(Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; Request ID: <id>; "
            "Proxy: null)",
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": "http://127.0.0.1/123456789012/any", "MessageBody": None},
            "SQS.AmazonSQSException",
            "The request must contain the parameter MessageBody. "
            "(Service: AmazonSQS; Status Code: 400; Error Code: MissingParameter; Request ID: <id>; Proxy: null)",
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": "https://my-queue", "MessageBody": "any"},
            "SQS.SdkClientException",
            "Unable to execute HTTP request: my-queue: Name or service not known",
        ),
    ],
)
def test_an_invalid_argument_fails_like_the_services_own_check(
    machines: Machines, resource: str, arguments: Any, error: str, cause: str
) -> None:
    raised = error_of(machines, resource, arguments)
    assert (raised[0], re.sub(r"Request ID: [^;)]+", "Request ID: <id>", raised[1])) == (error, cause)


def test_an_optimized_result_contains_the_metadata_of_the_call(machines: Machines, table: str) -> None:
    read = {"TableName": table, "Key": {"id": {"S": "never-there"}}}
    output = machines.output({"Get": task("dynamodb:getItem", read)})
    assert list(output) == ["SdkHttpMetadata", "SdkResponseMetadata"]
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    headers = output["SdkHttpMetadata"]["HttpHeaders"]
    assert output["SdkHttpMetadata"]["AllHttpHeaders"] == {name: [value] for name, value in headers.items()}
    assert output["SdkResponseMetadata"]["RequestId"]
    assert machines.output({"Get": task("aws-sdk:dynamodb:getItem", read)}) == {}


def test_a_blob_of_an_sdk_task_is_json(engine: Engine, machines: Machines) -> None:
    engine.client("s3").create_bucket(Bucket="states-blobs")
    machines.output({"Put": task("aws-sdk:s3:putObject", {"Bucket": "states-blobs", "Key": "a", "Body": "text"})})
    assert engine.client("s3").get_object(Bucket="states-blobs", Key="a")["Body"].read() == b'"text"'
    read = machines.output({"Get": task("aws-sdk:s3:getObject", {"Bucket": "states-blobs", "Key": "a"})})
    assert read["ServerSideEncryption"] == "AES256"
    assert not [name for name in read if name.startswith("Checksum")]


def test_message_fields_accept_json(engine: Engine, machines: Machines) -> None:
    queue = engine.client("sqs").create_queue(QueueName="states-messages")["QueueUrl"]
    topic = engine.client("sns").create_topic(Name="states-messages")["TopicArn"]
    states = {
        "Send": task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"n": 1}}),
        "Publish": task("sns:publish", {"TopicArn": topic, "Message": {"n": 2}}),
        "Put": task("events:putEvents", {"Entries": [{"Source": "me", "DetailType": "d", "Detail": {"n": 3}}]}),
    }
    assert "MD5OfMessageBody" in machines.output({"Send": states["Send"]})
    received = engine.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert [json.loads(message["Body"]) for message in received] == [{"n": 1}]
    assert "MessageId" in machines.output({"Publish": states["Publish"]})
    assert machines.output({"Put": states["Put"]})["FailedEntryCount"] == 0


def nested(machine_arn: str, pattern: str = ".sync:2", **fields: Any) -> dict[str, Any]:
    return task(f"states:startExecution{pattern}", {"StateMachineArn": machine_arn, "Input": {"n": 3}}, **fields)


def test_a_sync_task_waits_for_a_nested_execution(machines: Machines) -> None:
    inner = machines.create({"Report": {"Type": "Succeed", "Output": "{% {'twice': $states.input.n * 2} %}"}})
    reported = machines.output({"Run": nested(inner)})
    assert (reported["Status"], reported["Output"], reported["Input"]) == ("SUCCEEDED", {"twice": 6}, {"n": 3})
    assert isinstance(reported["StartDate"], int)
    assert machines.output({"Run": nested(inner, ".sync")})["Output"] == '{"twice":6}'
    assert {"ExecutionArn", "StartDate"} < set(machines.output({"Run": nested(inner, "")}))


def test_a_sync_task_may_end_with_its_token(machines: Machines) -> None:
    inner = machines.create(LONG)
    given = {"StateMachineArn": inner, "Input": {"token": "{% $states.context.Task.Token %}"}}
    outer = machines.start(machines.create({"Run": task("states:startExecution.sync:2", given)}))
    started = machines.states.describe_execution(executionArn=only_execution(machines, inner)["executionArn"])
    machines.states.send_task_success(taskToken=json.loads(started["input"])["token"], output='"by token"')
    assert machines.finish(outer)["output"] == '"by token"'
    assert only_execution(machines, inner)["status"] == "RUNNING"
    machines.states.stop_execution(executionArn=started["executionArn"])


def test_a_failed_job_fails_its_task_with_the_description_as_cause(machines: Machines) -> None:
    inner = machines.create({"Fail": {"Type": "Fail", "Error": "Own", "Cause": "So it is."}})
    ended = machines.run({"Run": nested(inner)})
    assert ended["error"] == "States.TaskFailed"
    cause = json.loads(ended["cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "Own", "So it is.")


def only_execution(machines: Machines, machine_arn: str) -> dict[str, Any]:
    def look() -> list[dict[str, Any]]:
        return list(machines.states.list_executions(stateMachineArn=machine_arn)["executions"])

    found: dict[str, Any] = wait_for(look, bool)[0]
    return found


def ended_inner(machines: Machines, machine_arn: str) -> str:
    return str(wait_for(lambda: only_execution(machines, machine_arn), has_ended)["status"])


def test_stopping_an_execution_stops_its_job(machines: Machines) -> None:
    inner = machines.create(LONG)
    outer = machines.start(machines.create({"Run": nested(inner)}))
    assert only_execution(machines, inner)["status"] == "RUNNING"
    machines.states.stop_execution(executionArn=outer)
    assert machines.states.describe_execution(executionArn=outer)["status"] == "ABORTED"
    assert ended_inner(machines, inner) == "ABORTED"


def test_deleting_a_state_machine_stops_its_jobs(machines: Machines) -> None:
    inner = machines.create(LONG)
    machine = machines.create({"Run": nested(inner)})
    machines.start(machine)
    only_execution(machines, inner)
    machines.states.delete_state_machine(stateMachineArn=machine)
    assert ended_inner(machines, inner) == "ABORTED"


def test_a_timeout_stops_the_job_and_can_be_caught(machines: Machines) -> None:
    inner = machines.create(LONG)
    catch = [
        {"ErrorEquals": ["States.TaskFailed"], "Next": "Wrong"},
        {"ErrorEquals": ["States.Timeout"], "Next": "Late"},
    ]
    states = {
        "Run": nested(inner, TimeoutSeconds=1, Catch=catch),
        "Late": {"Type": "Succeed", "Output": "late"},
        "Wrong": {"Type": "Fail", "Error": "Wrong"},
    }
    began = time.monotonic()
    assert machines.output(states) == "late"
    assert time.monotonic() - began >= 1
    assert ended_inner(machines, inner) == "ABORTED"


def test_a_failed_branch_stops_the_jobs_of_other_branches(machines: Machines) -> None:
    inner = machines.create(LONG)
    fail = {"Rest": {"Type": "Wait", "Seconds": 10, "Next": "Fail"}, "Fail": {"Type": "Fail", "Error": "Own"}}
    branches = [{"StartAt": "Run", "States": {"Run": nested(inner)}}, {"StartAt": "Rest", "States": fail}]
    ended = machines.run({"Both": {"Type": "Parallel", "Branches": branches, "End": True}})
    assert (ended["status"], ended["error"]) == ("FAILED", "Own")
    assert ended_inner(machines, inner) == "ABORTED"


@pytest.fixture(scope="module")
def queue(engine: Engine) -> str:
    return str(engine.client("sqs").create_queue(QueueName="states-tokens")["QueueUrl"])


def asking(queue: str, **fields: Any) -> dict[str, Any]:
    arguments = {"QueueUrl": queue, "MessageBody": {"token": "{% $states.context.Task.Token %}"}}
    return {"Ask": task("sqs:sendMessage.waitForTaskToken", arguments, **fields)}


def token_from(engine: Engine, queue: str) -> str:
    sqs = engine.client("sqs")
    message = wait_for(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), bool)[0]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return str(json.loads(message["Body"])["token"])


def test_a_token_completes_its_task_once(engine: Engine, machines: Machines, queue: str) -> None:
    arn = machines.start(machines.create(asking(queue)))
    token = token_from(engine, queue)
    machines.states.send_task_success(taskToken=token, output='{"yes": true}')
    assert json.loads(machines.finish(arn)["output"]) == {"yes": True}
    with pytest.raises(ClientError) as raised:
        machines.states.send_task_success(taskToken=token, output="{}")
    assert raised.value.response["Error"]["Code"] == "TaskTimedOut"


def test_a_token_fails_its_task(engine: Engine, machines: Machines, queue: str) -> None:
    arn = machines.start(machines.create(asking(queue)))
    machines.states.send_task_failure(taskToken=token_from(engine, queue), error="No", cause="Said no.")
    ended = machines.finish(arn)
    assert (ended["error"], ended["cause"]) == ("No", "Said no.")


def test_a_task_without_heartbeats_times_out(engine: Engine, machines: Machines, queue: str) -> None:
    began = time.monotonic()
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Rest"}]
    arn = machines.start(machines.create(asking(queue, HeartbeatSeconds=3, Catch=catch) | LONG))
    token = token_from(engine, queue)
    time.sleep(0.6)
    machines.states.send_task_heartbeat(taskToken=token)
    wait_for(lambda: str(machines.history(arn)), lambda events: "WaitStateEntered" in events)
    assert time.monotonic() - began > 3.5
    with pytest.raises(ClientError) as raised:
        machines.states.send_task_success(taskToken=token, output="{}")
    assert raised.value.response["Error"]["Code"] == "TaskTimedOut"
    machines.states.stop_execution(executionArn=arn)


def test_stopping_an_execution_ends_a_task_that_waits_for_its_token(
    engine: Engine, machines: Machines, queue: str
) -> None:
    arn = machines.start(machines.create(asking(queue)))
    token = token_from(engine, queue)
    machines.states.stop_execution(executionArn=arn)
    assert machines.finish(arn)["status"] == "ABORTED"
    with pytest.raises(ClientError) as raised:
        machines.states.send_task_success(taskToken=token, output="{}")
    assert raised.value.response["Error"]["Code"] == "TaskTimedOut"
    with pytest.raises(ClientError) as raised:
        machines.states.send_task_success(taskToken="never made", output="{}")
    assert raised.value.response["Error"]["Code"] == "InvalidToken"


def test_a_retried_task_gets_a_new_token(engine: Engine, machines: Machines, queue: str) -> None:
    retry = [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    seconds = {"TimeoutSeconds": "{% $states.input.seconds %}"}
    arn = machines.start(machines.create(asking(queue, Retry=retry, **seconds)), {"seconds": 2})
    first, second = token_from(engine, queue), token_from(engine, queue)
    with pytest.raises(ClientError) as raised:
        machines.states.send_task_success(taskToken=first, output="1")
    assert raised.value.response["Error"]["Code"] == "TaskTimedOut"
    machines.states.send_task_success(taskToken=second, output="2")
    assert machines.finish(arn)["output"] == "2"
    assert first != second


def test_a_function_task_can_wait_for_its_token(engine: Engine, machines: Machines, tmp_path: Path) -> None:
    recorder = Recorder.deploy(engine, tmp_path)
    arguments = {"FunctionName": recorder.arn, "Payload": {"token": "{% $states.context.Task.Token %}"}}
    arn = machines.start(machines.create({"Ask": task("lambda:invoke.waitForTaskToken", arguments)}))
    (event,) = recorder.wait()
    time.sleep(0.5)
    assert machines.states.describe_execution(executionArn=arn)["status"] == "RUNNING"
    machines.states.send_task_success(taskToken=event["token"], output='{"yes": true}')
    assert json.loads(machines.finish(arn)["output"]) == {"yes": True}


def test_a_failed_function_invalidates_its_token(engine: Engine, machines: Machines, tmp_path: Path) -> None:
    recorder = Recorder.deploy(engine, tmp_path, fails=True)
    arguments = {"FunctionName": recorder.arn, "Payload": {"token": "{% $states.context.Task.Token %}"}}
    ended = machines.run({"Ask": task("lambda:invoke.waitForTaskToken", arguments)})
    assert (ended["status"], ended["error"]) == ("FAILED", "RuntimeError")
    with pytest.raises(ClientError) as raised:
        machines.states.send_task_success(taskToken=recorder.events[0]["token"], output="{}")
    assert raised.value.response["Error"]["Code"] == "TaskTimedOut"
