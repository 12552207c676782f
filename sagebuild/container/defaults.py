"""Container side of a serving script: its functions, and each framework's defaults for missing ones.

It follows SageMaker's containers for scikit-learn, XGBoost, PyTorch and Hugging Face: model_fn, input_fn, predict_fn
and output_fn (or transform_fn instead of the last three), with defaults for JSON, CSV and NPY.
"""

import importlib
import importlib.util
import io
import json
import os
import site
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

_JSON, _CSV, _NPY = "application/json", "text/csv", "application/x-npy"
_DEFAULT_SCRIPT = "inference.py"

Respond = Callable[[bytes | str, str, str], tuple[bytes, str]]


class RequestError(Exception):
    """A request that cannot be served, with the HTTP status of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ScriptError(Exception):
    """The script cannot be served."""


class SklearnDefaults:
    """The defaults of scikit-learn's container."""

    def input_fn(self, body: bytes | str, content_type: str) -> Any:
        """The request as an array."""
        import numpy

        array = _decode(body, content_type)
        return array if content_type == _NPY else array.astype(numpy.float32)

    def predict_fn(self, data: Any, model: Any) -> Any:
        """The model's prediction."""
        return model.predict(data)

    def output_fn(self, prediction: Any, accept: str) -> tuple[bytes | str, str]:
        """The prediction in the accepted format."""
        return _encode(prediction, accept), accept


class XgboostDefaults(SklearnDefaults):
    """The defaults of XGBoost's container."""

    def input_fn(self, body: bytes | str, content_type: str) -> Any:
        """The request as an XGBoost matrix; as on AWS, it must have no empty lines."""
        from sagemaker_xgboost_container import encoder

        try:
            return encoder.decode(body, content_type)
        except encoder.UnsupportedFormatError:
            raise RequestError(415, f"Unsupported content type: {content_type}") from None

    def predict_fn(self, data: Any, model: Any) -> Any:
        """The booster's prediction."""
        return model.predict(data, validate_features=False)


class TorchDefaults(SklearnDefaults):
    """The defaults of PyTorch's container, on a CPU."""

    def model_fn(self, model_dir: str) -> Any:
        """Load the model's only TorchScript file."""
        import torch

        files = sorted(file for file in Path(model_dir).iterdir() if file.suffix in (".pt", ".pth"))
        files = [file for file in files if file.name == "model.pt"] or files
        if len(files) != 1:
            raise ScriptError(
                f"without a model_fn the model must have one TorchScript file (.pt or .pth); it has {len(files)}"
            )
        return torch.jit.load(files[0], map_location="cpu")

    def input_fn(self, body: bytes | str, content_type: str) -> Any:
        """The request as a tensor of floats, or of the NPY body's type."""
        import torch

        array = _decode(body, content_type)
        return torch.from_numpy(array) if content_type == _NPY else torch.FloatTensor(array)

    def predict_fn(self, data: Any, model: Any) -> Any:
        """The model's output."""
        import torch

        model.eval()
        with torch.no_grad():
            return model(data)

    def output_fn(self, prediction: Any, accept: str) -> tuple[bytes | str, str]:
        """The prediction in the accepted format."""
        tensor = hasattr(prediction, "detach")
        return super().output_fn(prediction.detach().cpu().numpy() if tensor else prediction, accept)


class TransformersDefaults:
    """The defaults of Hugging Face's container, on a CPU: a pipeline for the task that HF_TASK names.

    https://github.com/aws/sagemaker-huggingface-inference-toolkit: handler_service.py, for JSON
    """

    def model_fn(self, model_dir: str) -> Any:
        """Load the model and its tokenizer."""
        from transformers import pipeline

        task = os.environ.get("HF_TASK")
        if not task:
            raise ScriptError("the model's Environment must set HF_TASK, such as text-classification")
        return pipeline(task, model=model_dir, tokenizer=model_dir, device=-1)

    def input_fn(self, body: bytes | str, content_type: str) -> Any:
        """The request: an object with ``inputs``, and with ``parameters`` of the pipeline."""
        if content_type != _JSON:
            raise RequestError(415, f"Unsupported content type: {content_type}")
        return json.loads(body)

    def predict_fn(self, data: Any, model: Any) -> Any:
        """The pipeline's answer."""
        if not isinstance(data, dict):
            return model(data)
        given = dict(data)
        inputs, parameters = given.pop("inputs", given), given.pop("parameters", None)
        return model(inputs, **(parameters or {}))

    def output_fn(self, prediction: Any, accept: str) -> tuple[str, str]:
        """The answer as JSON."""
        if accept != _JSON:
            raise RequestError(406, f"Unsupported accept type: {accept}")
        return json.dumps(prediction), accept


_DEFAULTS = {
    "sklearn": SklearnDefaults,
    "torch": TorchDefaults,
    "transformers": TransformersDefaults,
    "xgboost": XgboostDefaults,
}
_SCRIPT_FUNCTIONS = ("input_fn", "predict_fn", "output_fn")


def build_responder(base: Path, framework: str) -> Respond:
    """Load the script and its model; return the function that answers one request."""
    defaults = _DEFAULTS[framework]()
    script = _load_script(base, needed=not hasattr(defaults, "model_fn"))
    transform_fn = getattr(script, "transform_fn", None)
    if transform_fn and any(hasattr(script, name) for name in _SCRIPT_FUNCTIONS):
        raise ScriptError(f"the script must define either transform_fn or any of {', '.join(_SCRIPT_FUNCTIONS)}")
    model_fn = getattr(script, "model_fn", getattr(defaults, "model_fn", None))
    if not model_fn:
        raise ScriptError("the script must define model_fn(model_dir), which returns the model")
    input_fn, predict_fn, output_fn = (getattr(script, name, getattr(defaults, name)) for name in _SCRIPT_FUNCTIONS)
    model = model_fn(str(base / "model"))

    def respond(body: bytes | str, content_type: str, accept: str) -> tuple[bytes, str]:
        accept = accept or os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or _JSON
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


def _load_script(base: Path, *, needed: bool) -> ModuleType | None:
    """Import the script SAGEMAKER_PROGRAM from code/ or from code/ in the model.

    The containers import a module whose name is the path without .py (environment.py of the inference toolkit), so they
    do not find a script in a folder: those with a default for every function then ignore it.
    """
    program = os.environ.get("SAGEMAKER_PROGRAM", "" if needed else _DEFAULT_SCRIPT)
    if not program:
        raise ScriptError("the model's Environment must set SAGEMAKER_PROGRAM to the name of the script")
    module = program.removesuffix(".py")
    for code in (base / "code", base / "model" / "code"):
        sys.path[:0] = [str(code)]
        if (code / program).is_file() or _is_importable(module):
            _install_requirements(base, code)
            sys.path[:0] = [str(code)]
            break
        sys.path.remove(str(code))
    if _is_importable(module):
        return importlib.import_module(module)
    if needed and "/" in program:
        raise ScriptError(f"No module named '{module}': the container imports {program} by its file name only")
    if needed:
        raise ScriptError(f"{program} is neither in SAGEMAKER_SUBMIT_DIRECTORY nor in code/ of the model's archive")
    return None


def _is_importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # the parent of a dotted name is no package
        return False


def _install_requirements(base: Path, code: Path) -> None:
    if not (code / "requirements.txt").is_file():
        return
    installer = Path(__file__).with_name("requirements.py")
    command = [sys.executable, "-P", str(installer), str(code), str(base / "packages")]
    if subprocess.run(command, check=False).returncode:
        raise ScriptError("requirements.txt could not be installed")
    packages = next((base / "packages").glob("lib/python*/site-packages"))
    sys.path.insert(0, str(packages))
    site.addsitedir(str(packages))  # for the paths of editable installs


def _decode(body: bytes | str, content_type: str) -> Any:
    import numpy

    if content_type == _NPY:
        assert isinstance(body, bytes)
        return numpy.load(io.BytesIO(body))
    if content_type == _JSON:
        return numpy.array(json.loads(body))
    if content_type == _CSV:
        assert isinstance(body, str)
        return numpy.genfromtxt(io.StringIO(body), delimiter=",")
    raise RequestError(415, f"Unsupported content type: {content_type}")


def _encode(prediction: Any, accept: str) -> bytes | str:
    import numpy

    values = numpy.asarray(prediction)
    if accept == _JSON:
        return json.dumps(values.tolist())
    if accept == _CSV:
        text = io.StringIO()
        numpy.savetxt(text, numpy.atleast_1d(values), delimiter=",", fmt="%s")
        return text.getvalue()
    if accept == _NPY:
        buffer = io.BytesIO()
        numpy.save(buffer, values)
        return buffer.getvalue()
    raise RequestError(406, f"Unsupported accept type: {accept}")
