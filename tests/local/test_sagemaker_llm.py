"""A stand-in for the engines of language models: OpenAI's formats, streaming, and failures."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import SERVE_OWN, Host

VLLM = "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.30.0-gpu-py312-cu130-ubuntu24.04-sagemaker"
TEI = "683313688378.dkr.ecr.us-east-1.amazonaws.com/tei-cpu:2.0.1-tei1.8.2-cpu-py310-ubuntu22.04"
CHAT = {"messages": [{"role": "user", "content": "Hello there"}]}
SAID = "This is a stand-in of local/ and not Qwen/Qwen3-0.6B. You said: Hello there"


@pytest.fixture(scope="module")
def host(engine: Engine) -> Iterator[Host]:
    host = Host(engine)
    yield host
    for endpoint in host.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
        host.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


def configure(host: Host, image: str = VLLM, **environment: str) -> str:
    name = f"model-{uuid.uuid4().hex[:8]}"
    container = {"Image": image, "Environment": environment}
    host.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=host.role)
    return host.configure(main=name)


@pytest.fixture(scope="module")
def chat(host: Host) -> str:
    name = host.begin(configure(host, SM_VLLM_MODEL="Qwen/Qwen3-0.6B"))
    assert host.settle(name)["EndpointStatus"] == "InService"
    return name


def read_stream(host: Host, name: str, request: Any) -> list[bytes]:
    answer = host.runtime.invoke_endpoint_with_response_stream(
        EndpointName=name, Body=json.dumps(request), ContentType="application/json"
    )
    assert answer["ContentType"] == "text/event-stream"
    assert answer["InvokedProductionVariant"] == "main"
    return [event["PayloadPart"]["Bytes"] for event in answer["Body"]]


def test_a_chat_is_answered_in_openais_format_and_labelled(host: Host, chat: str) -> None:
    answer = host.invoke_json(chat, CHAT)
    assert (answer["object"], answer["model"]) == ("chat.completion", "Qwen/Qwen3-0.6B (stand-in of local/)")
    (choice,) = answer["choices"]
    assert choice["message"] == {"role": "assistant", "content": SAID}
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["prompt_tokens"] == 2
    short = host.invoke_json(chat, CHAT | {"max_tokens": 3})["choices"][0]
    assert (short["message"]["content"], short["finish_reason"]) == ("This is a", "length")


def test_a_prompt_is_completed(host: Host, chat: str) -> None:
    answer = host.invoke_json(chat, {"prompt": "Hello there"})
    assert (answer["object"], answer["choices"][0]["text"]) == ("text_completion", SAID)


def test_a_stream_comes_in_parts_that_make_the_answer(host: Host, chat: str) -> None:
    parts = read_stream(host, chat, CHAT | {"stream": True})
    assert len(parts) > 3
    lines = b"".join(parts).decode().strip().split("\n\n")
    assert lines.pop() == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in events) == SAID
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


def test_an_answer_of_another_container_is_streamed_too(host: Host) -> None:
    name = host.begin(host.configure(main=host.model(SERVE_OWN)))
    host.settle(name)
    answer = host.runtime.invoke_endpoint_with_response_stream(
        EndpointName=name, Body=b"[2]", ContentType="application/json"
    )
    assert b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]) == b'{"prediction": [6]}'


@pytest.mark.parametrize(
    ("request_", "message"), [([], "must be a JSON object"), ({"text": 1}, "needs messages, prom")]
)
def test_a_wrong_request_is_a_model_error(host: Host, chat: str, request_: Any, message: str) -> None:
    for invoke in (host.runtime.invoke_endpoint, host.runtime.invoke_endpoint_with_response_stream):
        with pytest.raises(ClientError, match=message) as caught:
            invoke(EndpointName=chat, Body=json.dumps(request_), ContentType="application/json")
        answer: Any = caught.value.response
        assert (answer["Error"]["Code"], answer["OriginalStatusCode"]) == ("ModelError", 400)


def test_an_unknown_endpoint_streams_nothing(host: Host) -> None:
    with pytest.raises(ClientError, match="not found"):
        host.runtime.invoke_endpoint_with_response_stream(EndpointName="none", Body=b"{}")


def test_texts_become_vectors(host: Host) -> None:
    name = host.begin(configure(host, TEI, HF_MODEL_ID="BAAI/bge-small"))
    host.settle(name)
    first, second, third = host.invoke_json(name, {"inputs": ["a", "b", "a"]})
    assert first == third != second
    assert sum(value * value for value in first) == pytest.approx(1)


def test_a_model_without_files_fails_the_endpoint_and_keeps_the_old_one(host: Host, chat: str) -> None:
    before = host.describe(chat)["EndpointConfigName"]
    after = host.update(chat, configure(host, SM_VLLM_MODEL="/opt/ml/model"))
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", before)
    assert "did not pass the ping health check" in after["FailureReason"]
