"""Container side of an endpoint: the HTTP server with /ping and /invocations in front of a responder module.

It runs in its own process, in a folder with model/, code/ and packages/, and does not import the engine. Its arguments
are the folder, the responder module's file (a path, or a name next to this one), and that module's arguments. The
module's ``build_responder(base, *arguments)`` returns a function of body, content type and accept. An error with a
``status`` sets the HTTP status. Requests are answered one at a time, as by one worker of a container.
"""

import importlib.util
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_JSON, _CSV, _TEXT = "application/json", "text/csv", "text/plain"
_PORT = "SAGEMAKER_BIND_TO_PORT"  # default: a free port
_DECODED = (_JSON, _CSV, _TEXT)  # input_fn gets these as str, others as bytes

Respond = Callable[[bytes | str, str, str], tuple[bytes, str]]


class Handler(BaseHTTPRequestHandler):
    """Serves /ping and /invocations."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet per answer
    respond: Respond
    lock = threading.Lock()

    def do_GET(self) -> None:
        """Answer the health check."""
        self._send(200 if self.path == "/ping" else 404, b"", _TEXT)

    def do_POST(self) -> None:
        """Answer one invocation."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content_type = _media_type(self.headers.get("Content-Type")) or _JSON
        accept = _media_type(self.headers.get("Accept"))
        if accept == "*/*":
            accept = ""
        try:
            body = raw.decode() if content_type in _DECODED else raw
            with self.lock:
                payload, answer_type = type(self).respond(body, content_type, accept)
        except Exception as error:  # any error of the script becomes the answer
            traceback.print_exc()
            status = getattr(error, "status", None)
            message = str(error) if status else f"{type(error).__name__}: {error}"
            self._send(status or 500, message.encode(), _TEXT)
        else:
            self._send(200, payload, answer_type)

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests except health checks."""
        if self.path != "/ping":
            # In one piece, because requests are answered in threads.
            print(f'"{format % args}"\n', end="", flush=True)

    def _send(self, status: int, payload: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _media_type(header: str | None) -> str:
    return (header or "").partition(";")[0].strip().lower()


def _load_builder(file: str) -> Callable[..., Respond]:
    path = Path(__file__).parent / file
    spec = importlib.util.spec_from_file_location(f"_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    builder: Callable[..., Respond] = module.build_responder
    return builder


def main(base: Path, file: str, *arguments: str) -> int:
    """Serve until SIGTERM; return the exit code if the model cannot be loaded."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # as train.py sets it
    os.environ["SM_MODEL_DIR"] = str(base / "model")
    if base != Path("/opt/ml"):
        os.environ["SAGEMAKER_BASE_DIR"] = str(base)
    try:
        Handler.respond = staticmethod(_load_builder(file)(base, *arguments))
    except Exception as error:
        traceback.print_exc()
        print(f"the model cannot be served: {error}", file=sys.stderr, flush=True)
        return 1
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get(_PORT, "0"))), Handler)
    # The engine reads the port from this file; the rename makes it appear only when it is complete.
    (base / "port.new").write_text(str(server.server_port))
    (base / "port.new").rename(base / "port")
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
