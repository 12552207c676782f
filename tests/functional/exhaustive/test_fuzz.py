"""Invalid input through the real handlers: each is refused in a sentence, within a second, and harms no other.

``make fuzz`` runs more than 100,000 cases. Each case has a generator of its own, so that one which fails, and is named
then, can be repeated: ``FUZZ_SEED=1 FUZZ_CASE=17 make fuzz``.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread
from types import SimpleNamespace
from typing import Any

import anyio
import boto3
import pytest
import yaml
from mcp.server.mcpserver.exceptions import ToolError

from handlers import launch_build, plan_build, seed_parameters, show_builds
from sagebuild import service
from sagebuild.assistants.server import create_server
from sagebuild.builds.lock import read_state
from sagebuild.client.connection import connect
from sagebuild.client.request_data import encode
from sagebuild.deadline import Deadline
from sagebuild.errors import ModelTooLargeError, ParameterError, PreflightError, ProjectFileError, SagebuildError
from sagebuild.launch.dead_letters import Message
from sagebuild.launch.triggers import read_message
from sagebuild.parameters import parse_document
from sagebuild.parameters.store import name_document
from sagebuild.plan.archives import ArchiveError, Unreadable, read_scripts
from sagebuild.project.file import read_project
from sagebuild.service import Service
from sagebuild.steps.packing import pack_model
from tests.alexa import REQUESTS, Conversation, check_response, load_request
from tests.engine import ROOT
from tests.functional.conftest import REGION, SCRIPT, STACK, Stack, empty_moto
from tests.functional.exhaustive.mutations import mutate, mutate_bytes, mutate_text, to_json
from tests.functional.exhaustive.strange_archives import write_strange_archive
from tests.functional.records import write_record
from tests.functional.test_automatic_promotion import approval, receiver, take
from tests.functional.test_inbox import publish, upload
from tests.unit.wrong_documents import WRONG_DOCUMENTS

# Fixtures of other modules.
pytest_plugins = ["tests.functional.test_promotion"]
__all__ = ["receiver"]

CASES, SEED = int(os.environ.get("FUZZ_CASES", "3000")), os.environ.get("FUZZ_SEED", "1")
ONLY = os.environ.get("FUZZ_CASE")
SECONDS = 1.0  # of processor time, which other processes do not lengthen
CONTENT_TYPES = (None, "text/csv", "application/json", "application/jsonlines", "text/csv; header=present", "x")
LONGEST_MESSAGE = 262_144  # https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
LARGEST_ANSWER = 4096
TOPIC = f"arn:aws:sns:{REGION}:123456789012:launch"
DOCUMENTS: list[Any] = [
    *(
        yaml.safe_load(path.read_text(encoding="utf-8"))["parameters"]
        for path in ROOT.glob("pipelines/*/sagebuild.yaml")
    ),
    *(each[0] for each in WRONG_DOCUMENTS if isinstance(each[0], dict)),
]
MESSAGES = [json.loads(path.read_text(encoding="utf-8")) for path in ROOT.glob("tests/events/[et]*/*.json")]
ENVELOPES = [load_request(name) for name in REQUESTS]


def run_cases(name: str, share: float, run: Callable[[Random], None]) -> None:
    """Run the share of all cases, and name the case that fails."""
    numbers = [int(ONLY)] if ONLY else range(max(3, round(CASES * share)))
    for number in numbers:
        started = time.process_time()
        try:
            run(Random(f"{SEED} {name} {number}"))
        except BaseException as error:
            error.add_note(f"{name}: FUZZ_SEED={SEED} FUZZ_CASE={number} make fuzz")
            raise
        assert time.process_time() - started < SECONDS, f"{name}: case {number} of seed {SEED} takes too long"


@contextmanager
def refusing(*errors: type[Exception]) -> Iterator[None]:
    """Let errors pass that are sentences, and no others."""
    try:
        yield
    except errors as error:
        text = str(error)
        assert text.strip(), "a refusal says why"
        assert "Traceback" not in text
        assert len(text) < 20_000


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Log nothing: pytest-xdist cannot pass on a captured log that is no valid Unicode."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def deployed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The stack with the environment of a function."""
    queue = boto3.client("sqs", REGION).create_queue(QueueName="dead")["QueueUrl"]
    stack.settings.update(LAUNCH_TOPIC_ARN=TOPIC, DEAD_LETTER_QUEUE_URL=queue)
    for name, value in (stack.settings | {"AWS_DEFAULT_REGION": REGION}).items():
        monkeypatch.setenv(name, value)
    service._create_from_environment.cache_clear()
    write(stack, SCRIPT)
    yield stack
    service._create_from_environment.cache_clear()


def write(stack: Stack, document: Any) -> None:
    """Write a document as a person does, who may write anything."""
    text = document if isinstance(document, str) else json.dumps(document)
    stack.service.ssm.put_parameter(Name=name_document(stack.service), Value=text, Type="String", Overwrite=True)


def test_documents() -> None:
    def run(random: Random) -> None:
        text = to_json(random, mutate(random, random.choice(DOCUMENTS), DOCUMENTS))
        with refusing(ParameterError):
            parse_document(text, default_framework="SCIKIT")

    run_cases("documents", 0.46, run)


def test_messages() -> None:
    def run(random: Random) -> None:
        message = mutate(random, random.choice(MESSAGES), MESSAGES + DOCUMENTS)
        if random.random() < 0.5:
            overrides = to_json(random, mutate(random, random.choice(DOCUMENTS), DOCUMENTS))
            message = {"Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": overrides}
        with refusing(SagebuildError):
            read_message(to_json(random, message)[:LONGEST_MESSAGE], "1", TOPIC)

    run_cases("messages", 0.35, run)


def test_batches_of_messages(deployed: Stack) -> None:
    counted = 0

    def run(random: Random) -> None:
        nonlocal counted
        bodies = [to_json(random, mutate(random, random.choice(MESSAGES), MESSAGES)) for _ in range(5)]
        for number in range(5):
            overrides = mutate(random, random.choice(DOCUMENTS), DOCUMENTS)
            bodies.append(publish(f"{counted}-{number}", to_json(random, overrides)).body)
        bodies += [upload(counted).body, upload(counted + 1).body]
        # SQS takes valid UTF-8 alone.
        given = [body.encode("utf-8", "replace").decode() for body in bodies]
        records = [{"messageId": f"{number}", "body": body} for number, body in enumerate(given)]
        assert launch_build.handler({"Records": records}, None) == {"batchItemFailures": []}
        counted += 2
        state = read_state(deployed.service)
        pending = state.pending.kinds.get("upload", 0) if state.pending else 0
        assert pending + 2 * bool(state.running) >= counted, "the good messages of each batch are counted"

    run_cases("batches", 0.002, run)


def test_plans(deployed: Stack) -> None:
    context = SimpleNamespace(log_stream_name="log")

    def run(random: Random) -> None:
        document = mutate(random, random.choice(DOCUMENTS), DOCUMENTS)
        text = to_json(random, document)[:8000]
        write(deployed, text.encode("utf-8", "replace").decode() or " ")
        with refusing(SagebuildError):
            plan_build.handler({"number": 1, "pipeline": ""}, context)

    run_cases("plans", 0.01, run)


def test_envelopes(alexa: Conversation) -> None:
    del alexa  # the skill's environment
    from skill.app import handler

    def run(random: Random) -> None:
        envelope = mutate(random, random.choice(ENVELOPES), ENVELOPES)
        check_response(handler(envelope, None))

    run_cases("envelopes", 0.05, run)


def test_calls_of_assistants(deployed: Stack) -> None:
    empty_moto()
    from tests.functional.conftest import create_stack
    from tests.functional.served_stack import serving_stack

    del deployed
    with serving_stack(create_stack()):
        stack = connect(STACK, region=REGION)
        stack.service.ssm.put_parameter(
            Name=name_document(stack.service), Value=json.dumps(SCRIPT), Type="String", Overwrite=True
        )
        server = create_server(lambda: stack, allow_changes=True)
        tools = anyio.run(server.list_tools)

        def run(random: Random) -> None:
            tool = random.choice(tools)
            known = tool.input_schema["properties"]
            arguments = {name: random.choice([1, "1", "live", True, {"a": 1}, None]) for name in known}
            given = mutate(random, arguments, DOCUMENTS)
            with refusing(ToolError):
                anyio.run(server.call_tool, tool.name, given if isinstance(given, dict) else {})

        run_cases("assistants", 0.02, run)


class _Answers(BaseHTTPRequestHandler):
    """CloudFormation's address for the answers of custom resources."""

    received: list[dict[str, Any]] = []  # noqa: RUF012 - of the one server

    def do_PUT(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_requests_to_custom_resources(deployed: Stack) -> None:
    del deployed
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    given = {"RequestType": "Create", "ResourceProperties": {"ServiceToken": "arn", "Framework": "SCIKIT"}}
    identity = {"ResponseURL": f"http://127.0.0.1:{server.server_port}/", "LogicalResourceId": "Seed"}
    identity |= {"StackId": "stack", "RequestId": "request"}

    def run(random: Random) -> None:
        before = len(_Answers.received)
        event = mutate(random, given, [given, *MESSAGES])
        seed_parameters.handler(
            (event if isinstance(event, dict) else {}) | identity, SimpleNamespace(log_stream_name="log")
        )
        (answer,) = _Answers.received[before:]
        assert len(json.dumps(answer)) <= LARGEST_ANSWER
        assert answer["Status"] in ("SUCCESS", "FAILED")
        assert answer["Reason"]

    try:
        run_cases("custom resources", 0.01, run)
    finally:
        server.shutdown()
        server.server_close()


def test_sample_requests(tmp_path: Any) -> None:
    samples = {
        ".csv": b"1,2,3\n4,5,6\n",
        ".json": b'{"instances": [[1, 2]]}',
        ".jsonl": b'{"a": 1}\n{"a": 2}\n',
        ".txt": b"a text\n",
        ".npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }" + b" " * 60 + b"\n",
    }

    def run(random: Random) -> None:
        suffix = random.choice([*samples])
        path = tmp_path / f"sample{suffix}"
        path.write_bytes(mutate_bytes(random, samples[suffix]))
        with refusing(SagebuildError):
            encode(path)
        with refusing(SagebuildError):
            encode(
                mutate(random, [[1, 2], {"a": [1]}, "text"], DOCUMENTS),
                random.choice(CONTENT_TYPES),
            )

    run_cases("sample requests", 0.05, run)


def test_project_files(tmp_path: Any) -> None:
    texts = [path.read_text(encoding="utf-8") for path in ROOT.glob("pipelines/*/sagebuild.yaml")]
    projects = [yaml.safe_load(text) for text in texts]

    def run(random: Random) -> None:
        text = mutate_text(random, random.choice(texts))
        if random.random() < 0.7:
            text = to_json(random, mutate(random, random.choice(projects), projects + DOCUMENTS))
        (tmp_path / "sagebuild.yaml").write_text(text, encoding="utf-8", errors="replace")
        with refusing(ProjectFileError):
            read_project(tmp_path)

    run_cases("project files", 0.01, run)


def test_parameters_of_widgets(deployed: Stack) -> None:
    write_record(deployed, 1)
    context = SimpleNamespace(invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:show")
    given = {"pipeline": "default", "build": 1, "before": 2, "describe": False, "widgetContext": {"theme": "dark"}}

    def run(random: Random) -> None:
        event = mutate(random, given, [given, *DOCUMENTS])
        answer = show_builds.handler(event if isinstance(event, dict) else {}, context)
        assert isinstance(answer, dict) or answer.startswith("<div")
        json.dumps(answer)

    run_cases("widgets", 0.01, run)


def test_requests_for_promotions(receiver: Service) -> None:
    request = {"source": "sagebuild", "id": "1", "detail": {"pipeline": "", "number": 9, "id": "2", "receiver": "any"}}
    events = [request, json.loads(approval().body)]

    def run(random: Random) -> None:
        body = to_json(random, mutate(random, random.choice(events), events + MESSAGES))
        take(receiver, Message("1", body.encode("utf-8", "replace").decode()))

    run_cases("promotions", 0.01, run)


def test_strange_archives(deployed: Stack) -> None:
    service, target = deployed.service, f"s3://{STACK}-model/out"
    model, source = f"s3://{STACK}-model/model.tar.gz", f"s3://{STACK}-code/a.tar.gz"

    def run(random: Random) -> None:
        content = write_strange_archive(random)
        for bucket, key in (("code", "a.tar.gz"), ("model", "model.tar.gz")):
            service.s3.put_object(Bucket=f"{STACK}-{bucket}", Key=key, Body=content)
        with refusing(ArchiveError, Unreadable):
            read_scripts(service, source, ["train.py"])
        with refusing(PreflightError, ModelTooLargeError):
            pack_model(service, model, source, target, deadline=Deadline(0.3))
            packed = service.s3.get_object(Bucket=f"{STACK}-model", Key="out")["Body"]
            with tarfile.open(fileobj=packed, mode="r|gz") as archive:
                assert all(member.size >= 0 for member in archive)

    run_cases("strange archives", 0.01, run)


def test_archives(deployed: Stack) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, content in (("train.py", b"def train(): ...\n"), (f"{'folder/' * 30}a.txt", b"x" * 3000)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    plain = held.getvalue()

    def run(random: Random) -> None:
        packed, is_inside = gzip.compress(plain), random.random() < 0.7
        content = gzip.compress(mutate_bytes(random, plain)) if is_inside else mutate_bytes(random, packed)
        deployed.service.s3.put_object(Bucket=f"{STACK}-code", Key="a.tar.gz", Body=content)
        with refusing(ArchiveError, Unreadable):
            read_scripts(deployed.service, f"s3://{STACK}-code/a.tar.gz", ["train.py"])

    run_cases("archives", 0.05, run)
