"""Code of the SageMaker SDK, version 3, as users write it; the converter reads it, and nothing runs it."""

from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import (
    CheckpointConfig,
    Compute,
    InputData,
    MetricDefinition,
    Networking,
    SourceCode,
    StoppingCondition,
)
from sagemaker.train.distributed import Torchrun
from sagemaker.train.tuner import HyperparameterTuner

REGION = "eu-west-1"
INSTANCE = {"train": "ml.g5.xlarge", "host": "ml.m5.large"}


def main() -> None:
    session = Session()
    bucket = session.default_bucket()
    image = image_uris.retrieve(
        framework="pytorch",
        region=REGION,
        version="2.6.0",
        py_version="py312",
        instance_type=INSTANCE["train"],
        image_scope="training",
    )
    trainer = (
        ModelTrainer(
            training_image=image,
            source_code=SourceCode(source_dir="src", entry_script="train.py", requirements="requirements.txt"),
            compute=Compute(
                instance_type=INSTANCE["train"],
                instance_count=2,
                volume_size_in_gb=100,
                enable_managed_spot_training=True,
            ),
            networking=Networking(
                subnets=["subnet-0123abcd"],
                security_group_ids=["sg-0123abcd"],
                enable_inter_container_traffic_encryption=True,
            ),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=3600, max_wait_time_in_seconds=7200),
            distributed=Torchrun(process_count_per_node=1),
            hyperparameters={"epochs": 5, "name": f"run-{REGION}"},
            environment={"MODE": "fast"},
            base_job_name="mnist",
            role=get_execution_role(),
            tags=[{"key": "team", "value": "vision"}],
        )
        .with_metric_definitions([MetricDefinition(name="accuracy", regex="accuracy=([0-9.]+)")])
        .with_remote_debug_config(None)
    )
    trainer.with_checkpoint_config(CheckpointConfig(s3_uri="s3://my-lake/checkpoints/"))
    inputs = [
        InputData(channel_name="train", data_source="s3://my-lake/mnist/train/", content_type="text/csv"),
        InputData(channel_name="test", data_source="data"),
        InputData(channel_name="more", data_source=f"s3://{bucket}/more/"),
    ]
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name="accuracy",
        hyperparameter_ranges={"lr": ContinuousParameter(0.001, 0.1), "layers": IntegerParameter(1, 4)},
        max_jobs=4,
        strategy="Random",
    )
    tuner.tune(inputs=inputs, wait=True)
    builder = ModelBuilder(
        model=trainer,
        source_code=SourceCode(source_dir="src", entry_script="train.py"),
        image_uri=image_uris.retrieve(
            "pytorch",
            REGION,
            version="2.6.0",
            py_version="py312",
            instance_type=INSTANCE["host"],
            image_scope="inference",
        ),
        env_vars={"WORKERS": "2"},
        role_arn="arn:aws:iam::123456789012:role/host",
    )
    builder.build(model_name="mnist")
    endpoint = builder.deploy(endpoint_name="mnist", instance_type=INSTANCE["host"], initial_instance_count=2)
    endpoint.invoke(body=b"1")


if __name__ == "__main__":
    main()
