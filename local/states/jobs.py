"""The jobs of ``.sync`` tasks: how to identify, describe and stop each kind."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

# The names of arguments and answers are those of the States Language.
Json = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One kind of job.

    Parameters
    ----------
    describe, stop
        The operations of the service.
    identify
        The job's name, from the arguments of the task and the answer of the call.
    describe_by, stop_by
        The requests of the operations, from the name.
    report
        The result of the task, from the answer of ``describe``.
    status
        The job's status, from the result.
    running_statuses
        The statuses of a job that has not ended.
    succeeded
        The status of a successful job; any other final status fails the task.
    """

    describe: str
    stop: str
    identify: Callable[[Json, Json], str]
    describe_by: Callable[[str], Json]
    stop_by: Callable[[str], Json]
    report: Callable[[Json], Json]
    status: Callable[[Json], str]
    running_statuses: tuple[str, ...]
    succeeded: str


def _sagemaker_job(kind: str) -> Job:
    return Job(
        describe=f"Describe{kind}",
        stop=f"Stop{kind}",
        identify=lambda arguments, _: arguments[f"{kind}Name"],
        describe_by=lambda name: {f"{kind}Name": name},
        stop_by=lambda name: {f"{kind}Name": name},
        report=lambda answer: answer,
        status=lambda report: report[f"{kind}Status"],
        running_statuses=("InProgress", "Stopping"),
        succeeded="Completed",
    )


def _execution(report: Callable[[Json], Json]) -> Job:
    return Job(
        describe="DescribeExecution",
        stop="StopExecution",
        identify=lambda _, answer: answer["ExecutionArn"],
        describe_by=lambda arn: {"executionArn": arn},
        stop_by=lambda arn: {"executionArn": arn},
        report=report,
        status=lambda answer: answer["Status"],
        running_statuses=("RUNNING",),
        succeeded="SUCCEEDED",
    )


def _with_json_data(answer: Json) -> Json:
    return answer | {field: json.loads(answer[field]) for field in ("Input", "Output") if field in answer}


_BUILD = Job(
    describe="BatchGetBuilds",
    stop="StopBuild",
    identify=lambda _, answer: answer["Build"]["Id"],
    describe_by=lambda name: {"ids": [name]},
    stop_by=lambda name: {"id": name},
    report=lambda answer: {"Build": answer["Builds"][0]},
    status=lambda report: report["Build"]["BuildStatus"],
    running_statuses=("IN_PROGRESS",),
    succeeded="SUCCEEDED",
)

# By the resource of the task, without its "arn:aws:states:::", or that of another partition.
JOBS = {
    "sagemaker:createTrainingJob.sync": _sagemaker_job("TrainingJob"),
    "sagemaker:createHyperParameterTuningJob.sync": _sagemaker_job("HyperParameterTuningJob"),
    "sagemaker:createProcessingJob.sync": _sagemaker_job("ProcessingJob"),
    "sagemaker:createTransformJob.sync": _sagemaker_job("TransformJob"),
    "sagemaker:createLabelingJob.sync": replace(
        _sagemaker_job("LabelingJob"), running_statuses=("Initializing", "InProgress", "Stopping")
    ),
    "codebuild:startBuild.sync": _BUILD,
    "states:startExecution.sync": _execution(lambda answer: answer),
    "states:startExecution.sync:2": _execution(_with_json_data),
}
