"""The framework containers in local/ train and serve scripts by the rules of each container."""

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import Host, Trainer, pack, wait_until

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-{}:2.6.0-cpu-py312"
TENSORFLOW = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-{}:2.19-cpu"

XGBOOST_SCRIPT = """
import os, pathlib, xgboost

def model_fn(model_dir):
    booster = xgboost.Booster()
    booster.load_model(pathlib.Path(model_dir, "model.json"))
    return booster

if __name__ == "__main__":
    data = xgboost.DMatrix([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]] * 25, label=[0, 1, 2, 3] * 25)
    booster = xgboost.train({"max_depth": 2, "eta": 0.9, "min_child_weight": 0}, data, 40)
    booster.save_model(pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json"))
"""
TORCH_SCRIPT = """
import os, pathlib, torch

class Sum(torch.nn.Module):
    def forward(self, rows):
        return rows.sum(dim=1)

def model_fn(model_dir):
    return Sum()

if __name__ == "__main__":
    torch.jit.script(Sum()).save(pathlib.Path(os.environ["SM_MODEL_DIR"], "model.pt"))
"""
TENSORFLOW_SCRIPT = """
import os, tensorflow

class Sum(tensorflow.Module):
    @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, 2], tensorflow.float32, name="rows")])
    def serve(self, rows):
        return {"sum": tensorflow.reduce_sum(rows, axis=1)}

model = Sum()
path = os.path.join(os.environ["SM_MODEL_DIR"], "1")
tensorflow.saved_model.save(model, path, signatures={"serving_default": model.serve})
"""
HANDLERS = """
import json

def input_handler(data, context):
    assert context.request_content_type == "text/plain"
    return json.dumps({"instances": [[float(value) for value in data.read().decode().split()]]})

def output_handler(response, context):
    return str(json.loads(response.content)["predictions"][0]), "text/plain"
"""


@pytest.fixture(scope="module")
def trainer(engine: Engine) -> Trainer:
    return Trainer(engine)


@pytest.fixture(scope="module")
def host(engine: Engine) -> Iterator[Host]:
    host = Host(engine)
    yield host
    for endpoint in host.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
        host.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


def train(trainer: Trainer, script: str, image: str) -> str:
    """Train with a script; return the S3 URI of the model."""
    name = trainer.start(script, AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"})
    job = trainer.finish(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    address: str = job["ModelArtifacts"]["S3ModelArtifacts"]
    return address


def deploy(host: Host, image: str, model: str, **environment: str) -> str:
    """Start to create an endpoint for a model; return its name."""
    changes: dict[str, Any] = {"Image": image, "ModelDataUrl": model, "Environment": environment}
    name = host.begin(host.configure(main=host.model("", **changes)))
    host.settle(name)
    return name


def serve(host: Host, image: str, model: str, **environment: str) -> str:
    """Create an endpoint for a model, and wait until it is in service; return its name."""
    name = deploy(host, image, model, **environment)
    described = host.describe(name)
    assert described["EndpointStatus"] == "InService", described["FailureReason"]
    return name


def refused(host: Host, name: str, body: Any, content_type: str, **more: Any) -> tuple[int, str]:
    """Send a request that the container refuses; return the status and message."""
    with pytest.raises(ClientError) as caught:
        host.invoke(name, body, content_type, **more)
    answer: Any = caught.value.response
    return answer["OriginalStatusCode"], answer["OriginalMessage"]


def test_xgboost_serves_a_booster_with_the_defaults_of_its_container(trainer: Trainer, host: Host) -> None:
    model = train(trainer, XGBOOST_SCRIPT, XGBOOST)
    source = host.put("xgboost/source.tar.gz", pack({"serve.py": XGBOOST_SCRIPT}))
    name = serve(host, XGBOOST, model, SAGEMAKER_PROGRAM="serve.py", SAGEMAKER_SUBMIT_DIRECTORY=source)
    expected = pytest.approx([0.0, 3.0], abs=0.01)
    assert json.loads(host.invoke(name, "0,0\n1,1", "text/csv")) == expected
    assert json.loads(host.invoke(name, "0 1:0 2:0\n0 1:1 2:1", "text/libsvm")) == expected
    lines = host.invoke(name, "0,0\n1,1", "text/csv", Accept="text/csv").decode().split()
    assert [float(line) for line in lines] == expected
    assert refused(host, name, b"[[0, 0]]", "application/json") == (415, "Unsupported content type: application/json")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("pass", "the script must define model_fn(model_dir)"),
        ("def transform_fn(*_): ...\ndef predict_fn(*_): ...", "the script must define either transform_fn or any of"),
    ],
)
def test_an_invalid_script_fails_with_the_reason_in_the_log(host: Host, script: str, message: str) -> None:
    model = host.put("bare/model.tar.gz", pack({"model.json": "{}", "code/serve.py": script}))
    name = deploy(host, XGBOOST, model, SAGEMAKER_PROGRAM="serve.py")
    wait_until(
        lambda: host.read_logs(f"/aws/sagemaker/Endpoints/{name}", "main"),
        lambda lines: any(message in line for line in lines),
    )
    assert host.describe(name)["EndpointStatus"] == "Failed"


@pytest.mark.parametrize(
    "image", [TENSORFLOW.replace("inference", "elsewhere"), "1.dkr/sagemaker-tensorflow:1.8-cpu-py2", "1.dkr/own:1"]
)
def test_the_error_for_an_unsupported_image_names_it(host: Host, image: str) -> None:
    name = deploy(host, image, host.put("any/model.tar.gz", pack({"a": "b"})))
    reason = host.describe(name)["FailureReason"]
    assert f"local/ cannot run the image {image}" in reason
    assert "sagemaker-xgboost" in reason


@pytest.mark.examples
def test_pytorch_serves_only_a_script_in_the_models_archive(host: Host) -> None:
    image = PYTORCH.format("inference")
    packed = host.put("torch/model.tar.gz", pack({"weights": "none", "code/serve.py": TORCH_SCRIPT}))
    name = serve(host, image, packed, SAGEMAKER_PROGRAM="serve.py", SAGEMAKER_SUBMIT_DIRECTORY="/opt/ml/model/code")
    assert host.invoke_json(name, [[1, 2], [3, 4]]) == [3.0, 7.0]
    assert host.invoke(name, "1,2\n3,4", "text/csv", Accept="text/csv").decode().split() == ["3.0", "7.0"]
    body = io.BytesIO()
    numpy.save(body, numpy.array([[1.0, 2.0]]))
    answer = host.invoke(name, body.getvalue(), "application/x-npy", Accept="application/x-npy")
    assert numpy.load(io.BytesIO(answer)).tolist() == [3.0]
    assert refused(host, name, b"1 2", "text/xml") == (415, "Unsupported content type: text/xml")
    # Like the real container, it ignores SAGEMAKER_SUBMIT_DIRECTORY.
    source = host.put("torch/source.tar.gz", pack({"serve.py": TORCH_SCRIPT}))
    bare = host.put("torch/bare.tar.gz", pack({"weights": "none"}))
    ignored = deploy(host, image, bare, SAGEMAKER_PROGRAM="serve.py", SAGEMAKER_SUBMIT_DIRECTORY=source)
    assert host.describe(ignored)["EndpointStatus"] == "Failed"


@pytest.mark.examples
def test_pytorch_serves_torchscript_without_a_script(trainer: Trainer, host: Host) -> None:
    model = train(trainer, TORCH_SCRIPT, PYTORCH.format("training"))
    name = serve(host, PYTORCH.format("inference"), model)
    assert host.invoke_json(name, [[1, 2], [3, 4]]) == [3.0, 7.0]


@pytest.mark.examples
def test_tensorflow_serving_answers_from_a_saved_model(trainer: Trainer, host: Host) -> None:
    model = train(trainer, TENSORFLOW_SCRIPT, TENSORFLOW.format("training"))
    name = serve(host, TENSORFLOW.format("inference"), model)
    expected = {"predictions": [3.0, 7.0]}
    for value in (
        {"instances": [[1, 2], [3, 4]]},
        {"instances": [{"rows": [1, 2]}, {"rows": [3, 4]}]},
        [[1, 2], [3, 4]],
    ):
        assert host.invoke_json(name, value) == expected
    assert host.invoke_json(name, {"inputs": [[1, 2], [3, 4]]}) == {"outputs": [3.0, 7.0]}
    assert json.loads(host.invoke(name, "1,2\n3,4", "text/csv")) == expected
    assert json.loads(host.invoke(name, "[1,2]\n[3,4]\n", "application/jsonlines")) == expected
    for body in (b'{"instances": [[1]]}', b'{"instances": [[1, 2]], "signature_name": "other"}', b"{"):
        status, message = refused(host, name, body, "application/json")
        assert status == 400
        assert "error" in json.loads(message)
    assert refused(host, name, b"<a/>", "text/xml")[0] == 415
    # The serving script is in the model's archive.
    files = {"code/inference.py": HANDLERS.encode()} | unpacked(host.read(model))
    scripted = serve(host, TENSORFLOW.format("inference"), host.put("tensorflow/model.tar.gz", pack(dict(files))))
    assert host.invoke(scripted, b"1 2", "text/plain") == b"3.0"


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files in a tar.gz archive, without folders."""
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {entry.name: file.read() for entry in tar if entry.isreg() and (file := tar.extractfile(entry))}
