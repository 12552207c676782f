"""The Lambda Runtime API of one sandbox: the runtime gets events from it and posts responses to it."""

import queue
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

_PREFIX = "/2018-06-01/runtime"
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Event:
    """One invocation for the runtime."""

    request_id: str
    payload: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """The runtime's response or error, or the end of its process."""

    kind: Literal["response", "error", "init/error", "exit"]
    payload: bytes = b""


class RuntimeApi(ThreadingHTTPServer):
    """The Runtime API of one sandbox; its port identifies the sandbox."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.started = threading.Event()
        self.events: queue.Queue[Event | None] = queue.Queue()
        self.answers: queue.Queue[Answer] = queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """The value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.server_port}"

    def report(self, answer: Answer) -> None:
        """Queue an answer, and end the wait for the runtime's start."""
        self.answers.put(answer)
        self.started.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a connection that ended with its process."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Close the server and its connections."""
        self.events.put(None)
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without these two, an answer takes several packets and waits for acknowledgements: 88 ms instead of 9.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: RuntimeApi

    def do_GET(self) -> None:
        if self.path != f"{_PREFIX}/invocation/next":
            return self._answer(404)
        self.server.started.set()
        event = self.server.events.get()
        if event is None:
            self.close_connection = True
            return None
        return self._answer(200, event.payload, event.headers | {"Lambda-Runtime-Aws-Request-Id": event.request_id})

    def do_POST(self) -> None:
        payload = self._body()
        match self.path.removeprefix(_PREFIX).strip("/").split("/"):
            case ["init", "error"]:
                self.server.report(Answer("init/error", payload))
            case ["invocation", _, "response"]:
                self.server.report(Answer("response", payload))
            case ["invocation", _, "error"]:
                self.server.report(Answer("error", payload))
            case _:
                return self._answer(404)
        return self._answer(202, b'{"status":"OK"}')

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (_JSON | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Do not log requests."""
