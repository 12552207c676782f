"""Sends a message to a language model, and yields the text of its answer while it comes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import EventStreamError

from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.invoking import invoke
from sagebuild.errors import EndpointError, InputError
from sagebuild.names import name_endpoint
from sagebuild.service import Service, aws_call

_END = "[DONE]"
_FIELD = b"data:"


def stream_chat(service: Service, runtime: Any, message: str | list[Any], *, wait: bool = False) -> Iterator[str]:
    """Yield the parts of the answer to a message; see `Pipeline.chat`."""
    messages = [{"role": "user", "content": message}] if isinstance(message, str) else message
    if not messages or messages[-1].get("content") in ("", None):
        raise InputError("The message is empty; give the text of a message, or a list of messages.")
    name = name_endpoint(service)
    body = json.dumps({"messages": messages, "stream": True}).encode()
    with translating_errors(), aws_call(f"invoke the endpoint {name}"):
        request = {"ContentType": "application/json", "Body": body}
        answer = invoke(service, runtime.invoke_endpoint_with_response_stream, request, wait=wait)
    try:
        yield from _read_texts(name, _split_lines(answer["Body"]))
    except EventStreamError as error:
        raise EndpointError(f"The answer of the endpoint {name} broke off: {error}") from error


def _split_lines(events: Iterable[Any]) -> Iterator[bytes]:
    """Yield the lines of the answer; a part may end within a line, or within a character."""
    rest = b""
    for event in events:
        *lines, rest = (rest + event.get("PayloadPart", {}).get("Bytes", b"")).split(b"\n")
        yield from lines
    yield rest


def _read_texts(name: str, lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the texts in an answer: of server-sent events, of JSON lines, or of one whole answer."""
    for line in lines:
        content = line.removeprefix(_FIELD).strip()
        if content == _END.encode():
            return
        if not content or (not line.startswith(_FIELD) and not content.startswith(b"{")):
            continue  # a blank line, a comment, or another field of an event
        try:
            part: Any = json.loads(content)
        except ValueError:
            shown = content[:80].decode(errors="replace")
            raise EndpointError(f"The endpoint {name} does not answer in OpenAI's chat format: {shown}") from None
        if "error" in part:
            raise EndpointError(f"The model of the endpoint {name} failed: {json.dumps(part['error'])}")
        if text := _find_text(part):
            yield text


def _find_text(part: Any) -> str:
    choices = part.get("choices") or [{}]
    for member in ("delta", "message"):
        if isinstance(choices[0].get(member), dict):
            return str(choices[0][member].get("content") or "")
    return str(choices[0].get("text") or "")
