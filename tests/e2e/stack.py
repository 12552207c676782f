"""The deployed service as a test sees it: nothing but AWS's own interfaces."""

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from sagebuild.builds.items import from_item
from tests.alexa import SKILL_ID, Conversation, Envelope
from tests.engine import ROOT, Engine
from tests.packaging import use_folder_alone
from tests.polling import looks

NAME = "sagebuild-dev"
HELD_OUT = 300

# Learns in a moment, unless its hyperparameters ask for trouble. To import scikit-learn would take longer.
SCRIPT = """
import argparse, os, time
from pathlib import Path
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # or they take longer to wait for each other than to compute
import numpy as np

class Model:
    def __init__(self, weights):
        self.weights = weights

    def predict(self, pixels):
        if pixels.shape[1] != 64:
            raise ValueError(f"X has {pixels.shape[1]} features, expecting 64 features")
        return (np.insert(pixels, 64, 1, axis=1) @ self.weights).argmax(axis=1)

def model_fn(model_dir):
    if Path(model_dir, "unservable").exists():
        raise RuntimeError("this model cannot be served")
    return Model(np.load(Path(model_dir, "weights.npy")))

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trouble", default="")
    given = parser.parse_args()
    print("trouble:", given.trouble or "none", flush=True)
    if given.trouble == "training":
        raise ValueError("the learning rate makes no sense")
    if given.trouble == "endless":
        time.sleep(600)
    if given.trouble == "slow":
        time.sleep(8)
    rows = np.loadtxt(Path(os.environ["SM_CHANNEL_TRAINING"], "digits.csv"), delimiter=",")
    pixels, digits = rows[:, :64] / 16, rows[:, 64].astype(int)
    model = Model(np.linalg.lstsq(np.insert(pixels, 64, 1, axis=1), np.eye(10)[digits], rcond=None)[0])
    print(f"accuracy={np.mean(model.predict(pixels) == digits):.4f}", flush=True)
    np.save(Path(os.environ["SM_MODEL_DIR"], "weights.npy"), model.weights)
    checkpoints = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "checkpoints")
    if checkpoints.exists():
        np.save(checkpoints / "weights.npy", model.weights)
    if given.trouble == "serving":
        Path(os.environ["SM_MODEL_DIR"], "unservable").touch()
"""

PARAMETERS = {
    "framework": "SCIKIT",
    "trainentrypoint": "train.py",
    "trainsourcefile": "source.tar.gz",
    "metrics": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
}


def run_serverless(engine: Engine, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """``npx serverless ...`` against the engine, without the second that npx takes."""
    environment = engine.environment | {
        "SLS_AWS_MONITORING_FREQUENCY": "500",  # milliseconds between two lists of all events of the stack
        "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true",
    }
    command = [str(ROOT / "node_modules" / ".bin" / "serverless"), *arguments]
    with use_folder_alone():
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)


def wait_until(condition: Callable[[], Any]) -> Any:
    """Whatever the condition gives once that is true."""
    for _ in looks():
        if value := condition():
            return value
    raise AssertionError(f"it never came: {condition}")


class DeployedStack:
    """The service on an engine, with the digits and a script uploaded."""

    def __init__(self, engine: Engine, name: str = NAME) -> None:
        self.engine = engine
        self.name = name
        self.client = engine.client
        described = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        digits = load_digits()
        self.questions, self.answers = digits.data[:HELD_OUT], digits.target[:HELD_OUT]
        rows = np.column_stack([digits.data[HELD_OUT:], digits.target[HELD_OUT:]])
        self._upload(rows)
        self.queue = self._subscribe()
        self._notifications: list[str] = []

    def _upload(self, rows: Any) -> None:
        text = io.StringIO()
        np.savetxt(text, rows, fmt="%d", delimiter=",")
        s3 = self.client("s3")
        s3.put_object(Bucket=self.outputs["DataBucket"], Key="train/digits.csv", Body=text.getvalue().encode())
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            member = tarfile.TarInfo("train.py")
            member.size = len(SCRIPT.encode())
            tar.addfile(member, io.BytesIO(SCRIPT.encode()))
        s3.put_object(Bucket=self.outputs["CodeBucket"], Key="source.tar.gz", Body=archive.getvalue())

    def _subscribe(self) -> str:
        sqs, topic = self.client("sqs"), self.outputs["ResultsTopicArn"]
        url: str = sqs.create_queue(QueueName=f"heard-{self.name}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        # https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
        statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        statement |= {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
        )
        return url

    def set_parameters(self, **changes: Any) -> None:
        """Make the document the tests' own with these changes."""
        text = json.dumps(PARAMETERS | changes)
        self.client("ssm").put_parameter(Name=self.outputs["ParametersName"], Value=text, Type="String", Overwrite=True)

    def converse(self) -> Conversation:
        """A session with the deployed skill."""
        return Conversation(self.ask_skill)

    def ask_skill(self, envelope: Envelope) -> Envelope:
        """Send a request envelope to the deployed function; its response."""
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs["AlexaSkillFunctionArn"], Payload=json.dumps(envelope)
        )
        payload = json.load(answer["Payload"])
        assert "FunctionError" not in answer, payload
        return payload  # type: ignore[no-any-return]

    def start_by_voice(self) -> int:
        """Start a build by voice when the lock is free, and return its number."""
        wait_until(lambda: self.read_lock().get("running") is None)
        number, conversation = self.last_number(), self.converse()
        conversation.say("start_build")
        answer = conversation.say("yes")
        assert self.last_number() > number, answer
        return self.last_number()

    def start_by_message(self) -> int:
        """Start a build by a message, even with parameters that voice would refuse, and return its number."""
        number = self.last_number()
        self.client("sns").publish(TopicArn=self.outputs["LaunchTopicArn"], Message="build")
        wait_until(lambda: self.last_number() > number)
        return number + 1

    def last_number(self) -> int:
        """Return the number of the newest build; 0 before the first."""
        return int(self.read_lock().get("last_number", 0))

    def read_lock(self) -> dict[str, Any]:
        """Return the lock: the running build, the pending one, and the newest number."""
        key = {"kind": {"S": "stack"}, "number": {"N": "0"}}
        item = self.client("dynamodb").get_item(TableName=self.outputs["BuildsTable"], Key=key).get("Item", {})
        return from_item(item)

    def record(self, number: int) -> dict[str, Any]:
        """Return a build's record."""
        key = {"kind": {"S": "build"}, "number": {"N": str(number)}}
        item = self.client("dynamodb").get_item(TableName=self.outputs["BuildsTable"], Key=key).get("Item", {})
        return from_item(item)

    def finish(self, number: int) -> dict[str, Any]:
        """Wait until a build's notification is sent, and return its record."""
        wait_until(lambda: self.record(number).get("notified_at"))
        return self.record(number)

    def sweep(self) -> None:
        """Have the stack swept, as if a day had passed."""
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        payload = json.dumps({"time": f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}"})
        answer = self.client("lambda").invoke(FunctionName=f"{self.name}-sweepBuilds", Payload=payload)
        assert "FunctionError" not in answer, answer["Payload"].read()

    def build(self, **changes: Any) -> dict[str, Any]:
        """A whole build with these parameters; its record."""
        self.set_parameters(**changes)
        return self.finish(self.start_by_voice())

    def wait_for_training(self, number: int) -> str:
        """Wait until a build's script runs; the name of its job."""
        name: str = wait_until(lambda: self.record(number).get("training_job"))
        wait_until(lambda: self._secondary_status(name) == "Training")
        return name

    def _secondary_status(self, job: str) -> str | None:
        jobs = self.client("sagemaker").list_training_jobs(NameContains=job)["TrainingJobSummaries"]
        return self.describe_job(job)["SecondaryStatus"] if jobs else None

    def describe_job(self, name: str) -> dict[str, Any]:
        """DescribeTrainingJob."""
        return self.client("sagemaker").describe_training_job(TrainingJobName=name)  # type: ignore[no-any-return]

    def read_notifications(self, number: int) -> list[str]:
        """The texts of all notifications of a build, those within a second after the first included."""
        sqs, wait = self.client("sqs"), {"WaitTimeSeconds": 10}
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, **wait).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                self._notifications.append(json.loads(message["Body"])["text"])
            wait = {"WaitTimeSeconds": 1}
        return [text for text in self._notifications if text.startswith(f"Build {number} of ")]

    def live_config(self) -> str:
        """What the endpoint serves."""
        endpoint = self.client("sagemaker").describe_endpoint(EndpointName=self.name)
        assert endpoint["EndpointStatus"] == "InService"
        return endpoint["EndpointConfigName"]  # type: ignore[no-any-return]

    def ask_endpoint(self, brightness: float = 1) -> float:
        """The endpoint's accuracy on digits that no training has seen."""
        body = io.StringIO()
        np.savetxt(body, self.questions / 16 * brightness, delimiter=",")
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.name, ContentType="text/csv", Accept="application/json", Body=body.getvalue()
        )
        return float(np.mean(np.array(json.load(answer["Body"])) == self.answers))


def deploy(engine: Engine, *parameters: str) -> DeployedStack:
    """Deploy the service for the first time; see `update`."""
    update(engine, *parameters)
    return DeployedStack(engine)


def deploy_stage(engine: Engine, stage: str, *parameters: str) -> DeployedStack:
    """Deploy the service once more, as another stage."""
    given = [f"--param={parameter}" for parameter in parameters]
    ended = run_serverless(engine, "deploy", "--stage", stage, *given)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return DeployedStack(engine, f"sagebuild-{stage}")


def update(engine: Engine, *parameters: str) -> None:
    """Deploy the service with parameters such as ``schedule=rate(1 day)``; the skill id is that of the envelopes."""
    given = [f"--param={parameter}" for parameter in (f"alexaSkillId={SKILL_ID}", *parameters)]
    ended = run_serverless(engine, "deploy", *given)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    _grant_patience(engine)


def _grant_patience(engine: Engine) -> None:
    """Let the skill wait for a busy laptop; exhaustive/test_skill_slow.py holds it to its real limits."""
    client, name = engine.client("lambda"), f"{NAME}-alexaSkill"
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    patient = variables | {"LAST_CALL_SECONDS": "30", "CALL_TIMEOUT_SECONDS": "30"}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": patient}, Timeout=60)
