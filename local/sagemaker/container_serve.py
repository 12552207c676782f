"""Container side of an endpoint: serves a script's model_fn, input_fn, predict_fn and output_fn over HTTP.

It runs in its own process, in a folder with model/, code/ and packages/, and imports nothing of the engine. What it
follows is the contract of SageMaker's scikit-learn container: /ping, /invocations, the four functions (or transform_fn)
and their defaults for JSON, CSV and NPY. One request is computed at a time, as in one worker of the container.
"""

import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

_JSON, _CSV, _NPY, _TEXT = "application/json", "text/csv", "application/x-npy", "text/plain"
_DECODED = (_JSON, _CSV, _TEXT)  # given to input_fn as str, everything else as bytes

Respond = Callable[[bytes | str, str, str], tuple[bytes, str]]


class RequestError(Exception):
    """A request that cannot be served, with the HTTP status that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ScriptError(Exception):
    """The script cannot be served."""


def load_script(base: Path) -> ModuleType:
    """Import the script that SAGEMAKER_PROGRAM names, from code/ or from the model's own code/."""
    program = os.environ.get("SAGEMAKER_PROGRAM")
    if not program:
        raise ScriptError("the model's Environment must name its script as SAGEMAKER_PROGRAM")
    folders = [base / "code", base / "model" / "code"]
    path = next((folder / program for folder in folders if (folder / program).is_file()), None)
    if not path:
        raise ScriptError(f"{program} is neither in SAGEMAKER_SUBMIT_DIRECTORY nor in code/ of the model's archive")
    _install_requirements(base, path.parent)
    sys.path[:0] = [str(path.parent), str(base / "packages")]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = script
    spec.loader.exec_module(script)
    return script


def _install_requirements(base: Path, code: Path) -> None:
    requirements = code / "requirements.txt"
    if requirements.is_file():
        installer = Path(__file__).with_name("container_requirements.py")
        command = [sys.executable, "-P", str(installer), str(requirements), str(base / "packages")]
        if subprocess.run(command, check=False).returncode:
            raise ScriptError("requirements.txt could not be installed")


def build_responder(script: ModuleType, model_dir: str) -> Respond:
    """Load the model and return the function that answers one request: body, content type, accept."""
    model_fn = getattr(script, "model_fn", None)
    if not model_fn:
        raise ScriptError("the script must define model_fn(model_dir), which returns the model")
    input_fn = getattr(script, "input_fn", default_input)
    predict_fn = getattr(script, "predict_fn", default_predict)
    output_fn = getattr(script, "output_fn", default_output)
    transform_fn = getattr(script, "transform_fn", None)
    model = model_fn(model_dir)

    def respond(body: bytes | str, content_type: str, accept: str) -> tuple[bytes, str]:
        if transform_fn:
            result = transform_fn(model, body, content_type, accept)
        else:
            result = output_fn(predict_fn(input_fn(body, content_type), model), accept)
        payload, answer_type = result if isinstance(result, tuple) else (result, accept)
        if isinstance(payload, str):
            return payload.encode(), answer_type
        if not isinstance(payload, bytes | bytearray):
            raise RequestError(500, f"the script must answer with str or bytes, not {type(payload).__name__}")
        return bytes(payload), answer_type

    return respond


def default_input(body: bytes | str, content_type: str) -> Any:
    """The container's own input_fn."""
    import numpy

    if content_type == _NPY:
        assert isinstance(body, bytes)
        return numpy.load(io.BytesIO(body)).astype(numpy.float32)
    if content_type == _JSON:
        return numpy.array(json.loads(body))
    if content_type == _CSV:
        assert isinstance(body, str)
        return numpy.genfromtxt(io.StringIO(body), delimiter=",")
    if content_type == _TEXT:
        return body
    raise RequestError(415, f"Unsupported content type: {content_type}")


def default_predict(data: Any, model: Any) -> Any:
    """The container's own predict_fn."""
    return model.predict(data)


def default_output(prediction: Any, accept: str) -> tuple[bytes | str, str]:
    """The container's own output_fn."""
    import numpy

    values = numpy.asarray(prediction)
    if accept == _JSON:
        return json.dumps(values.tolist()), accept
    if accept in (_CSV, _TEXT):
        rows = values if values.ndim > 1 else values.reshape(-1, 1)
        return "\n".join(",".join(str(value) for value in row) for row in rows.tolist()) + "\n", accept
    if accept == _NPY:
        buffer = io.BytesIO()
        numpy.save(buffer, values)
        return buffer.getvalue(), accept
    raise RequestError(406, f"Unsupported accept type: {accept}")


class Handler(BaseHTTPRequestHandler):
    """/ping and /invocations."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet per answer
    respond: Respond
    lock = threading.Lock()

    def do_GET(self) -> None:
        """Say that the model is loaded."""
        self._send(200 if self.path == "/ping" else 404, b"", _TEXT)

    def do_POST(self) -> None:
        """Answer one invocation."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content_type = _media_type(self.headers.get("Content-Type")) or _JSON
        accept = _media_type(self.headers.get("Accept"))
        if accept in ("", "*/*"):
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or _JSON
        try:
            body = raw.decode() if content_type in _DECODED else raw
            with self.lock:
                payload, answer_type = type(self).respond(body, content_type, accept)
        except RequestError as error:
            self._send(error.status, str(error).encode(), _TEXT)
        except Exception as error:  # the script's own error is the answer
            traceback.print_exc()
            self._send(500, f"{type(error).__name__}: {error}".encode(), _TEXT)
        else:
            self._send(200, payload, answer_type)

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests, but not the engine's health check."""
        if self.path != "/ping":
            print(f'"{format % args}"', flush=True)

    def _send(self, status: int, payload: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _media_type(header: str | None) -> str:
    return (header or "").partition(";")[0].strip().lower()


def main(base: Path) -> int:
    """Serve until told to stop; returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    os.environ |= {"SM_MODEL_DIR": str(base / "model"), "SAGEMAKER_BASE_DIR": str(base)}
    try:
        Handler.respond = staticmethod(build_responder(load_script(base), str(base / "model")))
    except ScriptError as error:
        print(f"the model cannot be served: {error}", file=sys.stderr, flush=True)
        return 1
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # The engine reads the port here; the rename keeps it from reading half a number.
    (base / "port.new").write_text(str(server.server_port))
    (base / "port.new").rename(base / "port")
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
