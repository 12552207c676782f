"""Container side of a language model: a stand-in that answers in the formats of the engines, without a model.

It runs in its own process and does not import the engine of local/. Its arguments are the folder that represents
/opt/ml, and the image's repository. It lets people try deployment, smoke test, latency gate, streaming and rollback
without a GPU. Each answer says that it is from a stand-in. LOCAL_STAND_IN_SECONDS delays each answer.
"""

import json
import math
import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# By which the containers of the engines find their model.
_MODEL_VARIABLES = ("SM_VLLM_MODEL", "SM_SGLANG_MODEL_PATH", "HF_MODEL_ID")
_EMBEDDING_SIZE = 8
_DEFAULT_TOKENS = 64
_EVENTS = "text/event-stream"


class RequestError(Exception):
    """The request is in no format of the engines; the message says what is missing."""


class Handler(BaseHTTPRequestHandler):
    """Serves /ping and /invocations."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    model: str
    seconds: float

    def do_GET(self) -> None:
        """Answer the health check."""
        self._send(200 if self.path == "/ping" else 404, b"")

    def do_POST(self) -> None:
        """Answer one invocation."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(self.seconds)
        try:
            request = json.loads(raw)
            if not isinstance(request, dict):
                raise RequestError("the request must be a JSON object")
            if request.get("stream") and not {"messages", "prompt"}.isdisjoint(request):
                self._stream(stream_events(self.model, request))
            else:
                self._send(200, json.dumps(answer(self.model, request)).encode())
        except (RequestError, ValueError, TypeError, KeyError, AttributeError) as error:
            message = {"error": {"type": "invalid_request_error", "message": f"{error}"}}
            self._send(400, json.dumps(message).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests except health checks."""
        if self.path != "/ping":
            # In one piece, because requests are answered in threads.
            print(f'"{format % args}"\n', end="", flush=True)

    def _send(self, status: int, payload: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _stream(self, events: Iterator[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", _EVENTS)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            data = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def answer(model: str, request: dict[str, Any]) -> Any:
    """Return the whole answer to a request, in the format of the request."""
    if "messages" in request or "prompt" in request:
        words, reason = write_words(model, request)
        text, is_chat = "".join(words), "messages" in request
        choice: dict[str, Any] = {"index": 0, "finish_reason": reason}
        choice |= {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
        asked = len(read_question(request).split())
        usage = {"prompt_tokens": asked, "completion_tokens": len(words), "total_tokens": asked + len(words)}
        return describe(model, is_chat, "") | {"choices": [choice], "usage": usage}
    if "inputs" not in request:
        raise RequestError("the request needs messages, prompt or inputs")
    inputs = request["inputs"]
    if "parameters" in request:  # TGI
        return [{"generated_text": "".join(write_words(model, {"prompt": inputs} | request["parameters"])[0])}]
    return [embed(text) for text in ([inputs] if isinstance(inputs, str) else inputs)]


def stream_events(model: str, request: dict[str, Any]) -> Iterator[str]:
    """Yield the events of a streamed answer, one for each word."""
    is_chat = "messages" in request
    words, reason = write_words(model, request)
    described = describe(model, is_chat, ".chunk" if is_chat else "")
    for word in words:
        part: dict[str, Any] = {"delta": {"content": word}} if is_chat else {"text": word}
        yield json.dumps(described | {"choices": [{"index": 0, "finish_reason": None} | part]})
        time.sleep(0.01)
    last: dict[str, Any] = {"delta": {}} if is_chat else {"text": ""}
    yield json.dumps(described | {"choices": [{"index": 0, "finish_reason": reason} | last]})
    yield "[DONE]"


def describe(model: str, is_chat: bool, suffix: str) -> dict[str, Any]:
    """Return the members that every part of an answer has."""
    kind = f"chat.completion{suffix}" if is_chat else "text_completion"
    identity = f"{'chatcmpl' if is_chat else 'cmpl'}-{uuid.uuid4().hex}"
    return {"id": identity, "object": kind, "created": int(time.time()), "model": f"{model} (stand-in of local/)"}


def write_words(model: str, request: dict[str, Any]) -> tuple[list[str], str]:
    """Return the words of the answer, and the reason of its end, as OpenAI's format has it."""
    text = f"This is a stand-in of local/ and not {model}. You said: {read_question(request)}"
    parts = text.split(" ")
    words = [part if number == 0 else f" {part}" for number, part in enumerate(parts)]
    most = int(request.get("max_tokens") or request.get("max_new_tokens") or _DEFAULT_TOKENS)
    return words[:most], "length" if len(words) > most else "stop"


def read_question(request: dict[str, Any]) -> str:
    """Return the text of the last message, or of the prompt."""
    if "messages" not in request:
        return str(request["prompt"])
    if not request["messages"]:
        raise RequestError("messages must not be empty")
    content = request["messages"][-1]["content"]
    if isinstance(content, list):
        return " ".join(part.get("text", f"({part.get('type')})") for part in content)
    return str(content)


def embed(text: str) -> list[float]:
    """Return a vector of length 1 that depends only on the text."""
    counts = [1.0 + sum(map(ord, text[place::_EMBEDDING_SIZE])) for place in range(_EMBEDDING_SIZE)]
    length = math.sqrt(sum(count * count for count in counts))
    return [count / length for count in counts]


def main(base: Path) -> int:
    """Serve until SIGTERM; return the exit code if there is no model."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    named = [os.environ[name] for name in _MODEL_VARIABLES if os.environ.get(name)]
    model = named[0] if named else "/opt/ml/model"
    if model == "/opt/ml/model" and not any(path.is_file() for path in (base / "model").rglob("*")):
        print("the model cannot be served: /opt/ml/model has no files", file=sys.stderr, flush=True)
        return 1
    print(f"a stand-in of local/ answers for {model}", flush=True)
    Handler.model, Handler.seconds = model, float(os.environ.get("LOCAL_STAND_IN_SECONDS") or 0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # The engine reads the port from this file; the rename makes it appear only when it is complete.
    (base / "port.new").write_text(str(server.server_port))
    (base / "port.new").rename(base / "port")
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
