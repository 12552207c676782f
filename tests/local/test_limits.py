"""What AWS refuses although botocore's models allow it: sizes, tiers, names and tags."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import name

Publish = Callable[..., Any]


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    """The error code of a refusal."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


@pytest.fixture
def publish(engine: Engine) -> Publish:
    """Publish on a new topic."""
    sns = engine.client("sns")
    topic = sns.create_topic(Name=name("topic"))["TopicArn"]
    return lambda **parameters: sns.publish(TopicArn=topic, **parameters)


def put(engine: Engine, parameter: str, value: str, **more: Any) -> str:
    """Write a parameter; its tier."""
    given = {"Name": parameter, "Value": value, "Type": "String", **more}
    return str(engine.client("ssm").put_parameter(**given)["Tier"])


def test_a_standard_parameter_has_4096_bytes_and_an_advanced_one_8192(engine: Engine) -> None:
    standard, advanced, chosen = name("p"), name("p"), name("p")
    assert put(engine, standard, "x" * 4096) == "Standard"
    for value in ("x" * 4097, "é" * 2049):
        with pytest.raises(ClientError, match="Standard tier parameters support a maximum parameter value of 4096"):
            put(engine, standard, value, Overwrite=True)
    assert put(engine, advanced, "x" * 8192, Tier="Advanced") == "Advanced"
    with pytest.raises(ClientError, match="ValidationException"):
        put(engine, advanced, "x" * 8193, Overwrite=True)
    assert put(engine, chosen, "x" * 4096, Tier="Intelligent-Tiering") == "Standard"
    assert put(engine, chosen, "x" * 4097, Tier="Intelligent-Tiering", Overwrite=True) == "Advanced"


def test_an_advanced_parameter_stays_advanced(engine: Engine) -> None:
    parameter = name("p")
    put(engine, parameter, "x", Tier="Advanced")
    assert put(engine, parameter, "x" * 5000, Overwrite=True) == "Advanced"
    assert put(engine, parameter, "x", Tier="Intelligent-Tiering", Overwrite=True) == "Advanced"
    with pytest.raises(ClientError, match="ValidationException"):
        put(engine, parameter, "x", Tier="Standard", Overwrite=True)


@pytest.mark.parametrize(
    ("parameter", "code"),
    [
        ("with space", "ValidationException"),
        ("no/leading/slash", "ValidationException"),
        ("é", "ValidationException"),
        ("a" * 967, "ValidationException"),  # 45 characters of the ARN are before it, so 966 are left
        ("/level" * 16, "HierarchyLevelLimitExceededException"),
    ],
)
def test_a_wrong_name_of_a_parameter_is_refused(engine: Engine, parameter: str, code: str) -> None:
    assert refusal(lambda: put(engine, parameter, "x")) == code


@pytest.mark.parametrize("parameter", ["a" * 966, "/level" * 15, "a.b-c_D9"])
def test_a_right_name_of_a_parameter_is_accepted(engine: Engine, parameter: str) -> None:
    assert put(engine, parameter, "x") == "Standard"


def test_a_value_must_match_the_pattern_of_its_parameter(engine: Engine) -> None:
    parameter = name("p")
    put(engine, parameter, "12", AllowedPattern="^[0-9]+$")
    assert refusal(lambda: put(engine, parameter, "ab", Overwrite=True)) == "ParameterPatternMismatchException"
    assert refusal(lambda: put(engine, name("p"), "a", AllowedPattern="(")) == "InvalidAllowedPatternException"
    slow = {"AllowedPattern": r"((?:a+)+)\d", "Value": "a" * 4000}
    assert refusal(lambda: put(engine, name("p"), "", **slow)) == "InvalidAllowedPatternException"


@pytest.mark.parametrize(
    "parameters",
    [
        {"Message": "m", "Subject": "two\nlines"},
        {"Message": "m", "Subject": "bell\x07"},
        {"Message": "m", "Subject": ""},
        {"Message": "m", "Subject": "x" * 101},
        {"Message": ""},
        {"Message": "x" * 262_145},
        {"Message": "é" * 131_073},
        {"Message": "x" * 262_134, "MessageAttributes": {"name": {"DataType": "String", "StringValue": "v"}}},
        {"Message": "no JSON", "MessageStructure": "json"},
        {"Message": '{"sqs": "no default"}', "MessageStructure": "json"},
        {"Message": '{"default": 1}', "MessageStructure": "json"},
    ],
)
def test_a_message_that_sns_refuses(publish: Publish, parameters: dict[str, Any]) -> None:
    assert refusal(publish, **parameters) == "InvalidParameter"


@pytest.mark.parametrize(
    "parameters",
    [
        {"Message": "x" * 262_144, "Subject": "Größe"},
        {"Message": "é" * 131_072},
        {"Message": "x" * 262_133, "MessageAttributes": {"name": {"DataType": "String", "StringValue": "v"}}},
        {"Message": '{"default": ""}', "MessageStructure": "json"},
    ],
)
def test_a_message_that_sns_takes(publish: Publish, parameters: dict[str, Any]) -> None:
    assert publish(**parameters)["MessageId"]


BAD_TAGS = [("aws:mine", "v"), ("AWS:mine", "v"), ("k", "a;b"), ("k<", "v"), ("k" * 129, "v"), ("k", "v" * 257)]


@pytest.mark.parametrize(("key", "value"), BAD_TAGS)
def test_a_tag_that_aws_refuses(engine: Engine, key: str, value: str) -> None:
    tags = [{"Key": key, "Value": value}]
    sqs = engine.client("sqs")
    assert refusal(sqs.create_queue, QueueName=name("queue"), tags={key: value}) == "InvalidParameterValue"
    assert refusal(engine.client("sns").create_topic, Name=name("topic"), Tags=tags) == "InvalidParameter"
    sagemaker = engine.client("sagemaker")
    code = refusal(sagemaker.create_model_package_group, ModelPackageGroupName=name("group"), Tags=tags)
    assert code == "ValidationException"


def test_tags_of_any_language_are_accepted_and_keys_are_unique(engine: Engine) -> None:
    sns, tag = engine.client("sns"), {"Key": "ключ é", "Value": "1 _.:/=+-@"}
    topic = sns.create_topic(Name=name("topic"), Tags=[tag])["TopicArn"]
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [tag]
    assert refusal(sns.tag_resource, ResourceArn=topic, Tags=[tag, tag]) == "InvalidParameter"


@pytest.mark.parametrize(
    "bucket",
    [
        "Bad-Name",
        "under_score",
        "a..b",
        "192.168.1.1",
        "-abc",
        "abc-",
        "xn--abc",
        "sthree-abc",
        "abc-s3alias",
        "abc.mrap",
    ],
)
def test_a_wrong_name_of_a_bucket_is_refused(engine: Engine, bucket: str) -> None:
    assert refusal(engine.client("s3").create_bucket, Bucket=bucket) == "InvalidBucketName"


def test_a_key_has_1024_bytes(engine: Engine) -> None:
    s3, bucket = engine.client("s3"), name("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="é" * 512, Body=b"")
    assert refusal(s3.put_object, Bucket=bucket, Key="é" * 512 + "x", Body=b"") == "KeyTooLongError"


def test_wrong_names_of_stacks_tables_and_functions_are_refused(engine: Engine) -> None:
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    create_stack = engine.client("cloudformation").create_stack
    for stack in ("under_score", "1st", "a" * 129):
        assert refusal(create_stack, StackName=stack, TemplateBody=template) == "ValidationError"
    table = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    for wrong in ("a b", "ab", "a" * 256):
        assert refusal(engine.client("dynamodb").create_table, TableName=wrong, **table) == "ValidationException"
    function = {"Role": "arn:aws:iam::123456789012:role/r", "Code": {"ZipFile": b"x"}, "Handler": "a.b"}
    for given in ({"FunctionName": "f" * 65}, {"FunctionName": "f", "Timeout": 901}):
        create = engine.client("lambda").create_function
        assert refusal(create, Runtime="python3.13", **function, **given) == "ValidationException"
