"""A web server that keeps the requests that it receives, for tests of what others send to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class WebServer:
    """The server: its address, the requests so far, and the statuses with which it answers, the last one for ever."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    statuses: list[int] = field(default_factory=lambda: [200])


@contextmanager
def running_web_server() -> Iterator[WebServer]:
    """A server on a free port of this machine."""
    server = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append(Received("POST", self.path, dict(self.headers.items()), json.loads(body)))
            self.send_response(server.statuses.pop(0) if len(server.statuses) > 1 else server.statuses[0])
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Print nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{listening.server_port}"
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
