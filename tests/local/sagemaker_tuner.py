"""Helpers for tests of tuning jobs: a script with a predictable objective, and requests for it."""

import uuid
from typing import Any

from tests.engine import Engine
from tests.local.sagemaker_world import IMAGE, World, pack, wait_until

# Its objective is best at x = 0.5; hyperparameters make it fail in several ways.
SCRIPT = """
import argparse, os, time
parser = argparse.ArgumentParser()
parser.add_argument("-x", type=float, default=0)
parser.add_argument("--kind", default="plain")
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--mood", default="")
given = parser.parse_args()
if given.mood == "broken":
    raise ValueError("no gradient at all")
for epoch in range(given.epochs):
    if given.mood != "silent":
        print("score=%.6f" % (1 - (given.x - 0.5) ** 2), flush=True)
    if given.mood == "slow":
        time.sleep(600)
    if given.epochs > 1:
        time.sleep(0.1 if given.x == 0.5 else 0.4)
open(os.path.join(os.environ["SM_MODEL_DIR"], "model"), "w").write(str(given.x))
"""
OBJECTIVE = {"Type": "Maximize", "MetricName": "score"}


class Tuner(World):
    """Starts tuning jobs and waits for them."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.source = self.put("source.tar.gz", pack({"train.py": SCRIPT}))

    def request(self, ranges: dict[str, Any], *, static: dict[str, str] | None = None, **config: Any) -> dict[str, Any]:
        """A CreateHyperParameterTuningJob request."""
        limits = {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2} | config.pop("limits", {})
        algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File"}
        metrics = [{"Name": "score", "Regex": r"score=([0-9.]+)"}]
        own = {"sagemaker_program": "train.py", "sagemaker_submit_directory": self.source}
        return {
            "HyperParameterTuningJobName": f"tune-{uuid.uuid4().hex[:8]}",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": OBJECTIVE,
                "ResourceLimits": {name: value for name, value in limits.items() if value},
                "ParameterRanges": ranges,
            }
            | config,
            "TrainingJobDefinition": {
                "StaticHyperParameters": own | (static or {}),
                "AlgorithmSpecification": algorithm | {"MetricDefinitions": metrics},
                "RoleArn": self.role,
                "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/out"},
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
                "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            },
        }

    def create(self, request: dict[str, Any]) -> str:
        """Start a tuning job with this request; return its name."""
        self.sagemaker.create_hyper_parameter_tuning_job(**request)
        name: str = request["HyperParameterTuningJobName"]
        return name

    def start(self, ranges: dict[str, Any], **config: Any) -> str:
        """Start a tuning job with these ranges; return its name."""
        return self.create(self.request(ranges, **config))

    def describe(self, name: str) -> dict[str, Any]:
        """DescribeHyperParameterTuningJob."""
        answer: dict[str, Any] = self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return answer

    def finish(self, name: str) -> dict[str, Any]:
        """Wait until a tuning job has ended; describe it."""
        ended = ("Completed", "Failed", "Stopped")
        return wait_until(lambda: self.describe(name), lambda job: job["HyperParameterTuningJobStatus"] in ended)

    def trainings(self, name: str, **more: Any) -> list[dict[str, Any]]:
        """ListTrainingJobsForHyperParameterTuningJob."""
        found: list[dict[str, Any]] = self.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name, MaxResults=100, **more
        )["TrainingJobSummaries"]
        return found
