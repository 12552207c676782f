"""What becomes of a build under every fault, as a table: ``make faults`` prints all of it, the tests run a part."""

import json
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.lock import read_state
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.steps.approval import answer_approval
from tests.e2e import byod
from tests.e2e.deployment import approve
from tests.e2e.git import commit
from tests.e2e.pipelines import Pipeline
from tests.e2e.stack import NAME, DeployedStack, wait_until
from tests.engine import ROOT
from tests.local.sagemaker_world import pack

Json = dict[str, Any]

MACHINE, FINISH, STEPS, MODEL_STEPS = (
    f"*-{name}Role-*" for name in ("BuildStateMachine", "FinishBuild", "BuildSteps", "ModelSteps")
)
LIMIT = 2  # seconds that a state may take, where it is to take too long
HANG = 3.0  # seconds, longer than that
PAUSE = 1.5  # seconds that a call hangs while a user aborts the execution

# Imports nothing that takes time, and gets into the trouble that its hyperparameter names.
SCRIPT = """
import argparse, os, time
from pathlib import Path

def model_fn(model_dir):
    if Path(model_dir, "unservable").exists():
        raise RuntimeError("this model cannot be served")
    Path(model_dir, "model").read_bytes()
    return "model"

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    if os.environ.get("TROUBLE") == "endless":
        time.sleep(600)
    if os.environ.get("TROUBLE") == "job":
        raise ValueError("no rows in the data")
    return "answer"

def output_fn(prediction, accept):
    return prediction, "text/plain"

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trouble", default="")
    trouble = parser.parse_args().trouble
    print("accuracy=1", flush=True)
    if trouble == "training":
        raise ValueError("the learning rate makes no sense")
    if trouble == "module":
        import absent_module
    if trouble == "memory":
        raise MemoryError
    if trouble == "disk":
        raise OSError(28, "No space left on device")
    if trouble == "endless":
        time.sleep(600)
    if trouble != "empty":
        Path(os.environ["SM_MODEL_DIR"], "unservable" if trouble == "serving" else "model").touch()
"""
TRAINING: Json = {"trainsourcefile": "quick.tar.gz"}
SERVING: Json = TRAINING | {"skiptrain": True}
TUNING = TRAINING | {
    "configtrain": "SAGEMAKERHPO",
    "hyperparameters": {"trouble": {"Values": ["none"]}},
    "tuningobjective": {"Name": "accuracy", "Type": "Maximize"},
}
SCALED = SERVING | {
    "autoscaling": {"minimum": 1, "maximum": 3, "target": 50},
    "hostinstancetype": "ml.m5.large",
}
WAKING = SCALED | {"asynchronous": {}, "autoscaling": {"minimum": 0, "maximum": 3, "target": 5}}
COMPONENT = SERVING | {"inferencecomponent": {}, "hostinstancetype": "ml.m5.large"}

REPORT = "echo '{\"accuracy\": 1}' > /opt/ml/processing/evaluation/evaluation.json"
TROUBLED_JOBS = {"endless": "sleep 600", "job": "printf 'no rows in the data' > /opt/ml/output/message; exit 1"}


def step(command: str) -> Json:
    """A processing or evaluation job that runs a shell command."""
    return {"entrypoint": ["/bin/sh", "-c", command]}


PROCESSED = SERVING | {"processing": [{"name": "prepare"} | step("true")]}
EVALUATED = SERVING | {"evaluation": step(REPORT)}
TRANSFORMED = SERVING | {"batchtransform": {"path": "score/faults/"}}
GATED = SERVING | {"qualitygate": {"metric": "accuracy", "minimum": 0.5}}
ASKING = SERVING | {"approval": "manual"}
TESTED = SERVING | {"smoketest": {"contenttype": "text/plain", "body": "question"}}
PACKED = SERVING | {"networkisolation": True}
IMAGES = byod.PARAMETERS | {"deployEndpoint": False}
# The engine clones this folder, which the table writes.
REPOSITORY = Path(tempfile.gettempdir(), f"sagebuild-faults-{os.getpid()}")
FETCHED: Json = {
    "trainsourcefile": None,
    "git_config": {"repo": f"file://{REPOSITORY}"},
    "skiptrain": True,
    "deployEndpoint": False,
}
SLOW_IMAGES = IMAGES | {"sourcelocation": "slow.zip"}
FAILING_IMAGES = IMAGES | {"sourcelocation": "failing.zip"}


def troubled(document: Json, trouble: str) -> Json:
    """The document with a script that gets into trouble, or with a Dockerfile that takes its time."""
    if document.get("framework") == "BYOD":
        return SLOW_IMAGES
    if "processing" in document:
        return document | {"processing": [{"name": "prepare"} | step(TROUBLED_JOBS[trouble])]}
    if "batchtransform" in document:
        environment = {"environment": {"TROUBLE": trouble}}
        return document | {"batchtransform": document["batchtransform"] | environment}
    if "evaluation" in document:
        return document | {"evaluation": step(TROUBLED_JOBS[trouble])}
    tunes = document.get("configtrain") == "SAGEMAKERHPO"
    return document | {"hyperparameters": {"trouble": {"Values": [trouble]} if tunes else trouble}}


@dataclass(frozen=True)
class Way:
    """How a build comes to a state: what the state calls, the document, what the endpoint is before, who does what."""

    call: str
    document: Json = field(default_factory=lambda: SERVING)
    endpoint: str = "serving"
    skip: int = 0
    act: "Callable[[DeployedStack, int], None] | None" = None


WAYS = {
    "Plan Build": Way("lambda:Invoke"),
    "Run Preprocessing": Way("states:StartExecution"),
    "Fetch Source": Way("codebuild:StartBuild", FETCHED),
    "Build Image": Way("codebuild:StartBuild", IMAGES),
    "Find Images": Way("ecr:DescribeImages", IMAGES),
    "Process Data": Way("sagemaker:CreateProcessingJob", PROCESSED),
    "Evaluate Model": Way("sagemaker:CreateProcessingJob", EVALUATED),
    "Verify Scoring Model": Way("lambda:Invoke", TRANSFORMED, skip=2),
    "Transform Data": Way("sagemaker:CreateTransformJob", TRANSFORMED),
    "Train Model": Way("sagemaker:CreateTrainingJob", TRAINING),
    "Tune Model": Way("sagemaker:CreateHyperParameterTuningJob", TUNING),
    "Find Best Model": Way("sagemaker:DescribeTrainingJob", TUNING),
    "Check Quality": Way("lambda:Invoke", GATED, skip=1),
    "Ask For Approval": Way("lambda:Invoke", ASKING, skip=3, act=approve),
    "Pack Model": Way("lambda:Invoke", PACKED, skip=1),
    "Create Model": Way("sagemaker:CreateModel"),
    "Register Model": Way("lambda:Invoke", TRAINING, skip=2),
    "Create Endpoint Config": Way("sagemaker:CreateEndpointConfig"),
    "Verify Model": Way("lambda:Invoke", skip=2),
    "Find Endpoint": Way("sagemaker:ListEndpoints"),
    "Delete Failed Endpoint": Way("sagemaker:DeleteEndpoint", endpoint="failed"),
    "Create Endpoint": Way("sagemaker:CreateEndpoint", endpoint="none"),
    "Release Scaling": Way("application-autoscaling:DeregisterScalableTarget", endpoint="scaled"),
    "Delete Wake Alarm": Way("cloudwatch:DeleteAlarms", endpoint="scaled"),
    "Update Endpoint": Way("sagemaker:UpdateEndpoint"),
    "Check Endpoint": Way("sagemaker:DescribeEndpoint"),
    "Find Component": Way("sagemaker:ListInferenceComponents", COMPONENT, "component"),
    "Delete Old Component": Way("sagemaker:DeleteInferenceComponent", COMPONENT, "leftover"),
    "Create Component": Way("sagemaker:CreateInferenceComponent", COMPONENT, "none"),
    "Update Component": Way("sagemaker:UpdateInferenceComponent", COMPONENT, "component"),
    "Check Component": Way("sagemaker:DescribeInferenceComponent", COMPONENT, "component"),
    "Run Smoke Test": Way("lambda:Invoke", TESTED, skip=3),
    "Register Scaling": Way("application-autoscaling:RegisterScalableTarget", SCALED),
    "Set Scaling Policy": Way("application-autoscaling:PutScalingPolicy", SCALED),
    "Set Wake Policy": Way("application-autoscaling:PutScalingPolicy", WAKING, skip=1),
    "Set Wake Alarm": Way("cloudwatch:PutMetricAlarm", WAKING),
    "Run Postprocessing": Way("states:StartExecution", skip=1),
}
# States that wait for a job, or for a person.
WAITING = (
    "Build Image",
    "Process Data",
    "Evaluate Model",
    "Transform Data",
    "Train Model",
    "Tune Model",
    "Ask For Approval",
)


@dataclass(frozen=True)
class Row:
    """One fault of one state, and the expected outcome of the build.

    Parameters
    ----------
    state, kind
        The state, and the fault.
    outcome
        A pattern of the build's status.
    reason
        A pattern of the build's reason; empty for a success.
    faults
        The faults of AWS.
    act
        The user's action while the build runs.
    limited
        The state that may take only a moment.
    late
        Whether the sweep, instead of the event, must finish the build.
    """

    state: str
    kind: str
    outcome: str
    reason: str = ""
    faults: tuple[Json, ...] = ()
    act: "Callable[[DeployedStack, int], None] | None" = None
    document: Json = field(default_factory=lambda: SERVING)
    endpoint: str = "serving"
    limited: str = ""
    late: bool = False

    @property
    def name(self) -> str:
        """For a person."""
        return f"{self.state}: {self.kind}"


@dataclass(frozen=True)
class Result:
    """What became of a row's build, and what of that was wrong."""

    row: Row
    status: str
    reason: str
    seconds: float
    problems: list[str]


ERRORS: dict[str, tuple[Json, str]] = {
    "throttling": ({"error": "ThrottlingException", "message": "Rate exceeded"}, "Rate exceeded"),
    "5xx": ({"error": "InternalFailure", "status": 500, "message": "We have failed."}, "We have failed"),
    "access denied": ({"error": "AccessDeniedException", "message": "You may not."}, "You may not"),
    "validation error": ({"error": "ValidationException", "message": "That is wrong."}, "That is wrong"),
}


def rows() -> Iterator[Row]:
    """The whole table."""
    for state, way in WAYS.items():
        yield from _rows_of_state(state, way)
    yield from _rows_of_jobs()
    yield from _rows_of_functions()
    yield from _rows_of_events()


def _rows_of_state(state: str, way: Way) -> Iterator[Row]:
    def row(kind: str, outcome: str, reason: str = "", fault: Json | None = None, **more: Any) -> Row:
        faults = ({"call": way.call, "by": MACHINE, "skip": way.skip} | fault,) if fault else ()
        more = {"document": way.document, "endpoint": way.endpoint, "act": way.act} | more
        return Row(state, kind, outcome, reason, faults, **more)

    throttled, _ = ERRORS["throttling"]
    yield row("throttling, twice", "succeeded", fault=throttled | {"times": 2})
    for kind, (error, reason) in ERRORS.items():
        yield row(kind, "failed", reason, error)
    # Where the repeated request is refused because its own work is there already, the build fails.
    lost = ERRORS["5xx"][0] | {"served": True, "times": 1}
    yield row("answer lost", "succeeded|failed", "^$|(?i:already exist|in use|could not find|currently)", lost)
    is_waiting = state in WAITING
    hanging = None if is_waiting else {"hang": HANG}
    document = troubled(way.document, "endless") if is_waiting else way.document
    ends = ("failed", f"{state} did not end within its time limit")
    if state == "Ask For Approval":
        ends = ("withheld", "not approved within 24 hours")
    yield row("time-out", *ends, hanging, document=document, limited=state, late=True, act=None)
    hanging = hanging and {"hang": PAUSE, "times": 1}
    yield row(
        "aborted", "stopped", "someone outside sagebuild", hanging, document=document, act=abort_in(state), late=True
    )


def _rows_of_jobs() -> Iterator[Row]:
    stopped = "stopped"
    yield Row("Train Model", "job Failed", "failed", "makes no sense", document=troubled(TRAINING, "training"))
    yield Row("Tune Model", "job Failed", "failed", "makes no sense", document=troubled(TUNING, "training"))
    causes = {"module": "no Python module absent_module", "memory": "set traininstancetype", "disk": "trainvolumesize"}
    for trouble, reason in causes.items():
        yield Row("Train Model", f"trouble with {trouble}", "failed", reason, document=troubled(TRAINING, trouble))
    limited = troubled(TRAINING, "endless") | {"trainmaxrun": 0.001}
    yield Row("Train Model", "job's time limit", "failed", "raise trainmaxrun", document=limited)
    for state, document, act in (("Train Model", TRAINING, stop_training), ("Tune Model", TUNING, stop_tuning)):
        yield Row(state, "job Stopped by someone", "failed", stopped, document=troubled(document, "endless"), act=act)
    for state, document in (("Process Data", PROCESSED), ("Evaluate Model", EVALUATED)):
        yield Row(state, "job Failed", "failed", "no rows in the data", document=troubled(document, "job"))
        endless = troubled(document, "endless")
        yield Row(state, "job Stopped by someone", "failed", "was stopped by", document=endless, act=stop_step_job)
    yield Row("Transform Data", "job Failed", "failed", "no rows in the data", document=troubled(TRANSFORMED, "job"))
    endless = troubled(TRANSFORMED, "endless")
    yield Row(
        "Transform Data", "job Stopped by someone", "failed", "was stopped by", document=endless, act=stop_transform_job
    )
    silent = SERVING | {"evaluation": step("true")}
    yield Row("Check Quality", "no report", "failed", "wrote no report", document=silent)
    unknown = FETCHED | {"git_config": {"repo": f"file://{REPOSITORY}", "branch": "absent"}}
    yield Row("Fetch Source", "no such branch", "failed", "has no branch or tag absent", document=unknown)
    yield Row("Build Image", "build fails", "failed", "could not be built", document=FAILING_IMAGES)
    yield Row("Build Image", "build stopped by someone", "failed", stopped, document=SLOW_IMAGES, act=stop_image_build)
    unservable = troubled(TRAINING, "serving")
    empty = troubled(TRAINING, "empty")
    yield Row("Pack Model", "model empty", "failed", "The training saved no model", document=empty)
    yield Row("Check Endpoint", "endpoint rolled back", "failed", "ping health check", document=unservable)
    yield Row("Check Endpoint", "endpoint Failed", "failed", "ping health check", document=unservable, endpoint="none")


def _rows_of_functions() -> Iterator[Row]:
    crash: Json = {"crash": True, "times": 1}
    denied = {"call": "sagemaker:CreateModel", "by": MACHINE} | ERRORS["access denied"][0]
    reason = ERRORS["access denied"][1]
    read = {"call": "ssm:GetParameter", "by": STEPS, "crash": True}
    yield Row("Plan Build", "function crashes once", "succeeded", faults=(read | crash,))
    lost = {"call": "s3:PutObject", "by": MODEL_STEPS} | crash
    yield Row("Pack Model", "function crashes once", "succeeded", faults=(lost,), document=PACKED)
    for call in ("s3:CopyObject", "dynamodb:UpdateItem"):
        lost = {"call": call, "by": MODEL_STEPS} | crash
        yield Row("Pack Model", f"crash at {call}", "succeeded", faults=(lost,))
    lost = {"call": "sagemaker:InvokeEndpoint", "by": STEPS} | crash
    yield Row("Run Smoke Test", "function crashes once", "succeeded", faults=(lost,), document=TESTED)
    yield Row("Plan Build", "function crashes", "failed", "Runtime exited with error", (read,))
    for call in ("s3:PutObject", "sagemaker:CreateModelPackage", "dynamodb:UpdateItem"):
        before = 2 if call == "dynamodb:UpdateItem" else 0  # calls of Pack Model
        late = {"call": call, "by": MODEL_STEPS, "skip": before} | crash
        yield Row("Register Model", f"crash at {call}", "succeeded", faults=(late,), document=TRAINING)
    refused = {"call": "sagemaker:CreateModelPackage", "by": MODEL_STEPS} | ERRORS["access denied"][0]
    yield Row("Register Model", "registry refuses", "failed", reason, (refused,), document=TRAINING)
    for call in (
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "dynamodb:TransactWriteItems",
        "sagemaker:DescribeEndpoint",
    ):
        fault = {"call": call, "by": FINISH} | crash
        yield Row("Finish", f"crash at {call}", "failed", reason, (denied, fault), late=True)
    for kind, fault in (("crash at", crash), ("throttling at", ERRORS["throttling"][0] | {"times": 9})):
        publishing = {"call": "sns:Publish", "by": FINISH} | fault
        yield Row("Finish", f"{kind} sns:Publish", "failed", reason, (denied, publishing), late=True)


def _rows_of_events() -> Iterator[Row]:
    event: Json = {"event": "Step Functions Execution Status Change"}
    for status, outcome in (("SUCCEEDED", "succeeded"), ("FAILED", "failed")):
        denied = {"call": "sagemaker:CreateModel", "by": MACHINE} | ERRORS["access denied"][0]
        cause, reason = ((), "") if outcome == "succeeded" else ((denied,), ERRORS["access denied"][1])
        for kind, effect in (("lost", {"lose": True}), ("delivered twice", {"repeat": 1}), ("late", {"delay": 60.0})):
            ended = event | {"detail": {"status": status}} | effect
            yield Row(
                "Finish", f"event {status} {kind}", outcome, reason, (*cause, ended), late=kind != "delivered twice"
            )


def abort_in(state: str) -> Callable[[DeployedStack, int], None]:
    """Abort the execution, as a user does in the console, while it is in a state."""

    def abort(stack: DeployedStack, number: int) -> None:
        states, arn = stack.client("stepfunctions"), execution_of(stack, number)

        def is_there() -> bool:
            try:
                events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
            except states.exceptions.ExecutionDoesNotExist:  # the build has its lock, and no execution yet
                return False
            return any(each.get("stateEnteredEventDetails", {}).get("name") == state for each in events)

        wait_until(is_there)
        time.sleep(0.3)  # so that it is in the middle of its call
        states.stop_execution(executionArn=arn)

    return abort


def stop_training(stack: DeployedStack, number: int) -> None:
    """Stop the training job, as a user does in the console."""
    stack.client("sagemaker").stop_training_job(TrainingJobName=stack.wait_for_training(number))


def stop_tuning(stack: DeployedStack, number: int) -> None:
    """Stop the tuning job, as a user does in the console."""
    sagemaker, job = stack.client("sagemaker"), wait_until(lambda: stack.record(number).get("tuning_job"))
    wait_until(lambda: f"{job}-001" in str(sagemaker.list_training_jobs(StatusEquals="InProgress")))
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)


def stop_step_job(stack: DeployedStack, _number: int) -> None:
    """Stop the processing or evaluation job, as a user does in the console."""
    sagemaker = stack.client("sagemaker")
    (job,) = wait_until(lambda: sagemaker.list_processing_jobs(StatusEquals="InProgress")["ProcessingJobSummaries"])
    sagemaker.stop_processing_job(ProcessingJobName=job["ProcessingJobName"])


def stop_transform_job(stack: DeployedStack, _number: int) -> None:
    """Stop the transform job, as a user does in the console."""
    sagemaker = stack.client("sagemaker")
    (job,) = wait_until(lambda: sagemaker.list_transform_jobs(StatusEquals="InProgress")["TransformJobSummaries"])
    sagemaker.stop_transform_job(TransformJobName=job["TransformJobName"])


def stop_image_build(stack: DeployedStack, number: int) -> None:
    """Stop an image build, as a user does in the console."""
    codebuild, builds = stack.client("codebuild"), byod.Byod(stack).image_builds
    running = wait_until(lambda: [each["id"] for each in builds(number) if each["buildStatus"] == "IN_PROGRESS"])
    codebuild.stop_build(id=running[0])


def execution_of(stack: DeployedStack, number: int) -> str:
    """The ARN of a build's execution."""
    machine = str(stack.outputs["StateMachineArn"])
    return f"{machine.replace(':stateMachine:', ':execution:')}:build-{number}"


class Neighbour:
    """Another pipeline of the stack, with a live endpoint and a build that waits for approval during all rows."""

    def __init__(self, stack: DeployedStack) -> None:
        self.pipeline = Pipeline(stack, "neighbour")
        stack.client("s3").put_object(
            Bucket=stack.outputs["CodeBucket"], Key="neighbour/quick.tar.gz", Body=pack({"train.py": SCRIPT})
        )
        first = self.pipeline.build(**TRAINING)
        assert first["status"] == "succeeded", first["reason"]
        self.numbers = [first["number"]]
        self._live = first["live_after"]
        self.pipeline.set_parameters(**ASKING)
        self.numbers.append(self.pipeline.start())
        wait_until(lambda: self.pipeline.record(self.numbers[-1]).get("approval_requested_at"))

    def find_changes(self) -> Iterator[str]:
        """Yield a sentence for everything that a row changed in this pipeline."""
        service, number = self.pipeline.service, self.numbers[-1]
        state, endpoint = read_state(service), describe_endpoint(service)
        if (state.running, self.pipeline.record(number)["status"]) != (number, "running"):
            yield f"the other pipeline's build {number} no longer waits"
        if endpoint != Endpoint("InService", self._live):
            yield f"the other pipeline's endpoint is {endpoint}"

    def finish(self) -> str:
        """Approve the waiting build; return its outcome."""
        answer_approval(self.pipeline.service, True, "command")
        return str(self.pipeline.finish(self.numbers[-1])["status"])


class Table:
    """Runs rows on a deployed stack, one after the other, beside a build of another pipeline."""

    def __init__(self, stack: DeployedStack) -> None:
        self.stack = stack
        self._finished: list[int] = []
        stack.client("s3").put_object(Bucket=stack.outputs["DataBucket"], Key="score/faults/rows.csv", Body=b"1,2")
        stack.client("s3").put_object(
            Bucket=stack.outputs["CodeBucket"], Key="quick.tar.gz", Body=pack({"train.py": SCRIPT})
        )
        commit(REPOSITORY, {"train.py": SCRIPT})
        self._byod = byod.Byod(stack)
        self._byod.upload(SLOW_IMAGES["sourcelocation"], training_Dockerfile=byod.SLOW)
        self._byod.upload(FAILING_IMAGES["sourcelocation"], training_Dockerfile="FROM scratch\nCOPY absent /\n")
        first = stack.build(**TRAINING)
        assert first["status"] == "succeeded", first["reason"]
        # As it is now: so many good builds follow that it is pruned.
        self._model = stack.client("sagemaker").describe_model(ModelName=first["model"])
        self._unservable = ""
        self.neighbour = Neighbour(stack)

    def run(self, row: Row) -> Result:
        """Have a row's build come to its end, and look at what is left."""
        begun = time.monotonic()
        self._prepare_endpoint(row.endpoint)
        before, number = self._describe_endpoint(), self.stack.last_number() + 1
        (self._byod if row.document.get("framework") == "BYOD" else self.stack).set_parameters(**row.document)
        problems: list[str] = []
        with self._limited(row.limited), self.stack.engine.faults(*row.faults):
            if self.stack.start_by_voice() != number:
                problems.append("the build before still has the lock")
                number = self.stack.last_number()
            if row.act:
                row.act(self.stack, number)
            self._wait_for_end(row, number)
        problems += self._look(row, number, before)
        record = self.stack.record(number)
        return Result(row, record["status"], record["reason"], time.monotonic() - begun, problems)

    def find_wrong_notifications(self) -> list[str]:
        """Return a sentence for each build without exactly one notification."""
        counts = Counter(self._hear())
        builds = [("", number) for number in self._finished]
        builds += [("neighbour", number) for number in self.neighbour.numbers]
        return [f"build {build} has {counts[build]} notifications" for build in builds if counts[build] != 1]

    def _hear(self) -> Iterator[tuple[str, int]]:
        """Yield the pipeline and the number of each notification about the end of a build."""
        sqs = self.stack.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.stack.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=self.stack.queue, ReceiptHandle=message["ReceiptHandle"])
                facts = json.loads(message["Body"])
                if facts["outcome"] != "approval":  # a request for approval
                    yield facts["pipeline"], facts["build"]["number"]

    def _wait_for_end(self, row: Row, number: int) -> None:
        if not row.late:
            self.stack.finish(number)
            return
        states, arn = self.stack.client("stepfunctions"), execution_of(self.stack, number)
        wait_until(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING")
        hanging = sum(fault.get("hang", 0) for fault in row.faults) - (LIMIT if row.limited else 0)
        time.sleep(max(hanging, 0) + 1)  # the hanging calls have returned
        wait_until(lambda: self._sweep(number))

    def _sweep(self, number: int) -> bool:
        """Sweep, and return whether within a second the build's notification is sent and none of its jobs runs."""
        self.stack.sweep()
        deadline = time.monotonic() + 1
        while not (is_clean := self._is_clean(number)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return is_clean

    def _is_clean(self, number: int) -> bool:
        return bool(self.stack.record(number).get("notified_at")) and not self._list_running_jobs()

    def _look(self, row: Row, number: int, before: tuple[str, str]) -> Iterator[str]:
        record = self.stack.record(number)
        self._finished.append(number)
        if not re.fullmatch(row.outcome, record["status"]):
            yield f"{record['status']}, not {row.outcome}: {record['reason']}"
        if not re.search(row.reason, record["reason"]) or (record["status"] != "succeeded") != bool(record["reason"]):
            yield f"the reason is {record['reason']!r}"
        if pending := self._list_pending_packages():
            yield f"neither approved nor rejected: {pending}"
        if running := self._list_running_jobs():
            yield f"still running: {running}"
        deployed = record["status"] == "succeeded" and record["endpoint_config"]
        wanted = ("InService", record["endpoint_config"]) if deployed else before
        after = self._describe_endpoint()
        if after != wanted and not (before[0] == "Failed" and after == ("", "")):
            yield f"the endpoint is {after}, not {wanted}"
        if after[0] == "InService" and self._ask_endpoint() != "answer":
            yield "the endpoint does not answer"
        wait_until(lambda: self.stack.read_lock()["running"] is None)
        yield from self.neighbour.find_changes()

    def _list_pending_packages(self) -> list[str]:
        listed = self.stack.client("sagemaker").list_model_packages(
            ModelPackageGroupName=NAME, ModelApprovalStatus="PendingManualApproval"
        )
        return [each["ModelPackageArn"] for each in listed["ModelPackageSummaryList"]]

    def _list_running_jobs(self) -> list[str]:
        sagemaker = self.stack.client("sagemaker")
        trainings = sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"]
        tunings = sagemaker.list_hyper_parameter_tuning_jobs(StatusEquals="InProgress")
        names = [each["HyperParameterTuningJobName"] for each in tunings["HyperParameterTuningJobSummaries"]]
        steps = sagemaker.list_processing_jobs(StatusEquals="InProgress")["ProcessingJobSummaries"]
        names += [each["ProcessingJobName"] for each in steps]
        transforms = sagemaker.list_transform_jobs(StatusEquals="InProgress")["TransformJobSummaries"]
        names += [each["TransformJobName"] for each in transforms]
        return [each["TrainingJobName"] for each in trainings] + names + self._list_running_image_builds()

    def _list_running_image_builds(self) -> list[str]:
        codebuild = self.stack.client("codebuild")
        ids = codebuild.list_builds()["ids"]
        builds = codebuild.batch_get_builds(ids=ids[:100])["builds"] if ids else []
        return [each["id"] for each in builds if each["buildStatus"] == "IN_PROGRESS"]

    def _describe_endpoint(self) -> tuple[str, str]:
        try:
            described = self.stack.client("sagemaker").describe_endpoint(EndpointName=NAME)
        except ClientError:
            return "", ""
        # A component's model has the name of the endpoint configuration of its build.
        if component := self._describe_component():
            return component["InferenceComponentStatus"], component["Specification"]["ModelName"]
        return described["EndpointStatus"], described["EndpointConfigName"]

    def _describe_component(self) -> Json:
        try:
            return dict(self.stack.client("sagemaker").describe_inference_component(InferenceComponentName=NAME))
        except ClientError:
            return {}

    def _ask_endpoint(self) -> str:
        described = self.stack.client("sagemaker").describe_endpoint(EndpointName=NAME)
        if "AsyncInferenceConfig" in described:  # it answers in S3, later
            return "answer"
        runtime = self.stack.client("sagemaker-runtime")
        named = {"InferenceComponentName": NAME} if self._describe_component() else {}
        answer = runtime.invoke_endpoint(EndpointName=NAME, ContentType="text/plain", Body="question", **named)
        return str(answer["Body"].read().decode())

    def _prepare_endpoint(self, wanted: str) -> None:
        """Bring the endpoint to what a row begins with."""
        component = bool(self._describe_component())
        if wanted in ("none", "failed") or component != (wanted in ("component", "leftover")):
            self._delete_component()
            self._delete_endpoint()
        if wanted not in ("scaled", "component", "leftover"):
            self._end_scaling()  # a hanging call of an earlier row may have begun it after the end of its build
        status, config = self._describe_endpoint()
        if wanted == "failed":
            self._fail_endpoint()
        documents = {"serving": SERVING, "scaled": SCALED, "component": COMPONENT, "leftover": COMPONENT}
        if wanted in documents and (wanted in ("scaled", "leftover") or status != "InService"):
            assert self.stack.build(**documents[wanted])["status"] == "succeeded", config
        if wanted == "leftover":
            self._delete_endpoint()  # and not its component

    def _delete_endpoint(self) -> None:
        if self._describe_endpoint() != ("", ""):
            self._end_scaling()
            self.stack.client("sagemaker").delete_endpoint(EndpointName=NAME)
            wait_until(lambda: self._describe_endpoint() == ("", ""))

    def _delete_component(self) -> None:
        if self._describe_component():
            self._end_scaling()
            self.stack.client("sagemaker").delete_inference_component(InferenceComponentName=NAME)
            wait_until(lambda: not self._describe_component())

    def _end_scaling(self) -> None:
        autoscaling = self.stack.client("application-autoscaling")
        for target in autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]:
            kept = ("ServiceNamespace", "ResourceId", "ScalableDimension")
            autoscaling.deregister_scalable_target(**{name: target[name] for name in kept})

    def _fail_endpoint(self) -> None:
        sagemaker, name = self.stack.client("sagemaker"), f"unservable-{time.time_ns()}"
        self._unservable = self._unservable or self.stack.build(**troubled(TRAINING, "serving"))["artifacts"]
        container = self._model["PrimaryContainer"] | {"ModelDataUrl": self._unservable}
        kept = ("Image", "ModelDataUrl", "Environment")
        sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=self._model["ExecutionRoleArn"],
            PrimaryContainer={key: container[key] for key in kept},
        )
        variant: Json = {"VariantName": "AllTraffic", "ModelName": name}
        variant |= {"InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=name)
        wait_until(lambda: self._describe_endpoint()[0] == "Failed")

    @contextmanager
    def _limited(self, state: str) -> Iterator[None]:
        """The state machine with a shorter limit for one state, where one is named."""
        states, arn = self.stack.client("stepfunctions"), self.stack.outputs["StateMachineArn"]
        definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
        if state:
            changed = json.loads(definition)
            dict(_list_tasks(changed["States"]))[state]["TimeoutSeconds"] = LIMIT
            states.update_state_machine(stateMachineArn=arn, definition=json.dumps(changed))
        try:
            yield
        finally:
            if state:
                states.update_state_machine(stateMachineArn=arn, definition=definition)


def find_states_without_rows() -> set[str]:
    """The Task states of the machine that no row is about."""
    definition = json.loads((ROOT / "statemachine.asl.json").read_text(encoding="utf-8"))
    return {name for name, _ in _list_tasks(definition["States"])} - WAYS.keys()


def _list_tasks(states: Json) -> Iterator[tuple[str, Json]]:
    """All Task states with their names, those inside of others too."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        for inner in (*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])):
            yield from _list_tasks(inner["States"])
