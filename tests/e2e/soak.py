"""``make soak``: hundreds of builds of several pipelines under random faults, kills, stops, rollbacks and deletions.

Afterwards the books must balance: each request belongs to exactly one build, each build has one end and one
notification, nothing paid runs without a build, no lock is left, and each endpoint serves what the last build left.
A seed repeats the same decisions: ``make soak SEED=7 BUILDS=50``. How the processes interleave differs in each run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from botocore.exceptions import ClientError
from rich.progress import Progress

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import BuildRecord, list_builds
from sagebuild.errors import SagebuildError
from sagebuild.names import name_execution
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.steps.approval import answer_approval
from tests.e2e.faults import SCRIPT, TRAINING
from tests.e2e.pipelines import Pipeline
from tests.e2e.stack import NAME, DeployedStack, deploy
from tests.engine import running_engine
from tests.local.sagemaker_world import pack

NAMES = ("red", "green", "blue")
QUIET_SECONDS = 240.0
# Each lasts for a few actions.
FAULTS: tuple[list[dict[str, Any]], ...] = (
    [],
    [],
    [{"call": "sagemaker:*", "by": "*BuildStateMachineRole*", "error": "ThrottlingException", "times": 4}],
    [{"call": "dynamodb:*", "by": "*Role*", "error": "InternalServerError", "status": 500, "times": 4}],
    [{"call": "dynamodb:TransactWriteItems", "error": "InternalServerError", "served": True, "times": 2}],
    [{"call": "states:StartExecution", "error": "ServiceUnavailable", "served": True, "status": 503, "times": 2}],
    [{"call": "sns:Publish", "by": "*FinishBuild*", "crash": True, "times": 1}],
    [{"call": "dynamodb:UpdateItem", "by": "*FinishBuild*", "crash": True, "times": 1}],
    [{"call": "dynamodb:PutItem", "by": "*Coordination*", "crash": True, "times": 1}],
    [{"event": "Step Functions*", "lose": True, "times": 1}],
    [{"event": "Step Functions*", "repeat": 1, "times": 2}],
    [{"event": "Step Functions*", "delay": 60, "times": 1}],
)
# What the requests set, with their weights.
OVERRIDES: tuple[tuple[int, dict[str, Any]], ...] = (
    (10, {}),
    (2, {"hyperparameters": {"trouble": "training"}}),
    (1, {"hyperparameters": {"trouble": "serving"}}),
    (2, {"hyperparameters": {"trouble": "endless"}}),
    (2, {"approval": "manual"}),
    (2, {"qualitygate": {"metric": "accuracy", "minimum": 2}}),
    (2, {"skiptrain": True}),
    (1, {"deployEndpoint": False}),
    (1, {"trainmaxrun": "soon"}),
)


class Soak:
    """The stack, its pipelines, and what was asked of each."""

    def __init__(self, stack: DeployedStack, random: Random) -> None:
        self.stack, self.random = stack, random
        self.pipelines = [Pipeline(stack, name) for name in NAMES]
        for pipeline in self.pipelines:
            key, archive = f"{pipeline.name}/quick.tar.gz", pack({"train.py": SCRIPT})
            stack.client("s3").put_object(Bucket=stack.outputs["CodeBucket"], Key=key, Body=archive)
            pipeline.set_parameters(**TRAINING)
        self.asked: dict[str, set[str]] = defaultdict(set)
        self.deleted: dict[str, str] = {}  # endpoints that were deleted from outside, by pipeline
        self.done: Counter[str] = Counter()
        resources = stack.client("cloudformation")
        self.queues = {
            name: resources.describe_stack_resource(StackName=NAME, LogicalResourceId=name)["StackResourceDetail"][
                "PhysicalResourceId"
            ]
            for name in ("LaunchQueue", "DeadLetterQueue")
        }

    def act(self) -> None:
        """Do one thing, chosen at random."""
        actions = {
            self.request: 12,
            self.duplicate: 2,
            self.roll_back: 2,
            self.abort: 3,
            self.answer: 4,
            self.stop_training: 1,
            self.delete_endpoint: 1,
            self.inject: 3,
            self.sweep: 2,
        }
        action = self.random.choices([*actions], [*actions.values()])[0]
        pipeline = self.random.choice(self.pipelines)
        self.done[action.__name__] += 1
        try:
            action(pipeline)
        except (ClientError, SagebuildError) as error:  # as when the build has ended meanwhile
            self.done[f"{action.__name__}: {type(error).__name__}"] += 1
        time.sleep(self.random.uniform(0, 0.8))

    def request(self, pipeline: Pipeline) -> None:
        """Request a build, or several at once."""
        weights, overrides = zip(*OVERRIDES, strict=True)
        for _ in range(self.random.choice((1, 1, 1, 3, 20))):
            self._send(pipeline, json.dumps(self.random.choices(overrides, weights)[0]))

    def duplicate(self, pipeline: Pipeline) -> None:
        """Deliver one request three times."""
        self._send(pipeline, "{}", times=3)

    def roll_back(self, pipeline: Pipeline) -> None:
        """Request a rollback, which is refused while a build runs."""
        self._send(pipeline, json.dumps({"rollback": "previous"}))

    def abort(self, pipeline: Pipeline) -> None:
        """Abort the running execution, as a person does in the console."""
        if number := read_state(pipeline.service).running:
            machine = pipeline.service.settings.state_machine_arn.replace(":stateMachine:", ":execution:")
            arn = f"{machine}:{name_execution(pipeline.service, number)}"
            self.stack.client("stepfunctions").stop_execution(executionArn=arn)

    def answer(self, pipeline: Pipeline) -> None:
        """Approve or reject the build that waits for it."""
        answer_approval(pipeline.service, self.random.random() < 0.5, "command")

    def stop_training(self, pipeline: Pipeline) -> None:
        """Stop a training, as a person does in the console."""
        for job in self._list_trainings():
            if f"-{pipeline.name}-" in job:
                self.stack.client("sagemaker").stop_training_job(TrainingJobName=job)

    def delete_endpoint(self, pipeline: Pipeline) -> None:
        """Delete the endpoint, as a person does in the console."""
        self.stack.client("sagemaker").delete_endpoint(EndpointName=pipeline.endpoint)
        self.deleted[pipeline.name] = f"{time.time():.3f}"

    def inject(self, _pipeline: Pipeline) -> None:
        """Replace the faults."""
        self.stack.engine.put_faults(*self.random.choice(FAULTS))

    def sweep(self, _pipeline: Pipeline) -> None:
        """Sweep, as the schedule does; a fault may kill the function."""
        with suppress(AssertionError):
            self.stack.sweep()

    def count_builds(self) -> int:
        """Return how many builds were started."""
        return sum(read_state(pipeline.service).last_number for pipeline in self.pipelines)

    def settle(self) -> None:
        """Take the faults away, answer what waits, stop what never ends, and wait until nothing runs."""
        self.stack.engine.put_faults()
        deadline = time.monotonic() + QUIET_SECONDS
        while busy := [one for one in self.pipelines if self._is_busy(one)]:
            if time.monotonic() > deadline:
                return
            for pipeline in busy:
                try:
                    self.answer(pipeline)
                except (ClientError, SagebuildError):
                    if self._is_endless(pipeline):
                        self.abort(pipeline)
            self.stack.sweep()
            time.sleep(2)

    def find_problems(self) -> Iterator[str]:
        """Yield a sentence for everything that does not balance."""
        heard, refused = self._hear(), self._read_refused()
        for pipeline in self.pipelines:
            name, state = pipeline.name, read_state(pipeline.service)
            builds = list_builds(pipeline.service, state.last_number)
            if state.running or state.pending or state.unfinished:
                yield f"{name}: {state} is left"
            counted = sum(build.requests for build in builds if not build.trigger.detail.startswith("retry"))
            if counted != len(self.asked[name] - refused):
                yield (
                    f"{name}: {len(self.asked[name])} requests, {len(self.asked[name] & refused)} refused, "
                    f"{counted} in builds"
                )
            for build in builds:
                if not build.has_ended or not build.notified_at:
                    yield f"{name}: build {build.number} is {build.status}, and has no end"
                if heard[name, build.number] != 1:
                    yield f"{name}: build {build.number} has {heard[name, build.number]} notifications"
            yield from self._check_endpoint(pipeline, builds)
        for job in self._list_trainings():
            yield f"{job} runs, and no build does"

    def _check_endpoint(self, pipeline: Pipeline, builds: list[BuildRecord]) -> Iterator[str]:
        ended = sorted((build for build in builds if build.has_ended), key=lambda build: build.number)
        wanted = ended[-1].live_after if ended else ""
        endpoint = describe_endpoint(pipeline.service)
        found = endpoint.config if endpoint and endpoint.status != "Failed" else ""
        was_deleted = pipeline.name in self.deleted
        if found != wanted and not (was_deleted and not found):
            yield f"{pipeline.name}: the endpoint serves {found or 'nothing'}, not {wanted or 'nothing'}"

    def _send(self, pipeline: Pipeline, text: str, times: int = 1) -> None:
        identity = f"{pipeline.name}-{len(self.asked[pipeline.name])}"
        self.asked[pipeline.name].add(identity)
        envelope = {
            "Type": "Notification",
            "MessageId": identity,
            "TopicArn": self.stack.outputs["LaunchTopicArn"],
            "Message": text,
            "MessageAttributes": {"pipeline": {"Type": "String", "Value": pipeline.name}},
        }
        for _ in range(times):
            self.stack.client("sqs").send_message(QueueUrl=self.queues["LaunchQueue"], MessageBody=json.dumps(envelope))

    def _is_busy(self, pipeline: Pipeline) -> bool:
        state = read_state(pipeline.service)
        return bool(state.running or state.pending or state.unfinished) or self._count_waiting() > 0

    def _count_waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.stack.client("sqs").get_queue_attributes(
            QueueUrl=self.queues["LaunchQueue"], AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    def _is_endless(self, pipeline: Pipeline) -> bool:
        number = read_state(pipeline.service).running
        return bool(number and "endless" in pipeline.record(number).get("overrides", ""))

    def _list_trainings(self) -> list[str]:
        jobs = self.stack.client("sagemaker").list_training_jobs(StatusEquals="InProgress", MaxResults=100)
        return [job["TrainingJobName"] for job in jobs["TrainingJobSummaries"]]

    def _hear(self) -> Counter[tuple[str, int]]:
        """Count the notifications about the end of each build."""
        messages = [json.loads(body) for body in self._read_all(self.stack.queue)]
        return Counter((one["pipeline"], one["build"]["number"]) for one in messages if one["outcome"] != "approval")

    def _read_refused(self) -> set[str]:
        return {json.loads(body)["MessageId"] for body in self._read_all(self.queues["DeadLetterQueue"])}

    def _read_all(self, queue: str) -> Iterator[str]:
        sqs = self.stack.client("sqs")
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                yield message["Body"]


def run(builds: int, seed: str) -> list[str]:
    """Run that many builds, and return a sentence for each thing that is wrong afterwards."""
    with tempfile.TemporaryDirectory() as folder, running_engine(Path(folder), "--time-scale", "40") as engine:
        soak = Soak(deploy(engine), Random(seed))
        with Progress() as progress:
            task = progress.add_task(f"{builds} builds, seed {seed}", total=builds)
            while (started := soak.count_builds()) < builds:
                progress.update(task, completed=started)
                soak.act()
            progress.update(task, completed=builds, description="waiting until nothing runs")
            soak.settle()
        problems = list(soak.find_problems())
        outcomes = Counter(
            build.status for one in soak.pipelines for build in list_builds(one.service, soak.count_builds())
        )
    print("actions:", dict(sorted(soak.done.items())))
    print("builds:", dict(outcomes))
    return problems


def main() -> int:
    """Run ``make soak``; return 1 if the books do not balance."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=__doc__)
    parser.add_argument("--builds", type=int, default=200)
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    problems = run(given.builds, given.seed)
    for problem in problems:
        print(problem)
    print("The books do not balance." if problems else "The books balance.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
