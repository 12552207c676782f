"""API destinations in local/: EventBridge makes real HTTP requests, with the connection's secret, and retries."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import eventually, name, queue, receive
from tests.local.stack import Stack
from tests.local.test_events import put_event, put_rule
from tests.web import WebServer, running_web_server

KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "Bearer hidden-token"}}
ALLOWED = {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": "*"}


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A server that receives the events."""
    with running_web_server() as server:
        yield server


def make_role(engine: Engine, *statements: dict[str, Any]) -> str:
    """A role for EventBridge with these permissions."""
    iam, role = engine.client("iam"), name("role")
    principal = {"Service": "events.amazonaws.com"}
    trust = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if statements:
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy)
    return str(arn)


def make_target(engine: Engine, url: str, parameters: Any = None, authorization: str = "API_KEY") -> dict[str, Any]:
    """An API destination with a connection, as the target of a rule."""
    events = engine.client("events")
    connection = events.create_connection(
        Name=name("connection"), AuthorizationType=authorization, AuthParameters=parameters or KEY
    )["ConnectionArn"]
    destination = events.create_api_destination(
        Name=name("destination"), ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="POST"
    )["ApiDestinationArn"]
    return {"Arn": destination, "RoleArn": make_role(engine, ALLOWED)}


def test_an_event_becomes_a_request_with_the_secret_of_the_connection(engine: Engine, web: WebServer) -> None:
    source = name("source")
    transformer = {"InputPathsMap": {"text": "$.detail.text"}, "InputTemplate": '{"text": <text>}'}
    put_rule(engine, {"source": [source]}, make_target(engine, f"{web.url}/hook") | {"InputTransformer": transformer})
    put_event(engine, source, {"text": 'two lines:\nand "quotes" of <!channel>'})
    eventually(lambda: web.requests)
    (request,) = web.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.body == {"text": 'two lines:\nand "quotes" of <!channel>'}
    assert request.headers["Authorization"] == "Bearer hidden-token"
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_request_has_the_additional_parameters_of_connection_and_target(engine: Engine, web: WebServer) -> None:
    source = name("source")
    more = {
        "HeaderParameters": [{"Key": "X-Team", "Value": "ml", "IsValueSecret": False}],
        "QueryStringParameters": [{"Key": "token", "Value": "a b", "IsValueSecret": True}],
        "BodyParameters": [{"Key": "channel", "Value": "builds"}],
    }
    basic = {"BasicAuthParameters": {"Username": "user", "Password": "pass"}, "InvocationHttpParameters": more}
    target = make_target(engine, f"{web.url}/*/events", basic, "BASIC")
    parameters = {"PathParameterValues": ["a/b"], "QueryStringParameters": {"n": "1"}}
    put_rule(engine, {"source": [source]}, target | {"HttpParameters": parameters, "InputPath": "$.detail"})
    put_event(engine, source, {"n": 1})
    (request,) = eventually(lambda: web.requests)
    assert request.path == "/a%2Fb/events?n=1&token=a+b"
    assert request.body == {"n": 1, "channel": "builds"}
    assert (request.headers["Authorization"], request.headers["X-Team"]) == ("Basic dXNlcjpwYXNz", "ml")


def test_a_busy_server_gets_the_event_again(engine: Engine, web: WebServer) -> None:
    source = name("source")
    web.statuses = [500, 429, 200]
    put_rule(engine, {"source": [source]}, make_target(engine, web.url))
    put_event(engine, source, {"n": 1})
    eventually(lambda: len(web.requests) == 3)
    assert {request.body["id"] for request in web.requests} == {web.requests[0].body["id"]}


@pytest.mark.parametrize(
    ("status", "requests", "code"),
    [(503, 2, "ERROR_FROM_TARGET"), (404, 1, "ERROR_FROM_TARGET"), (302, 1, "ERROR_FROM_TARGET")],
)
def test_an_event_that_a_server_refuses_goes_to_the_dead_letter_queue(
    engine: Engine, web: WebServer, status: int, requests: int, code: str
) -> None:
    source, (dead, dead_arn) = name("source"), queue(engine)
    web.statuses = [status]
    more = {"DeadLetterConfig": {"Arn": dead_arn}, "RetryPolicy": {"MaximumRetryAttempts": 1}}
    put_rule(engine, {"source": [source]}, make_target(engine, web.url) | more)
    put_event(engine, source, {"n": 1})
    letter = receive(engine, dead)
    said = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert (said["ERROR_CODE"], len(web.requests)) == (code, requests)
    assert str(status) in said["ERROR_MESSAGE"]
    assert json.loads(letter["Body"])["detail"] == {"n": 1}


def test_a_role_without_the_permission_sends_nothing(engine: Engine, web: WebServer) -> None:
    source, role, (dead, dead_arn) = name("source"), make_role(engine), queue(engine)
    target = make_target(engine, web.url) | {"RoleArn": role, "DeadLetterConfig": {"Arn": dead_arn}}
    put_rule(engine, {"source": [source]}, target)
    put_event(engine, source, {})
    assert receive(engine, dead)["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert web.requests == []
    calls = [each for each in engine.read_audit()["calls"] if each["role"] == role.rpartition("/")[2]]
    assert [(call["action"], call["resource"], call["allowed"]) for call in calls] == [
        ("events:InvokeApiDestination", target["Arn"], False)
    ]


def test_no_description_has_the_secret(engine: Engine) -> None:
    events = engine.client("events")
    more = {"HeaderParameters": [{"Key": "X", "Value": "hidden-header", "IsValueSecret": True}]}
    connection = name("connection")
    events.create_connection(
        Name=connection, AuthorizationType="API_KEY", AuthParameters=KEY | {"InvocationHttpParameters": more}
    )
    described = events.describe_connection(Name=connection)
    assert described["AuthParameters"]["ApiKeyAuthParameters"] == {"ApiKeyName": "Authorization"}
    assert "hidden" not in json.dumps(described, default=str)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"InvocationEndpoint": "http://example.com/"}, "must be an HTTPS address"),
        ({"AuthorizationType": "OAUTH_CLIENT_CREDENTIALS"}, "local/ serves connections of type API_KEY and BASIC"),
        ({"AuthorizationType": "BASIC"}, "must have BasicAuthParameters"),
        ({"RoleArn": None}, "RoleArn is required"),
    ],
)
def test_what_eventbridge_refuses_is_refused(engine: Engine, settings: dict[str, Any], reason: str) -> None:
    def make() -> None:
        endpoint = settings.get("InvocationEndpoint", "https://example.com/")
        target = make_target(engine, endpoint, authorization=settings.get("AuthorizationType", "API_KEY"))
        given = {key: value for key, value in (target | settings).items() if key in target and value}
        put_rule(engine, {"source": ["any"]}, given)

    with pytest.raises(ClientError, match=reason):
        make()


RESOURCES: dict[str, Any] = {
    "Connection": {
        "Type": "AWS::Events::Connection",
        "Properties": {
            "AuthorizationType": "API_KEY",
            "AuthParameters": {
                "ApiKeyAuthParameters": {
                    "ApiKeyName": "Authorization",
                    "ApiKeyValue": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:authorization}}"},
                }
            },
        },
    },
    "Destination": {
        "Type": "AWS::Events::ApiDestination",
        "Properties": {
            "ConnectionArn": {"Fn::GetAtt": ["Connection", "Arn"]},
            "InvocationEndpoint": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:url}}"},
            "HttpMethod": "POST",
        },
    },
}
MORE: dict[str, Any] = {
    "Parameters": {"Secret": {"Type": "String"}},
    "Outputs": {"Address": {"Value": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:url}}"}}},
}


def test_a_template_refers_to_a_secret_and_shows_it_nowhere(engine: Engine, stack: Stack, web: WebServer) -> None:
    secret = {"url": f"{web.url}/hidden-path", "authorization": "hidden-token"}
    arn = engine.client("secretsmanager").create_secret(Name=name("team/hook"), SecretString=json.dumps(secret))["ARN"]
    parameters = [{"ParameterKey": "Secret", "ParameterValue": arn}]
    described = stack.create(RESOURCES, template=MORE, Parameters=parameters)
    assert described["StackStatus"] == "CREATE_COMPLETE", stack.failures()
    events, source = engine.client("events"), name("source")
    destination = events.describe_api_destination(Name=stack.physical_id("Destination"))
    assert destination["InvocationEndpoint"] == secret["url"]
    put_rule(
        engine, {"source": [source]}, {"Arn": destination["ApiDestinationArn"], "RoleArn": make_role(engine, ALLOWED)}
    )
    put_event(engine, source, {})
    (request,) = eventually(lambda: web.requests)
    assert (request.path, request.headers["Authorization"]) == ("/hidden-path", "hidden-token")
    shown = [described, stack.api.get_template(StackName=stack.name), [stack.events(each) for each in RESOURCES]]
    assert "hidden" not in json.dumps(shown, default=str)
    assert stack.delete()["StackStatus"] == "DELETE_COMPLETE", stack.failures()
    assert not [each for each in events.list_connections()["Connections"] if each["Name"].startswith(stack.name)]


@pytest.mark.parametrize(("text", "reason"), [(None, "can't find the specified secret"), ("{}", "JSONKey")])
def test_a_secret_that_is_missing_fails_the_stack(engine: Engine, stack: Stack, text: str | None, reason: str) -> None:
    secret = name("secret")
    if text:
        engine.client("secretsmanager").create_secret(Name=secret, SecretString=text)
    parameters = [{"ParameterKey": "Secret", "ParameterValue": secret}]
    assert stack.create(RESOURCES, template=MORE, Parameters=parameters)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert reason in str(stack.failures())
