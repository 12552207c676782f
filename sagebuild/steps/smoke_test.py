"""The smoke test: a person's sample request, which the live endpoint must answer as it was asked to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.errors import AwsUnavailableError, SmokeTestError
from sagebuild.names import name_endpoint
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.kinds import to_text
from sagebuild.requests.script_mode import locate_source
from sagebuild.service import Service, aws_call

Body = dict[str, Any]

# https://docs.aws.amazon.com/general/latest/gr/sagemaker.html: of a request to an endpoint with and without instances.
MOST_BYTES, MOST_BYTES_SERVERLESS = 6 * 1024 * 1024, 4 * 1024 * 1024
_SHOWN = 200  # characters of what was sent, and of what was answered


@dataclass(frozen=True)
class Answer:
    """What came back for a request, and how long that took."""

    status: int
    content_type: str
    body: bytes
    milliseconds: int


class SmokeTestPlan(TypedDict):
    """Whether there is a smoke test, and what `run_smoke_test` takes."""

    wanted: bool
    sample: NotRequired[Body]


def plan_smoke_test(context: BuildContext[BuildParameters]) -> SmokeTestPlan:
    """Whether there is a smoke test (``wanted``), and what `run_smoke_test` takes."""
    asked = context.parameters.smoketest
    if not asked:
        return {"wanted": False}
    sample = {"file": locate_source(context.service, asked.file)} if asked.file else {"body": to_text(asked.body)}
    expected = asked.model_dump(include={"contenttype", "accept", "status", "answertype", "latency"})
    return {"wanted": True, "sample": sample | expected}


def find_sample_problems(context: BuildContext[BuildParameters]) -> Iterator[str]:
    """Yield a sentence if the sample request is not there, or more than an endpoint takes."""
    service, parameters = context.service, context.parameters
    uri = locate_source(service, parameters.smoketest.file) if parameters.smoketest else None
    if not uri:
        return
    bucket, key = _split(uri)
    if bucket not in (service.settings.code_bucket, service.settings.data_bucket):
        yield (
            f"smoketest.file is in the bucket {bucket}, which the smoke test may not read; copy it to the code bucket "
            f"({service.settings.code_bucket})."
        )
        return
    with aws_call(f"look for {uri}"):
        found = service.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    if not found or found[0]["Key"] != key:
        yield f"smoketest.file names {uri}, where there is no object; upload the sample request there."
        return
    most = MOST_BYTES_SERVERLESS if parameters.serverless else MOST_BYTES
    if found[0]["Size"] > most:
        yield f"smoketest.file names {uri}, which has {found[0]['Size']} bytes; an endpoint takes {most} at most."


def run_smoke_test(service: Service, sample: Body, clock: Callable[[], float] = time.monotonic) -> None:
    """Send the sample request to the endpoint, and compare the answer with what was asked for.

    Parameters
    ----------
    sample
        As `plan_smoke_test` wrote it.

    Raises
    ------
    SmokeTestError
        The endpoint answered otherwise; the message holds what was sent and answered, shortened.
    AwsUnavailableError
        There was no answer, and the next try may have one.
    """
    body = sample["body"].encode() if "body" in sample else _read(service, sample["file"])
    answer = _ask(service, sample, body, clock)
    if sample["latency"]:  # the first request pays for what the container loads at its first request
        answer = _ask(service, sample, body, clock)
    problems = list(_compare(sample, answer))
    if problems:
        sent = f"{sample['contenttype']}, {len(body)} bytes: {_shorten(body)}"
        answered = f"{answer.content_type or 'no content type'}, {len(answer.body)} bytes: {_shorten(answer.body)}"
        raise SmokeTestError(f"The smoke test failed: {'; '.join(problems)}. Sent: {sent}. Answered: {answered}.")


def _ask(service: Service, sample: Body, body: bytes, clock: Callable[[], float]) -> Answer:
    request: Body = {"EndpointName": name_endpoint(service), "ContentType": sample["contenttype"], "Body": body}
    if sample["accept"]:
        request["Accept"] = sample["accept"]
    begin = clock()
    with aws_call("send the smoke test to the endpoint"):
        try:
            answer = service.runtime.invoke_endpoint(**request)
        except ClientError as error:
            return _read_model_error(error, round((clock() - begin) * 1000))
        content = answer["Body"].read()
    milliseconds = round((clock() - begin) * 1000)
    return Answer(answer["ResponseMetadata"]["HTTPStatusCode"], answer.get("ContentType", ""), content, milliseconds)


def _read_model_error(error: ClientError, milliseconds: int) -> Answer:
    """The container's own answer, which SageMaker hands on as an error of its own unless it is a success."""
    told: Any = error.response
    code = told["Error"]["Code"]
    if code == "ModelNotReadyException":
        raise AwsUnavailableError("The endpoint is still loading its model; try again in a minute.") from error
    if code != "ModelError":
        raise error
    message = str(told.get("OriginalMessage") or told["Error"]["Message"])
    return Answer(told.get("OriginalStatusCode", 0), "", message.encode(), milliseconds)


def _compare(sample: Body, answer: Answer) -> Iterator[str]:
    if answer.status != sample["status"]:
        yield f"the status is {answer.status or 'none'} and should be {sample['status']}"
    expected = sample["answertype"]
    # SageMaker does not tell the type of an answer that is an error.
    if expected and answer.content_type and _media_type(answer.content_type) != _media_type(expected):
        yield f"the content type is {answer.content_type} and should be {expected}"
    if sample["latency"] and answer.milliseconds > sample["latency"]:
        yield f"the answer took {answer.milliseconds} ms and should take {sample['latency']} at most"


def _media_type(text: str) -> str:
    """Without its parameters, such as charset."""
    return text.partition(";")[0].strip().lower()


def _shorten(content: bytes) -> str:
    text = " ".join(content[: 4 * _SHOWN].decode("utf-8", "replace").split())
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= _SHOWN else f"{printable[:_SHOWN]}..."


def _read(service: Service, uri: str) -> bytes:
    bucket, key = _split(uri)
    with aws_call(f"read {uri}"):
        return service.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def _split(uri: str) -> tuple[str, str]:
    location = urlsplit(uri, allow_fragments=False)
    return location.netloc, location.path.lstrip("/")
