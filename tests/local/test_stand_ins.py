"""Scripts in local/ find stand-ins for the modules that only SageMaker's containers have."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import IMAGE, TRAINING_LOGS, Host, Trainer, pack

XGBOOST = IMAGE.replace("scikit-learn:1.2-1", "xgboost:3.0-5")
# Like the scripts of AWS's example of an inference pipeline, with modules that it imports and does not use.
SERVES = """
import json
from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return encoders.decode(body, content_type)

def predict_fn(data, model):
    if data.size == 1:
        return transformer.Transformer
    return data * 2

def output_fn(prediction, accept):
    if accept == content_types.JSON:
        return worker.Response(json.dumps({"instances": prediction.tolist()}), mimetype=accept)
    if accept == "image/png":
        return worker.Response("no pictures", status=406)
    return worker.Response(encoders.encode(prediction, accept), mimetype=accept)
"""
# Like the script of AWS's example of distributed training, on one instance.
TRAINS = """
import argparse, json, os
import sagemaker_containers
import xgboost
from sagemaker_containers import entry_point
from sagemaker_xgboost_container import distributed
from sagemaker_xgboost_container.data_utils import get_content_type, get_dmatrix

def train(params, dtrain, num_boost_round, model_dir, is_master):
    booster = xgboost.train(params, dtrain, num_boost_round)
    if is_master:
        booster.save_model(os.path.join(model_dir, "xgboost-model.json"))

if __name__ == "__main__":
    env = sagemaker_containers.training_env()
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int)
    given = parser.parse_args()
    matrices = {
        name: get_dmatrix(os.environ[f"SM_CHANNEL_{name.upper()}"], get_content_type(kind))
        for name, kind in (("csv", "text/csv; label_size=1"), ("libsvm", "libsvm"))
    }
    print({name: (one.num_row(), one.num_col(), one.get_label().tolist()) for name, one in matrices.items()})
    print("read", env.hosts, env.model_dir == os.environ["SM_MODEL_DIR"], get_dmatrix("/absent", "csv"))
    args = dict(params={}, dtrain=matrices["csv"], num_boost_round=given.rounds, model_dir=env.model_dir)
    distributed.rabit_run(
        exec_fun=train, args=args, include_in_training=True, hosts=env.hosts, current_host=env.current_host,
        update_rabit_args=True,
    )

def model_fn(model_dir):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(model_dir, "xgboost-model.json"))
    return booster

def input_fn(body, content_type):
    from sagemaker_xgboost_container import encoder
    return encoder.decode(body, content_type)
"""


@pytest.fixture(scope="module")
def host(engine: Engine) -> Host:
    return Host(engine)


def serve(host: Host, script: str, image: str, files: dict[str, str | bytes], **environment: str) -> str:
    archive = host.put("stand-ins/model.tar.gz", pack({"code/serve.py": script, **files}))
    given = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", **environment}
    model = host.model("", Image=image, ModelDataUrl=archive, Environment=given)
    endpoint = host.begin(host.configure(main=model))
    described = host.settle(endpoint)
    assert described["EndpointStatus"] == "InService", described
    return endpoint


def test_a_serving_script_uses_encoders_and_responses(host: Host) -> None:
    endpoint = serve(host, SERVES, IMAGE, {})
    assert json.loads(host.invoke(endpoint, "1,2\n3,4", "text/csv", Accept="application/json")) == {
        "instances": [[2, 4], [6, 8]]
    }
    assert host.invoke(endpoint, "[[1, 2]]", Accept="text/csv") == b"2,4\n"
    assert host.invoke(endpoint, "1\n2", "text/csv", Accept="text/csv") == b"2.0\n4.0\n"
    for body, accept, message in (
        ("[[1, 2]]", "image/png", r"\(406\).*no pictures"),
        ("[1]", "application/json", "no transformer.Transformer"),
        ("[[1, 2]]", "text/plain", "Content type text/plain is not supported"),
    ):
        with pytest.raises(ClientError, match=message):
            host.invoke(endpoint, body, Accept=accept)
    host.sagemaker.delete_endpoint(EndpointName=endpoint)


def test_an_xgboost_script_trains_and_serves(engine: Engine, host: Host) -> None:
    world = Trainer(engine)
    for key, text in {
        "csv/a.csv": "1,2,3\n0,4,5\n",
        "csv/in/b.csv": "1,2,\n",
        "libsvm/a": "1 0:2 1:3\n0 1:4\n",
    }.items():
        world.put(key, text)
    name = world.start(
        TRAINS,
        HyperParameters={"rounds": "2"},
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        InputDataConfig=[read_channel(world, name) for name in ("csv", "libsvm")],
    )
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Completed", job
    lines = world.read_logs(TRAINING_LOGS, name)
    assert "{'csv': (3, 2, [1.0, 0.0, 1.0]), 'libsvm': (2, 2, [1.0, 0.0])}" in lines
    assert "read ['algo-1'] True None" in lines
    model = world.read(job["ModelArtifacts"]["S3ModelArtifacts"])
    source = host.put("stand-ins/source.tar.gz", pack({"serve.py": TRAINS}))
    created = host.model("", Image=XGBOOST, ModelDataUrl=host.put("trained/model.tar.gz", model), Environment={
        "SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": source,
    })  # fmt: skip
    endpoint = host.begin(host.configure(main=created))
    assert host.settle(endpoint)["EndpointStatus"] == "InService"
    answers = [host.invoke(endpoint, "2,3", "text/csv"), host.invoke(endpoint, "0 0:2 1:3", "text/libsvm")]
    assert answers[0] == answers[1]
    host.sagemaker.delete_endpoint(EndpointName=endpoint)


def read_channel(world: Trainer, name: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{world.bucket}/{name}"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def test_an_image_without_these_modules_has_no_stand_ins(engine: Engine) -> None:
    world = Trainer(engine)
    job = world.finish(world.start("import sagemaker_xgboost_container"))
    assert "No module named 'sagemaker_xgboost_container'" in job["FailureReason"]
