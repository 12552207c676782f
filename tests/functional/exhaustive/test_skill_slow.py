"""The skill answers within 3 s when AWS is slow, throttles, fails or is unreachable, and claims no success."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, ClassVar

import pytest
import yaml

from sagebuild import service
from sagebuild.builds.items import to_item
from sagebuild.builds.lock import PipelineState
from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.builds.status import BuildStatus
from sagebuild.changes import plan
from sagebuild.changes.approval import Waiting
from sagebuild.changes.basis import Basis, Live
from sagebuild.changes.plan import Effect, PlannedChange
from sagebuild.changes.rollback import Rollback
from sagebuild.changes.start import NextBuild
from sagebuild.changes.stop import Stop
from sagebuild.changes.token import Action, Change, write_token
from sagebuild.cost.spent import Cost
from sagebuild.service import Service
from sagebuild.voice import pipelines
from sagebuild.voice.access import Access
from skill import access, builds
from skill.app import handler
from skill.intents import INTENTS
from tests.alexa import SKILL_ID, Conversation, name_request
from tests.engine import ROOT

MOST_SECONDS = 3.0
READS = [name_request(name) for name, intent in INTENTS.items() if intent.needs == "read"]
ASKS = [name_request(name) for name, intent in INTENTS.items() if intent.on_yes]
FUNCTION = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))["functions"]["alexaSkill"]

RUNNING = BuildRecord(12, Trigger("voice"), created_at="2026-03-01T09:30:00+00:00", status="running")

Behaviour = Callable[["_Aws"], None]


class _Aws(BaseHTTPRequestHandler):
    """An AWS that hangs, throttles or fails, as `behave` says."""

    behave: ClassVar[Behaviour]
    over: ClassVar[Event]
    body = ""

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        type(self).behave(self)

    def answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def hang(aws: _Aws) -> None:
    aws.over.wait(10)


def crawl(aws: _Aws) -> None:
    """Answer each call just in time; a few calls together take too long."""
    aws.over.wait(0.6)
    if "GetParameter" in aws.headers["X-Amz-Target"]:
        aws.answer(400, {"__type": "ParameterNotFound", "message": "none"})
    else:
        aws.answer(200, {"Items": []})


def crawl_with_a_build(aws: _Aws) -> None:
    """Answer each call just in time, while build 12 runs."""
    aws.over.wait(0.6)
    target = aws.headers["X-Amz-Target"]
    if "GetItem" in target:
        number = json.loads(aws.body)["Key"]["number"]["N"]
        aws.answer(200, {"Item": to_item(asdict(PipelineState(12, 12) if number == "0" else RUNNING))})
    elif "GetParameter" in target:
        aws.answer(400, {"__type": "ParameterNotFound", "message": "none"})
    else:
        aws.answer(200, {"TrainingJobStatus": "InProgress", "status": "RUNNING"})


def throttle(aws: _Aws) -> None:
    aws.answer(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})


def fail(aws: _Aws) -> None:
    aws.answer(500, {"__type": "InternalServerError", "message": "?"})


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Aws]]:
    """Give the skill its settings from serverless.yml and this AWS."""

    class Aws(_Aws):
        over = Event()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    Thread(target=server.serve_forever, daemon=True).start()
    arn = "arn:aws:{}:eu-west-1:123456789012:{}"
    for name, value in {
        "SKILL_ID": SKILL_ID,
        "STACK_NAME": "sagebuild-test",
        "STACK_ID": arn.format("cloudformation", "stack/sagebuild-test/3f2a1c00-0000-4000-8000-000000000000"),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_MAX_ATTEMPTS": str(FUNCTION["environment"]["AWS_MAX_ATTEMPTS"]),
        "AWS_RETRY_MODE": "standard",
        "LAST_CALL_SECONDS": str(FUNCTION["environment"]["LAST_CALL_SECONDS"]),
        "CALL_TIMEOUT_SECONDS": str(FUNCTION["environment"]["CALL_TIMEOUT_SECONDS"]),
        "BUILDS_TABLE": "builds",
        "STATE_MACHINE_ARN": arn.format("states", "stateMachine:build"),
        "RESULTS_TOPIC_ARN": arn.format("sns", "results"),
        "PARAMETERS_NAME": "/sagebuild-test/parameters",
        "ACCESS_NAME": "/sagebuild-test/alexa",
        "FRAMEWORK": "SCIKIT",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(access, "_access", None)
    service._create_from_environment.cache_clear()
    yield Aws
    Aws.over.set()
    server.shutdown()
    server.server_close()
    service._create_from_environment.cache_clear()


def time_answer(request_name: str, *before: str) -> tuple[str, float]:
    """Return the answer, and after how many seconds it came."""
    alexa = Conversation(lambda envelope: handler(envelope, None))
    for name in before:
        alexa.say(name)
    begin = time.monotonic()
    said = alexa.say(request_name)
    return said, time.monotonic() - begin


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (hang, "I can't reach AWS right now, so please try again in a minute."),
        (fail, "I can't reach AWS right now, so please try again in a minute."),
        (throttle, "AWS is too busy to answer right now, so please try again in a minute."),
    ],
)
@pytest.mark.parametrize("request_name", ["check_status", "estimate_time", "start_build", "stop_build"])
def test_the_skill_reports_in_time_that_aws_does_not_answer(
    aws: type[_Aws], behaviour: Behaviour, request_name: str, said: str
) -> None:
    aws.behave = behaviour
    heard, seconds = time_answer(request_name)
    assert heard == said
    assert seconds < MOST_SECONDS


@pytest.mark.parametrize("request_name", READS + ASKS)
def test_the_skill_does_not_wait_for_a_slow_aws(aws: type[_Aws], request_name: str) -> None:
    aws.behave = crawl
    assert time_answer(request_name)[1] < MOST_SECONDS


def plan_anything(service: Service, action: Action, **_given: Any) -> PlannedChange:
    """Plan without a call of AWS."""
    cost = Cost(None, None, None, "", ())
    effects: dict[str, Effect] = {
        "start": NextBuild(1, None, True, True, "ml.m5.large", 1, 4, 1),
        "stop": Stop(12, "Train Model", None, cost),
        "roll back": Rollback(11, 13, 12, "sagebuild-test-12", cost),
    }
    effect = effects.get(action, Waiting(12, "", None, None, cost, datetime.now(UTC)))
    change = Change("id", action, service.stack_key, "", getattr(effect, "number", 0), {}, Basis(12, 0, "", "", 1))
    return PlannedChange(action, "", effect, None, Live(), write_token(change))


@pytest.mark.parametrize("request_name", ["start_build", "roll_back", "approve_build", "reject_build"])
def test_an_unconfirmed_change_is_reported_as_unconfirmed(
    aws: type[_Aws], monkeypatch: pytest.MonkeyPatch, request_name: str
) -> None:
    aws.behave = hang
    monkeypatch.setattr(access, "read_access", Access)
    monkeypatch.setattr(pipelines, "list_states", lambda _service: [PipelineState()])
    monkeypatch.setattr(plan, "plan_change", plan_anything)
    heard, seconds = time_answer("yes", request_name)
    assert heard.startswith("AWS did not confirm that in time")
    assert seconds < MOST_SECONDS


def test_a_slow_stop_is_reported_as_unconfirmed(aws: type[_Aws], monkeypatch: pytest.MonkeyPatch) -> None:
    aws.behave = crawl_with_a_build
    status = BuildStatus(12, "running", "Train Model", datetime.now(UTC), None, None, "https://console.example/12")
    monkeypatch.setattr(access, "read_access", Access)
    monkeypatch.setattr(pipelines, "list_states", lambda _service: [PipelineState()])
    monkeypatch.setattr(builds, "describe_latest_build", lambda: status)
    monkeypatch.setattr(plan, "plan_change", plan_anything)
    heard, seconds = time_answer("yes", "stop_build")
    assert heard.startswith("AWS did not confirm that in time")
    assert seconds < MOST_SECONDS


def test_the_skill_reports_that_aws_is_unreachable(aws: type[_Aws], monkeypatch: pytest.MonkeyPatch) -> None:
    aws.behave = hang
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert time_answer("check_status")[0].startswith("I can't reach AWS right now")


def test_invalid_parameters_have_their_own_sentence(aws: type[_Aws]) -> None:
    def answer(one: _Aws) -> None:
        target = one.headers["X-Amz-Target"]
        text = '{"framework": "SCIKIT", "trainvolumesize": 0}'
        document = {"Parameter": {"Type": "String", "Value": text, "Version": 1}}
        if "GetItem" in target:
            one.answer(200, {})
        elif "Query" in target:
            one.answer(200, {"Items": []})
        elif "DescribeEndpoint" in target:
            one.answer(400, {"__type": "ValidationException", "message": "none"})
        elif "/sagebuild-test/alexa" in one.body:
            one.answer(400, {"__type": "ParameterNotFound", "message": "none"})
        else:
            one.answer(200, document)

    aws.behave = answer
    heard, _ = time_answer("start_build")
    assert heard == "The build parameters have a mistake; the card in your Alexa app says where."
