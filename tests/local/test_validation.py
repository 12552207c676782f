"""local/ refuses the parameters that AWS refuses, with AWS's codes, and accepts valid ones."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.validation import compiled
from tests.engine import Engine
from tests.roles import create_role

SESSION: Any = boto3.session.Session()
ROLE = "arn:aws:iam::123456789012:role/trainer"
TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": ROLE,
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/output"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}


@pytest.fixture
def unchecked(engine: Engine) -> Callable[[str], Any]:
    """Clients without parameter validation, like those of some other languages."""

    def client(service: str) -> Any:
        return SESSION.client(
            service,
            region_name="us-east-1",
            endpoint_url=engine.endpoint_url,
            aws_access_key_id=engine.owner,
            aws_secret_access_key="local",
            config=Config(parameter_validation=False, retries={"max_attempts": 0}),
        )

    return client


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        (
            {"TrainingJobName": "under_score"},
            "Value 'under_score' at 'trainingJobName' failed to satisfy constraint: Member must satisfy regular "
            "expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        (
            {"TrainingJobName": "a" * 64},
            "at 'trainingJobName' failed to satisfy constraint: Member must have length less",
        ),
        ({"RoleArn": None}, "Value null at 'roleArn' failed to satisfy constraint: Member must not be null"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 0}},
            "Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy constraint: Member must have value "
            "greater than or equal to 1",
        ),
        (
            {"AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "Pipes"}},
            "at 'algorithmSpecification.trainingInputMode' failed to satisfy constraint: Member must satisfy enum",
        ),
        (
            {"InputDataConfig": [{"ChannelName": "a b", "DataSource": {}}]},
            "Value 'a b' at 'inputDataConfig.1.member.channelName' failed",
        ),
        ({"HyperParameters": {"k": "v" * 2501}}, "at 'hyperParameters.k.member' failed to satisfy constraint"),
        (
            {"Tags": [{"Key": "k", "Value": "v"}] * 51},
            "at 'tags' failed to satisfy constraint: Member must have length",
        ),
    ],
)
def test_a_training_job_is_refused(unchecked: Callable[[str], Any], changed: dict[str, Any], constraint: str) -> None:
    given = {
        key: value for key, value in ({"TrainingJobName": "job"} | TRAINING | changed).items() if value is not None
    }
    code, message = refusal(unchecked("sagemaker").create_training_job, **given)
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: ")
    assert constraint in message


def test_every_violation_is_in_the_message(unchecked: Callable[[str], Any]) -> None:
    _, message = refusal(
        unchecked("sagemaker").create_training_job, **TRAINING | {"TrainingJobName": "-", "RoleArn": "x"}
    )
    assert message.startswith("3 validation errors detected: ")
    assert message.count("; ") == 2


def test_a_wrong_type_is_a_serialization_error(unchecked: Callable[[str], Any]) -> None:
    code, message = refusal(unchecked("ssm").put_parameter, Name="/typed", Value=5)
    assert (code, message) == ("SerializationException", "int at 'value' can not be converted to string")


def test_the_error_for_an_unknown_member_names_it(engine: Engine) -> None:
    def misspell(params: dict[str, Any], **_: Any) -> None:
        params.update(body=b'{"Name": "/n", "Value": "v", "Type": "String", "Overwrit": true}')

    ssm, event = engine.client("ssm"), "before-call.ssm.PutParameter"
    ssm.meta.events.register(event, misspell)
    try:
        code, message = refusal(ssm.put_parameter, Name="/n", Value="v")
    finally:
        ssm.meta.events.unregister(event, misspell)
    assert code == "ValidationException"
    assert "Value 'true' at 'overwrit' failed to satisfy constraint: Member is unknown" in message


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("stepfunctions", "start_execution", {"stateMachineArn": "arn", "name": "n" * 81}, "ValidationException"),
        ("lambda", "get_function", {"FunctionName": "a b"}, "ValidationException"),
        ("events", "put_rule", {"Name": "a b"}, "ValidationException"),
        ("dynamodb", "describe_table", {}, "ValidationException"),
        ("sns", "create_topic", {}, "InvalidParameter"),
        ("sqs", "create_queue", {}, "MissingParameter"),
        ("codebuild", "start_build", {}, "ValidationException"),
        ("iam", "get_role", {"RoleName": "a b"}, "ValidationError"),
        ("ecr", "describe_repositories", {"repositoryNames": ["UPPER"]}, "ValidationException"),
    ],
)
def test_each_service_answers_with_its_own_code(
    unchecked: Callable[[str], Any], service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    answered, message = refusal(getattr(unchecked(service), operation), **parameters)
    assert answered == code
    assert "validation error detected: Value" in message


def test_valid_parameters_are_accepted(engine: Engine) -> None:
    engine.client("ssm").put_parameter(Name="/valid/one", Value='{"a":\n1}', Type="String", Tier="Intelligent-Tiering")
    create_role(engine, "sagemaker", name="trainer")
    engine.client("sagemaker").create_model(
        ModelName="valid-model",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": "image", "Environment": {"LINES": "one\ntwo"}},
        Tags=[{"Key": "Größe", "Value": "ünïcode"}],
    )
    queue = engine.client("sqs").create_queue(QueueName="valid.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    engine.client("sqs").send_message(QueueUrl=queue, MessageBody="b", MessageGroupId="g", MessageDeduplicationId="d")
    table = engine.client("dynamodb")
    table.create_table(
        TableName="valid",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"id": {"S": "1"}, "blob": {"B": b"\x00\xff"}, "none": {"NULL": True}, "deep": {"M": {"n": {"N": "1.5"}}}}
    table.put_item(TableName="valid", Item=item)
    assert table.get_item(TableName="valid", Key={"id": {"S": "1"}})["Item"] == item


def test_a_large_compressed_request_is_read(engine: Engine) -> None:
    data = [{"MetricName": f"metric-{number}", "Value": number} for number in range(500)]
    engine.client("cloudwatch").put_metric_data(Namespace="valid", MetricData=data)
    assert len(engine.client("cloudwatch").list_metrics(Namespace="valid")["Metrics"]) == 500


@pytest.mark.parametrize(
    "pattern",
    [r"\p{ASCII}*", r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF]*"],
)
def test_java_only_patterns_are_left_unchecked(pattern: str) -> None:
    assert compiled(pattern) is None


def test_patterns_match_ascii_only_as_in_java() -> None:
    digits = compiled(r"\d+")
    assert digits
    assert digits.fullmatch("12")
    assert not digits.fullmatch("١٢")


@pytest.mark.parametrize("value", [{}, {"S": "a", "N": "1"}, {"L": [{}]}, {"M": {"a": {}}}])
def test_an_attribute_of_dynamodb_has_exactly_one_type(unchecked: Callable[[str], Any], value: dict[str, Any]) -> None:
    item = {"id": {"S": "a"}, "x": value}
    calls: dict[str, Any] = {
        "put_item": {"TableName": "any", "Item": item},
        "batch_write_item": {"RequestItems": {"any": [{"PutRequest": {"Item": item}}]}},
        "transact_write_items": {"TransactItems": [{"Put": {"TableName": "any", "Item": item}}]},
    }
    for operation, given in calls.items():
        with pytest.raises(ClientError, match="must contain exactly one of the supported datatypes") as refused:
            getattr(unchecked("dynamodb"), operation)(**given)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
