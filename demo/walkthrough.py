"""The demonstration: a whole build, from a spoken sentence to the answering endpoint, and its removal."""

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sklearn.datasets import load_digits

from demo.alexa import Conversation
from demo.display import BuildDisplay, tail_training
from demo.local_aws import ROOT, SKILL_ID, Aws, DemoError, list_inventory, pack_source, run_serverless

HELD_OUT = 300  # digits that are not in the training data
MINIMUM_ACCURACY = 0.9


class Demo:
    """The demonstration on local/; each step is printed, timed and checked."""

    def __init__(self, aws: Aws, console: Console) -> None:
        self.aws = aws
        self.console = console
        self.started = time.monotonic()
        self.step = "starting"
        self.outputs: dict[str, str] = {}
        self.questions = np.empty((0, 64))
        self.digits = np.empty(0)

    @contextmanager
    def showing(self, title: str) -> Iterator[None]:
        """Print a step's title, and how long it took."""
        self.step, begun = title, time.monotonic()
        self.console.print(f"\n[bold]{title}[/bold]")
        yield
        now = time.monotonic()
        self.console.print(f"  [dim]{now - begun:.1f} s, {now - self.started:.1f} s since the start[/dim]")

    def deploy(self) -> None:
        """Deploy the service."""
        with self.showing("Deploy the service"):
            run_serverless(self.aws, self.console, "deploy", f"--param=alexaSkillId={SKILL_ID}")
            self.outputs = self.aws.outputs()

    def upload(self) -> None:
        """Upload the digits and the training script, and set the parameters."""
        with self.showing("Upload scikit-learn's digits and a training script"):
            digits = load_digits()
            order = np.random.default_rng(0).permutation(len(digits.target))
            kept, held_out = order[HELD_OUT:], order[:HELD_OUT]
            self.questions, self.digits = digits.data[held_out], digits.target[held_out]
            data = io.StringIO()
            np.savetxt(data, np.column_stack([digits.data[kept], digits.target[kept]]), fmt="%d", delimiter=",")
            s3 = self.aws.client("s3")
            s3.put_object(Bucket=self.outputs["DataBucket"], Key="train/digits.csv", Body=data.getvalue().encode())
            s3.put_object(
                Bucket=self.outputs["CodeBucket"],
                Key="digits.tar.gz",
                Body=pack_source(ROOT / "pipelines" / "digits" / "src"),
            )
            self.change_parameters(
                trainentrypoint="train.py",
                trainsourcefile="digits.tar.gz",
                hyperparameters={"epochs": 20, "hidden": 64},
                metrics=[{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
            )
            self.console.print(f"  {len(kept)} digits for training, {HELD_OUT} held out")

    def change_parameters(self, **changes: Any) -> None:
        """Change the parameter document and print the changes."""
        ssm, name = self.aws.client("ssm"), self.outputs["ParametersName"]
        document = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"]) | changes
        ssm.put_parameter(Name=name, Value=json.dumps(document, indent=2), Type="String", Overwrite=True)
        self.console.print(f"  {name}: {json.dumps(changes)}", markup=False, highlight=False)

    def listen(self) -> str:
        """Subscribe a new queue to the notifications, and return its URL."""
        sqs, topic = self.aws.client("sqs"), self.outputs["ResultsTopicArn"]
        url: str = sqs.create_queue(QueueName="demo-notifications")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        # https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
        statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        statement |= {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self.aws.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
        )
        return url

    def read_one_notification(self, queue: str) -> str:
        """Return the text of a build's notification; none or a second one is an error."""
        sqs = self.aws.client("sqs")
        texts: list[str] = []
        for wait in (10, 1):
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=wait).get("Messages", []):
                texts.append(json.loads(message["Body"])["text"])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        if len(texts) != 1:
            raise DemoError(f"expected one notification, received {len(texts)}: {texts}")
        return texts[0]

    def say(self, words: str, intent: str, conversation: Conversation | None = None) -> str:
        """Send an intent to the skill, and print both sides."""
        conversation = conversation or Conversation(self.aws, self.outputs["AlexaSkillFunctionArn"])
        answer = conversation.say(intent)
        self._print_beside("  you   ", words)
        self._print_beside("  alexa ", answer)
        return answer

    def start_by_voice(self) -> None:
        """Ask for a build and confirm it."""
        conversation = Conversation(self.aws, self.outputs["AlexaSkillFunctionArn"])
        self.say("Alexa, ask sage build to start a build", "StartBuildIntent", conversation)
        self.say("Yes", "AMAZON.YesIntent", conversation)

    def latest_job(self) -> dict[str, Any]:
        """Return DescribeTrainingJob of the newest training job."""
        sagemaker = self.aws.client("sagemaker")
        jobs = sagemaker.list_training_jobs(SortBy="CreationTime", SortOrder="Descending")["TrainingJobSummaries"]
        return sagemaker.describe_training_job(TrainingJobName=jobs[0]["TrainingJobName"])  # type: ignore[no-any-return]

    def ask_endpoint(self) -> float:
        """Return the endpoint's accuracy on the held-out digits."""
        body = io.StringIO()
        np.savetxt(body, self.questions, fmt="%d", delimiter=",")
        answer = self.aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.outputs["EndpointName"],
            ContentType="text/csv",
            Accept="application/json",
            Body=body.getvalue(),
        )
        accuracy = float(np.mean(np.array(json.load(answer["Body"])) == self.digits))
        self.console.print(f"  {len(self.digits)} held-out digits: {accuracy:.1%} classified correctly")
        if accuracy <= MINIMUM_ACCURACY:
            raise DemoError(f"the accuracy is {accuracy:.3f}, expected more than {MINIMUM_ACCURACY}")
        return accuracy

    def build(self, queue: str) -> None:
        """Run a whole build, started by voice."""
        with self.showing('1. "Alexa, ask sage build to start a build"'):
            self.start_by_voice()
        with self.showing("2. The build runs"):
            display = BuildDisplay(self.console, 1)
            display.watch(until="Train Model")
        with self.showing('3. "Alexa, ask sage build is my build done yet", while it runs and after'):
            self.say("Alexa, ask sage build is my build done yet", "CheckStatusIntent")
            display.watch()
            display.print_outcome()
            if not display.build.record.has_succeeded:
                raise DemoError(str(display.build))
            self.show_training(self.latest_job())
            notification = self.read_one_notification(queue)
            self.say("Alexa, ask sage build is my build done yet", "CheckStatusIntent")
        with self.showing("4. The endpoint classifies digits that were not in the training data"):
            self.ask_endpoint()
        with self.showing("5. The notification"):
            self.show(notification)

    def show_training(self, job: dict[str, Any]) -> None:
        """Print the last lines of a training's log, and its metrics."""
        for line in tail_training(self.aws, job["TrainingJobName"], lines=3):
            self.console.print(f"  [dim]{line}[/dim]", highlight=False)
        for metric in job["FinalMetricDataList"]:
            self.console.print(f"  {job['TrainingJobName']}: {metric['MetricName']} {metric['Value']:.4f}")

    def stop(self, queue: str) -> None:
        """Start a second build, and stop it by voice."""
        with self.showing("6. A second build, stopped by voice"):
            before = self.ask_endpoint()
            self.change_parameters(hyperparameters={"epochs": 100000})
            self.start_by_voice()
            BuildDisplay(self.console, 2).watch(until="Train Model")
            while self.latest_job().get("SecondaryStatus") != "Training":
                time.sleep(0.2)
            conversation = Conversation(self.aws, self.outputs["AlexaSkillFunctionArn"])
            self.say("Alexa, ask sage build to stop the build", "StopBuildIntent", conversation)
            self.say("Yes", "AMAZON.YesIntent", conversation)
            while (job := self.latest_job())["TrainingJobStatus"] == "Stopping":
                time.sleep(0.2)
            self.console.print(f"  {job['TrainingJobName']}: {job['TrainingJobStatus']}")
            if job["TrainingJobStatus"] != "Stopped":
                raise DemoError(f"the training job is {job['TrainingJobStatus']}, expected Stopped")
            self.show(self.read_one_notification(queue))
            if self.ask_endpoint() != before:
                raise DemoError("the endpoint does not answer as it did before")

    def show(self, text: str) -> None:
        """Print a text that a person receives, indented."""
        for line in text.splitlines():
            self._print_beside("  │", line)

    def _print_beside(self, left: str, text: str) -> None:
        """Print a text beside another one; in a terminal, it wraps in its own column."""
        if not self.console.is_terminal:
            self.console.print(f"{left} {text}", markup=False)
            return
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_row(Text(left), Text(text, overflow="fold"))
        self.console.print(table)

    def run(self) -> None:
        """Run all steps in order."""
        before = list_inventory(self.aws)
        self.deploy()
        self.upload()
        queue = self.listen()
        self.build(queue)
        self.stop(queue)
        with self.showing("7. Remove the service"):
            self.aws.client("sqs").delete_queue(QueueUrl=queue)
            run_serverless(self.aws, self.console, "remove")
            remains = sorted(list_inventory(self.aws) - before)
            self.console.print(f"  leftovers: {', '.join(remains) or 'none'}")
            if remains:
                raise DemoError("the removal was incomplete")
