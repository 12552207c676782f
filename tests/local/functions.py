"""Helpers for tests of local/: functions, queues, and a function that records its events."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any, TypeVar

from tests.engine import Engine
from tests.polling import looks
from tests.roles import OPEN_QUEUE, create_role

T = TypeVar("T")

RECORDER = """
    import json, os, pathlib, uuid

    def handler(event, context):
        folder = pathlib.Path(os.environ["RECORDS"])
        part = folder / (uuid.uuid4().hex + ".part")
        part.write_text(json.dumps(event))
        part.rename(part.with_suffix(".json"))
        if os.environ.get("FAIL") == "always":
            raise RuntimeError("configured to fail")
        bodies = {record.get("messageId"): record.get("body") for record in event.get("Records", [])}
        return {"batchItemFailures": [{"itemIdentifier": id} for id, body in bodies.items() if body == "bad"]}
"""


def archive(files: Mapping[str, str]) -> bytes:
    """A deployment archive with these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        for name, text in files.items():
            target.writestr(name, dedent(text))
    return content.getvalue()


def name(kind: str) -> str:
    """A unique name."""
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def deploy(engine: Engine, source: str, **settings: Any) -> str:
    """Create a function with this source and the handler ``index.handler``; return its ARN."""
    created = engine.client("lambda").create_function(
        **{
            "FunctionName": name("function"),
            "Role": create_role(engine, "lambda"),
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": archive({"index.py": source})},
        }
        | settings
    )
    return str(created["FunctionArn"])


def permit(engine: Engine, function_arn: str, service: str, source_arn: str) -> None:
    """Permit a service to invoke a function for a source."""
    engine.client("lambda").add_permission(
        FunctionName=function_arn,
        StatementId=name("statement"),
        Action="lambda:InvokeFunction",
        Principal=service,
        SourceArn=source_arn,
    )


@dataclass(frozen=True)
class Recorder:
    """A function that writes each event into a folder."""

    arn: str
    folder: Path

    @classmethod
    def deploy(cls, engine: Engine, folder: Path, *, fails: bool = False, **settings: Any) -> "Recorder":
        variables = {"RECORDS": str(folder), "FAIL": "always" if fails else "never"}
        return cls(deploy(engine, RECORDER, Environment={"Variables": variables}, **settings), folder)

    @property
    def events(self) -> list[Any]:
        """The events so far, in order."""
        files = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(path.read_text()) for path in files]

    def wait(self, count: int = 1) -> list[Any]:
        """Wait for this number of events; return them."""
        return eventually(lambda: self.events if len(self.events) >= count else None)


def queue(engine: Engine, **attributes: str) -> tuple[str, str]:
    """Create a queue to which services may send; return its URL and ARN."""
    sqs = engine.client("sqs")
    url = sqs.create_queue(QueueName=name("queue"), Attributes=OPEN_QUEUE | attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(engine: Engine, url: str) -> dict[str, Any]:
    """Receive and delete the next message of a queue."""
    sqs = engine.client("sqs")

    def take() -> dict[str, Any] | None:
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"])
        return next(iter(answer.get("Messages", [])), None)

    message = eventually(take)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return message


def left_in(engine: Engine, url: str) -> int:
    """The number of messages in a queue, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = engine.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[each]) for each in names)


def eventually(look: Callable[[], T | None]) -> T:
    """Poll until a result is truthy; return it."""
    for _ in looks():
        if seen := look():
            return seen
    raise AssertionError("nothing came")
