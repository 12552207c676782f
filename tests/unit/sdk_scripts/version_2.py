"""Code of the SageMaker SDK, version 2, as users write it; the converter reads it, and nothing runs it."""

import os

import boto3
import sagemaker
from sagemaker.async_inference import AsyncInferenceConfig
from sagemaker.inputs import TrainingInput
from sagemaker.pytorch import PyTorch
from sagemaker.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner, IntegerParameter

BUCKET = "my-lake"
PREFIX = "mnist"
HOUR = 60 * 60
session = sagemaker.Session()
role = sagemaker.get_execution_role()
account = boto3.client("sts").get_caller_identity()["Account"]

hyperparameters = {"epochs": 3, "backend": "gloo"}
hyperparameters["batch-size"] = 2 * 32
metrics = [
    {"Name": "loss", "Regex": "loss=([0-9.]+)"},
    {"Name": "accuracy", "Regex": r"accuracy=([0-9.]+)"},
]
network = dict(subnets=["subnet-0123abcd"], security_group_ids=["sg-0123abcd"])


def make_estimator(instance_type: str = "ml.g5.xlarge") -> PyTorch:
    return PyTorch(
        "train.py",
        source_dir="src",
        role=role,
        framework_version="2.6.0",
        py_version="py312",
        instance_type=instance_type,
        instance_count=1,
        volume_size=50,
        use_spot_instances=True,
        max_run=2 * HOUR,
        max_wait=4 * HOUR,
        hyperparameters=hyperparameters,
        metric_definitions=metrics,
        checkpoint_s3_uri=f"s3://{BUCKET}/{PREFIX}/checkpoints",
        environment={"TOKEN": os.environ["HF_TOKEN"], "MODE": "fast"},
        output_path=f"s3://{account}-out/",
        tags=[{"Key": "team", "Value": "vision"}],
        rules=[object()],
        max_runtime=3,
        **network,
    )


estimator = make_estimator()
ranges = {
    "lr": ContinuousParameter(1e-4, 0.1, scaling_type="Logarithmic"),
    "hidden": IntegerParameter(16, 128),
    "optimizer": CategoricalParameter(["sgd", "adam"]),
}
tuner = HyperparameterTuner(
    estimator,
    objective_metric_name="accuracy",
    hyperparameter_ranges=ranges,
    metric_definitions=metrics,
    max_jobs=8,
    max_parallel_jobs=2,
    early_stopping_type="Auto",
)
train = TrainingInput(f"s3://{BUCKET}/{PREFIX}/train/", content_type="text/csv", distribution="ShardedByS3Key")
test = session.upload_data("data/train.csv", key_prefix=f"{PREFIX}/test")
tuner.fit({"train": train, "test": test, "extra": f"s3://{session.default_bucket()}/extra"}, wait=False)
queue = AsyncInferenceConfig(output_path=f"s3://{BUCKET}/answers/", max_concurrent_invocations_per_instance=4)
predictor = tuner.deploy(initial_instance_count=2, instance_type="ml.m5.large", async_inference_config=queue)
print(predictor.predict([[1, 2, 3]]))
other = PyTorch(entry_point="other.py", role=role)
