"""Documents with every option, and short ways to build requests and to convert them."""

import json
from pathlib import Path
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.client.conversion.requests import Conversion, convert_requests
from sagebuild.images.containers import choose_image
from sagebuild.parameters import parse_parameters
from sagebuild.requests.training import build_bodies
from sagebuild.service import Service
from tests.unit.golden_requests import NUMBER, SCRIPT, SETTINGS

FILES = Path(__file__).with_name("requests")
PYTORCH: dict[str, Any] = {"framework": "PYTORCH", "pyversion": "py312", **SCRIPT}
NETWORK = {"subnets": ["subnet-1", "subnet-2"], "securitygroups": ["sg-1"]}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:"
TUNED: dict[str, Any] = {
    "configtrain": "SAGEMAKERHPO",
    "metrics": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    "tuningobjective": {"Name": "loss", "Type": "Minimize"},
    "maxtrainingjobs": 9,
    "maxparalleltrainingjobs": 3,
    "hyperparameters": {
        "epochs": {"MinValue": 2, "MaxValue": 9, "integer": True},
        "rate": {"MinValue": 0.001, "MaxValue": 0.5, "ScalingType": "Logarithmic"},
        "optimizer": {"Values": ["adam", "1.10", 2, True]},
        "layers": [64, 10],
    },
}
OPTIONS: dict[str, dict[str, Any]] = {
    "training": {
        **PYTORCH,
        "environment": {"NCCL_DEBUG": "INFO"},
        "trafficencryption": True,
        "checkpoints": {"uri": "s3://lake/checkpoints/", "path": "/opt/ml/checkpoints"},
        "spot": True,
        "trainmaxrun": 1.5,
        "spotmaxwait": 2,
        "keepalive": 600,
        "traininstancecount": 2,
        "traininstancetype": "ml.p3.16xlarge",
        "volumekmskey": "alias/disks",
        "outputkmskey": "alias/output",
        "distribution": {"strategy": "mpi", "processes": 8, "options": "--verbose"},
        "Tags": {"team": "fraud"},
        "channels": {
            "a": {"uri": "s3://lake/a", "dist": "ShardedByS3Key", "ShuffleConfig": {"Seed": 7}, "InputMode": "Pipe"},
            "b": {"uri": "s3://lake/b", "type": "AugmentedManifestFile", "AttributeNames": ["source-ref"]},
        },
        **NETWORK,
    },
    "isolated": {**PYTORCH, "networkisolation": True, **NETWORK},
    "smdistributed": {**PYTORCH, "traininstancetype": "ml.p4d.24xlarge", "distribution": {"strategy": "smdistributed"}},
    "torch": {**PYTORCH, "traininstancetype": "ml.g5.xlarge", "distribution": {"strategy": "torch_distributed"}},
    "chainer": {"framework": "CHAINER", **SCRIPT, "distribution": {"strategy": "mpi", "processes": 2}},
    "model_dir": {
        "framework": "TENSORFLOW",
        "tensorflowversion": "2.14",
        "hyperparameters": {"model_dir": False, "training_steps": 1000},
        **SCRIPT,
    },
    "horovod": {
        "framework": "TENSORFLOW",
        "tensorflowversion": "2.14",
        "distribution": {"strategy": "mpi"},
        **SCRIPT,
    },
    "asynchronous": {
        **PYTORCH,
        "hostinstancetype": "ml.g5.xlarge",
        "hostkmskey": "alias/host",
        "outputkmskey": "alias/output",
        "asynchronous": {
            "output": "s3://lake/answers/",
            "concurrency": 4,
            "successtopic": f"{TOPIC}good",
            "errortopic": f"{TOPIC}bad",
        },
    },
    "started": {
        **PYTORCH,
        "hostinstancetype": "ml.g5.xlarge",
        "downloadtimeout": 1200,
        "starttimeout": 600,
        "inferenceami": "al2-ami-sagemaker-inference-gpu-2",
    },
    "captured": {
        **PYTORCH,
        "outputkmskey": "alias/output",
        "datacapture": {"percentage": 5, "prefix": "s3://lake/captured/"},
    },
    "serverless": {**PYTORCH, "serverless": {"memory": 2, "concurrency": 5, "provisioned": 1}},
    "pipeline": {
        **PYTORCH,
        "pipeline": [{"image": "own:1", "artifacts": "s3://lake/first.tar.gz", "environment": {"A": "b"}}],
    },
    "tuning": {**PYTORCH, **TUNED, "earlystopping": "Auto", "parentJobs": ["old"], "WarmStartType": "TransferLearning"},
    "hyperband": {
        **PYTORCH,
        **TUNED,
        "tuningstrategy": "Hyperband",
        "hyperband": {"minresource": 1, "maxresource": 9},
        "tuningcompletion": {"targetvalue": 0.1},
    },
    "tensorflow-tuning": {"framework": "TENSORFLOW", "tensorflowversion": "2.14", **SCRIPT, **TUNED},
    "amazon-tuning": {
        "framework": "AMAZON",
        "algorithm": "xgboost",
        "configtrain": "SAGEMAKERHPO",
        "tuningobjective": {"Name": "validation:auc", "Type": "Maximize"},
        "hyperparameters": {"num_round": 10, "eta": {"MinValue": 0, "MaxValue": 1}, "booster": {"Values": ["dart"]}},
        "tuningcompletion": {"notimproving": 5, "convergence": True},
    },
}  # fmt: skip


def build(document: dict[str, Any]) -> dict[str, Any]:
    """Return the requests that a build of a document sends."""
    context = BuildContext(Service(SETTINGS, lambda _name: None), NUMBER, parse_parameters(document))
    images = choose_image(context, "training").uri, choose_image(context, "inference").uri
    return dict(build_bodies(context, *images))


def convert(*bodies: Any, framework: str | None = None) -> Conversion:
    return convert_requests([(f"{number}.json", json.dumps(body)) for number, body in enumerate(bodies)], framework)


def read(name: str) -> Any:
    return json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))
