"""The answer of a language model, from the events of its stream."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EventStreamError

from sagebuild.client.chat import stream_chat
from sagebuild.errors import EndpointError, InputError
from tests.unit.test_predictions import SERVICE


class Runtime:
    """SageMaker's runtime, which streams these parts."""

    def __init__(self, *parts: bytes, breaks: bool = False) -> None:
        self._parts, self._breaks = parts, breaks

    def invoke_endpoint_with_response_stream(self, **request: Any) -> dict[str, Any]:
        self.request = request
        return {"Body": self._read()}

    def _read(self) -> Iterator[dict[str, Any]]:
        for part in self._parts:
            yield {"PayloadPart": {"Bytes": part}}
        if self._breaks:
            raise EventStreamError({"Error": {"Code": "ModelStreamError", "Message": "gone"}}, "Invoke")


def ask(runtime: Runtime, message: Any = "Hello") -> str:
    return "".join(stream_chat(SERVICE, runtime, message))


@pytest.mark.parametrize(
    "parts",
    [
        [b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n',
         b'data: {"choices": [{"delta": {"content": "Gr"}}]}\n\n',
         b'data: {"choices": [{"delta": {"content": "\xc3', b'\xbc\xc3\x9fe"}}]}\n\n: ping\n\ndata: [DONE]\n\n'],
        [b'{"choices": [{"message": {"content": "Gr\xc3\xbc\xc3\x9fe"}}]}'],
        [b'{"choices": [{"text": "Gr"}]}\n{"choices": [{"text": "\xc3\xbc\xc3\x9fe"}]}\n', b'{"choices": []}\n'],
    ],
)  # fmt: skip
def test_the_texts_of_an_answer_are_joined_wherever_its_parts_end(parts: list[bytes]) -> None:
    runtime = Runtime(*parts)
    assert ask(runtime) == "Gr\u00fc\u00dfe"
    assert runtime.request["Body"] == b'{"messages": [{"role": "user", "content": "Hello"}], "stream": true}'


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        (Runtime(b'data: {"error": {"message": "too long"}}\n'), "failed: .*too long"),
        (Runtime(b"data: no JSON\n"), "does not answer in OpenAI's chat format: no JSON"),
        (Runtime(b'data: {"choices": [{"delta": {"content": "Gr"}}]}\n', breaks=True), "broke off: .*gone"),
    ],
)
def test_a_failure_in_the_stream_is_named(runtime: Runtime, message: str) -> None:
    with pytest.raises(EndpointError, match=message):
        ask(runtime)


def test_an_empty_message_is_refused() -> None:
    for empty in ("", [], [{"role": "user", "content": ""}]):
        with pytest.raises(InputError, match="The message is empty"):
            ask(Runtime(), empty)
