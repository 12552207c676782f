"""Container side of TensorFlow Serving: serves its REST predict API from a SavedModel, with TensorFlow.

It follows SageMaker's container for TensorFlow Serving: the model is in a folder named after its version; JSON without
``instances`` or ``inputs``, JSON lines and CSV become instances; code/inference.py may define input_handler and
output_handler.
"""

import importlib.util
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

_JSON, _CSV = "application/json", "text/csv"
_JSON_LINES = ("application/jsonlines", "application/jsons")
_SIGNATURE = "serving_default"
_HANDLERS = ("input_handler", "output_handler")

Respond = Callable[[bytes | str, str, str], tuple[bytes, str]]


class RequestError(Exception):
    """A request that cannot be served, with the HTTP status of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(json.dumps({"error": message}))
        self.status = status


class ModelError(Exception):
    """The model cannot be served."""


def build_responder(base: Path) -> Respond:
    """Load the SavedModel; return the function that answers one request."""
    import tensorflow

    model = tensorflow.saved_model.load(str(_find_model(base / "model")))
    script = _load_script(base / "model" / "code")
    input_handler, output_handler = (getattr(script, name, None) for name in _HANDLERS)

    def respond(body: bytes | str, content_type: str, accept: str) -> tuple[bytes, str]:
        context = SimpleNamespace(request_content_type=content_type, accept_header=accept or _JSON)
        if input_handler:
            request = input_handler(io.BytesIO(body.encode() if isinstance(body, str) else body), context)
        else:
            request = _to_request(body if isinstance(body, str) else body.decode(), content_type)
        answer = json.dumps(_predict(model, json.loads(request))).encode()
        if not output_handler:
            return answer, _JSON
        response = SimpleNamespace(status_code=200, content=answer, text=answer.decode())
        payload, answer_type = output_handler(response, context)
        return payload.encode() if isinstance(payload, str) else payload, answer_type

    return respond


def _find_model(folder: Path) -> Path:
    """The folder of the newest version: a SavedModel in a folder whose name is a number."""
    found = [file.parent for file in folder.rglob("saved_model.pb") if file.parent.name.isdigit()]
    if not found:
        raise ModelError("the model needs a SavedModel in a folder whose name is a number, such as 1/saved_model.pb")
    return max(found, key=lambda version: int(version.name))


def _load_script(code: Path) -> ModuleType | None:
    path = code / "inference.py"
    if not path.is_file():
        return None
    sys.path.insert(0, str(code))
    spec = importlib.util.spec_from_file_location("inference", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules["inference"] = script
    spec.loader.exec_module(script)
    if not all(hasattr(script, name) for name in _HANDLERS):
        raise ModelError(f"local/ needs both {' and '.join(_HANDLERS)} in inference.py")
    return script


def _to_request(body: str, content_type: str) -> str:
    if content_type == _CSV:
        rows = [[float(value) for value in line.split(",")] for line in body.strip().splitlines()]
        return json.dumps({"instances": [row if len(row) > 1 else row[0] for row in rows]})
    if content_type not in (_JSON, *_JSON_LINES):
        raise RequestError(415, f"Unsupported Media Type: {content_type}")
    given = _parse_json(body)
    if isinstance(given, dict) and given.keys() & {"instances", "inputs"}:
        return body
    is_batch = isinstance(given, list) and bool(given) and isinstance(given[0], list | dict)
    return json.dumps({"instances": given if is_batch else [given]})


def _parse_json(body: str) -> Any:
    """The JSON value, or the list of values of JSON lines."""
    try:
        return json.loads(body)
    except ValueError:
        try:
            return [json.loads(line) for line in body.strip().splitlines()]
        except ValueError as error:
            raise RequestError(400, f"JSON Parse error: {error}") from error


def _predict(model: Any, request: dict[str, Any]) -> dict[str, Any]:
    import tensorflow

    signature = model.signatures.get(request.get("signature_name", _SIGNATURE))
    if signature is None:
        raise RequestError(400, f"the model has no signature {request.get('signature_name', _SIGNATURE)}")
    by_row = "instances" in request
    try:
        given = request["instances" if by_row else "inputs"]
        tensors = _to_tensors(given, by_row, signature.structured_input_signature[1])
        outputs = {name: tensor.numpy().tolist() for name, tensor in signature(**tensors).items()}
    except (KeyError, TypeError, ValueError, tensorflow.errors.InvalidArgumentError) as error:
        raise RequestError(400, f"Failed to process the request: {error}") from error
    single = next(iter(outputs.values())) if len(outputs) == 1 else None
    if not by_row:
        return {"outputs": outputs if single is None else single}
    rows = single or [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]
    return {"predictions": rows}


def _to_tensors(given: Any, by_row: bool, wanted: dict[str, Any]) -> dict[str, Any]:
    import tensorflow

    if by_row and given and isinstance(given[0], dict):
        given = {name: [instance[name] for instance in given] for name in wanted}
    if not (isinstance(given, dict) and given.keys() == wanted.keys()):
        (name,) = wanted  # only a model with one input accepts it without a name
        given = {name: given}
    tensors = {name: tensorflow.constant(given[name], dtype=spec.dtype) for name, spec in wanted.items()}
    for name, spec in wanted.items():
        if not spec.shape.is_compatible_with(tensors[name].shape):
            raise ValueError(f"{name} has the shape {tensors[name].shape}; it must be {spec.shape}")
    return tensors
