"""Serves the iris model, by the contract of SageMaker's inference containers: GET /ping and POST /invocations."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import joblib
import numpy as np

# A container finds its model at /opt/ml and has a port 8080 to itself; local/, which runs programs without one, says
# where they are instead.
BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
PORT = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
KINDS = ("setosa", "versicolor", "virginica")


class Handler(BaseHTTPRequestHandler):
    """Answers lines of four measures with the names of the kinds, as JSON."""

    model: Any

    def do_GET(self) -> None:
        """Say that the model is loaded."""
        self.answer(200 if self.path == "/ping" else 404, {})

    def do_POST(self) -> None:
        """Answer one invocation."""
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.headers["Content-Type"] != "text/csv":
            self.answer(415, {"error": "give lines of four measures as text/csv"})
            return
        try:
            measures = np.loadtxt(StringIO(text), delimiter=",", ndmin=2)
            kinds = [KINDS[kind] for kind in self.model.predict(measures)]
        except ValueError as error:
            self.answer(400, {"error": str(error)})
            return
        self.answer(200, kinds)

    def answer(self, status: int, content: Any) -> None:
        """Send JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log what was asked, but for the health check of every few seconds."""
        if self.path != "/ping":
            super().log_message(format, *args)


if __name__ == "__main__":
    Handler.model = joblib.load(BASE / "model/model.joblib")
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
