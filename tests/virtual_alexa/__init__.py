"""Runs virtual-alexa, a public test client of Alexa skills, against the skill behind a local URL."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.alexa import ROOT, SKILL_ID, Send

SCRIPTS = Path(__file__).parent
MODELS = ROOT / "interactionModels" / "custom"


def find_misresolved(locale: str) -> dict[str, Any]:
    """Count the utterances of a locale's samples, and list those that virtual-alexa resolves to another intent."""
    return _run("resolve.cjs", str(MODELS / f"{locale.partition('-')[0]}.json"))  # type: ignore[no-any-return]


def converse(send: Send, conversations: list[list[str]], locale: str = "en-US") -> list[list[dict[str, Any]]]:
    """Hold conversations with the skill; return each turn's intent, speech, and whether the session is open."""
    with _serve(send) as url:
        arguments = (url, SKILL_ID, str(MODELS / f"{locale.partition('-')[0]}.json"), locale)
        return _run("converse.cjs", *arguments, text=json.dumps(conversations))  # type: ignore[no-any-return]


def _run(script: str, *arguments: str, text: str | None = None) -> Any:
    done = subprocess.run(
        ["node", str(SCRIPTS / script), *arguments],
        input=text,
        env=os.environ | {"AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@contextmanager
def _serve(send: Send) -> Iterator[str]:
    """Serve a URL that passes requests to the skill."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = json.dumps(send(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
