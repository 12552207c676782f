"""A stand-in for the Hugging Face hub: it has every model, each with the same small files, and asks for a token."""

from typing import Any

from flask import Blueprint, jsonify, request
from werkzeug import Response

from local import config

PREFIX = "/_local/hub"
COMMIT = "57a4d1e500000000000000000000000000000000"
_NOTICE = b"This is a stand-in for a model of the Hugging Face hub; local/ made it.\n"
FILES = {"README.md": _NOTICE, "config.json": b'{"stand_in": true}\n', "model.safetensors": _NOTICE}

pages = Blueprint("hub", __name__)


def address() -> str:
    """The value of HF_ENDPOINT."""
    return config.current().endpoint_url + PREFIX


@pages.before_request
def _ask_for_token() -> Response | None:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return None if given else Response("The stand-in for the hub needs a token.\n", 401)


@pages.get("/api/models/<owner>/<name>/revision/main")
def _describe_model(owner: str, name: str) -> Any:
    siblings = [{"rfilename": path, "size": len(content)} for path, content in FILES.items()]
    return jsonify(id=f"{owner}/{name}", sha=COMMIT, siblings=siblings)


@pages.get(f"/<owner>/<name>/resolve/{COMMIT}/<path:path>")
def _read_file(owner: str, name: str, path: str) -> Response:
    content = FILES.get(path)
    return Response(content) if content else Response(f"{owner}/{name} has no file {path}.\n", 404)
