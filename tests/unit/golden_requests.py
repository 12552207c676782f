"""The golden request bodies of each framework's build and of each ready pipeline: tests/unit/golden/<name>.json.

Look through the difference after writing them anew: `.venv/bin/python -m tests.unit.golden_requests`.
"""

import json
from pathlib import Path
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.cost.budget import limit_to_maxcost
from sagebuild.images.containers import choose_image
from sagebuild.images.table import Image
from sagebuild.names import name_resource
from sagebuild.parameters import parse_parameters
from sagebuild.requests.bodies import build_endpoint
from sagebuild.requests.script_mode import plan_packing
from sagebuild.requests.training import build_bodies
from sagebuild.service import Service
from tests.ready_pipelines import list_pipelines

GOLDEN = Path(__file__).with_name("golden")
NUMBER = 7
SETTINGS = {
    "AWS_REGION": "eu-west-1",
    "STACK_NAME": "sagebuild-dev",
    "STACK_ID": "arn:aws:cloudformation:eu-west-1:123456789012:stack/sagebuild-dev/3f2a1c00-0000",
    "DATA_BUCKET": "data-bucket",
    "CODE_BUCKET": "code-bucket",
    "MODEL_BUCKET": "model-bucket",
    "TRAINING_ROLE_ARN": "arn:aws:iam::123456789012:role/training",
    "HOSTING_ROLE_ARN": "arn:aws:iam::123456789012:role/hosting",
    "IMAGE_REPOSITORY_URI": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagebuild-dev",
}
SCRIPT = {"trainentrypoint": "train.py", "trainsourcefile": "source.tar.gz"}
LABELLED = {"path": "train/", "contentType": "text/csv"}
IMAGE_LISTS = {name: {"path": f"{name}/"} for name in ("train", "validation")}
OWN: dict[str, dict[str, Any]] = {
    # The seed's own defaults, but for the script.
    "tensorflow-1.8": {"framework": "TENSORFLOW", "requirementsfile": "src/needs.txt", **SCRIPT},
    "tensorflow-1.12": {"framework": "TENSORFLOW", "tensorflowversion": "1.12", "containerloglevel": 20, **SCRIPT},
    "tensorflow-2": {
        "framework": "TENSORFLOW",
        "tensorflowversion": "2.14",
        "pyversion": "py310",
        "trainingsteps": 500,
        "hostentrypoint": "inference.py",
        "hostsourcefile": "serving.tar.gz",
        **SCRIPT,
    },
    "mxnet-1.1": {"framework": "MXNET", "enablecloudwatchmetrics": "true", **SCRIPT},
    "mxnet-1.9": {"framework": "MXNET", "mxnetversion": "1.9.0", "pyversion": "py38", **SCRIPT},
    "pytorch-1.1": {"framework": "PYTORCH", "frameworkversion": "1.1.0", **SCRIPT},
    "pytorch": {
        "framework": "PYTORCH",
        "pyversion": "py312",
        "requirementsfile": "requirements.txt",
        "traininstancetype": "ml.g5.xlarge",
        "hyperparameters": {"epochs": 3, "optimizer": "adam", "layers": [64, 10]},
        **SCRIPT,
    },
    "pytorch-instance-groups": {
        "framework": "PYTORCH",
        "instancegroups": [
            {"name": "data", "type": "ml.c5.xlarge", "count": 2},
            {"name": "train", "type": "ml.g5.xlarge", "count": 1},
        ],
        "channels": {"raw": {"path": "raw/", "instancegroups": ["data"]}},
        "retryattempts": 2,
        **SCRIPT,
    },
    "pytorch-own-images": {
        "framework": "PYTORCH",
        "trainimage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:train",
        "hostimage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:serve",
        **SCRIPT,
    },
    "scikit-file-system": {
        "framework": "SCIKIT",
        "channels": {
            "training": {"filesystem": {"id": "fs-0123456789abcdef0", "type": "FSxLustre", "directory": "/abcd/train"}}
        },
        "subnets": ["subnet-1"],
        "securitygroups": ["sg-1"],
        **SCRIPT,
    },
    "scikit-no-channels": {"framework": "SCIKIT", "channels": {}, **SCRIPT},
    "scikit": {
        "framework": "SCIKIT",
        "metrics": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        "hostentrypoint": "serve.py",
        **SCRIPT,
    },
    "scikit-maxcost": {"framework": "SCIKIT", "maxcost": "0.25", **SCRIPT},
    "chainer": {"framework": "CHAINER", **SCRIPT},
    "xgboost": {"framework": "XGBOOST", "hyperparameters": {"eta": 0.2, "objective": "multi:softmax"}, **SCRIPT},
    "huggingface": {"framework": "HUGGINGFACE", "pyversion": "py311", **SCRIPT},
    "huggingface-script": {
        "framework": "HUGGINGFACE",
        "pyversion": "py311",
        "hostentrypoint": "serve.py",
        "modelhostingenvironment": {"HF_TASK": "text-classification"},
        **SCRIPT,
    },
    "amazon-linear-learner": {
        "framework": "AMAZON",
        "algorithm": "linear-learner",
        "hyperparameters": {"predictor_type": "regressor", "epochs": 5, "normalize_data": True},
        "channels": {"train": LABELLED},
    },
    "amazon-kmeans": {
        "framework": "AMAZON",
        "algorithm": "kmeans",
        "inputmode": "Pipe",
        "hyperparameters": {"k": "10", "feature_dim": 784, "eval_metrics": ["msd", "ssd"]},
    },
    "amazon-xgboost": {
        "framework": "AMAZON",
        "algorithm": "xgboost",
        "hyperparameters": {"num_round": 50, "objective": "reg:squarederror"},
        "channels": {"train": LABELLED, "validation": LABELLED | {"path": "validation/"}},
    },
    "amazon-xgboost-1": {
        "framework": "AMAZON",
        "algorithm": "xgboost",
        "frameworkversion": 1,
        "hyperparameters": {"num_round": 50, "objective": "reg:linear"},
    },
    "amazon-image-classification": {
        "framework": "AMAZON",
        "algorithm": "image-classification",
        "traininstancetype": "ml.p3.2xlarge",
        "hyperparameters": {"num_classes": 10, "num_training_samples": 5000},
        "channels": {name: place | {"contentType": "application/x-recordio"} for name, place in IMAGE_LISTS.items()},
    },
    "byod": {"framework": "BYOD", "TrainingImage": "123.dkr/training:1", "InferenceImage": "123.dkr/inference:1"},
}
DOCUMENTS = OWN | {f"pipeline-{each.name}": each.document for each in list_pipelines()}


def build_requests(document: dict[str, Any]) -> dict[str, Any]:
    """All request bodies of a build, by the names of the plan."""
    context = BuildContext(Service(SETTINGS, lambda _name: None), NUMBER, parse_parameters(document))
    training = choose_image(context, "training") if context.parameters.has_training else Image("")
    inference = choose_image(context, "inference")
    limited = limit_to_maxcost(context, build_bodies(context, training.uri, inference.uri))
    steps = {kind: body for kind, body in limited.bodies.items() if kind.startswith("processing:")}
    return {
        "document": document,
        "notes": sorted({note for note in (training.note, inference.note, limited.note) if note}),
        **steps,
        "training": limited.bodies.get("training"),
        "packing": plan_packing(context),
        "model": limited.bodies["model"],
        "endpointConfig": limited.bodies["endpointConfig"],
        "endpoint": build_endpoint(context.service, name_resource(context.service, NUMBER)),
    }


def main() -> None:
    """Write every golden file anew."""
    for old in GOLDEN.glob("*.json"):
        old.unlink()
    for name, document in DOCUMENTS.items():
        (GOLDEN / f"{name}.json").write_text(json.dumps(build_requests(document), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
