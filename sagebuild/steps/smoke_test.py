"""The smoke test: sends the user's sample request to the live endpoint and checks the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from botocore.exceptions import ClientError

from sagebuild.bucket_access import BucketAccess, Use
from sagebuild.builds.context import BuildContext
from sagebuild.errors import AwsUnavailableError, SmokeTestError
from sagebuild.names import name_component, name_endpoint
from sagebuild.parameters.json_text import to_text
from sagebuild.requests.script_mode import locate_source
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

Body = dict[str, Any]

# https://docs.aws.amazon.com/general/latest/gr/sagemaker.html: the largest request, with and without instances.
MAX_BYTES, MAX_BYTES_SERVERLESS = 6 * 1024 * 1024, 4 * 1024 * 1024
_SHOWN = 200  # characters of the request and of the answer in a reason


@dataclass(frozen=True)
class Answer:
    """The answer to a request, and the time that it took."""

    status: int
    content_type: str
    body: bytes
    milliseconds: int


class SmokeTestPlan(TypedDict):
    """Whether there is a smoke test, and the request of `run_smoke_test`."""

    wanted: bool
    sample: NotRequired[Body]


def plan_smoke_test(context: BuildContext[BuildParameters]) -> SmokeTestPlan:
    """Plan the smoke test: whether it is ``wanted``, and the request of `run_smoke_test`."""
    asked = context.parameters.smoketest
    if not asked:
        return {"wanted": False}
    sample = {"file": locate_source(context.service, asked.file)} if asked.file else {"body": to_text(asked.body)}
    expected = asked.model_dump(include={"contenttype", "accept", "status", "answertype", "latency"})
    component = name_component(context.service) if context.parameters.inferencecomponent else None
    build = {"number": context.number, "pipeline": context.service.pipeline, "component": component}
    return {"wanted": True, "sample": sample | expected | build}


def find_sample_problems(context: BuildContext[BuildParameters]) -> Iterator[str]:
    """Yield a sentence if the sample request is missing, unreadable or too large."""
    service, parameters = context.service, context.parameters
    uri = locate_source(service, parameters.smoketest.file) if parameters.smoketest else None
    if not uri:
        return
    bucket, key = split_s3_uri(uri)
    use, access = Use("smoketest.file", uri, "BuildStepsRole", "read", "object"), BucketAccess.of(service)
    if not access.allows(use):
        (advice,) = access.advise([use])
        yield (
            f"{use}; copy it to the code bucket ({service.settings.code_bucket}), or deploy the service with {advice}."
        )
        return
    with aws_call(f"find {uri}"):
        found = service.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    if not found or found[0]["Key"] != key:
        yield f"smoketest.file names {uri}, where there is no object; upload the sample request there."
        return
    most = MAX_BYTES_SERVERLESS if parameters.serverless else MAX_BYTES
    if found[0]["Size"] > most:
        yield f"smoketest.file names {uri}, which has {found[0]['Size']} bytes; an endpoint takes {most} at most."


def run_smoke_test(service: Service, sample: Body, clock: Callable[[], float] = time.monotonic) -> None:
    """Send the sample request to the endpoint, and check the answer.

    Parameters
    ----------
    sample
        As `plan_smoke_test` returned it.

    Raises
    ------
    SmokeTestError
        The answer is not the expected one; the message holds the request and the answer, shortened.
    AwsUnavailableError
        The endpoint did not answer; a later try may succeed.
    """
    body = sample["body"].encode() if "body" in sample else _read(service, sample["file"])
    answer = _ask(service, sample, body, clock)
    if sample["latency"]:  # containers load at their first request, so only the second is timed
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
    if sample.get("component"):
        request["InferenceComponentName"] = sample["component"]
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
    """Return the container's own answer, which SageMaker wraps in a ModelError unless it is a success."""
    response: Any = error.response
    code = response["Error"]["Code"]
    if code == "ModelNotReadyException":
        raise AwsUnavailableError("The endpoint is still loading its model; try again in a minute.") from error
    if code != "ModelError":
        raise error
    message = str(response.get("OriginalMessage") or response["Error"]["Message"])
    return Answer(response.get("OriginalStatusCode", 0), "", message.encode(), milliseconds)


def _compare(sample: Body, answer: Answer) -> Iterator[str]:
    if answer.status != sample["status"]:
        yield f"the status is {answer.status or 'none'} and should be {sample['status']}"
    expected = sample["answertype"]
    # SageMaker does not report the content type of an error.
    if expected and answer.content_type and _media_type(answer.content_type) != _media_type(expected):
        yield f"the content type is {answer.content_type} and should be {expected}"
    if sample["latency"] and answer.milliseconds > sample["latency"]:
        yield f"the answer took {answer.milliseconds} ms and should take {sample['latency']} at most"


def _media_type(text: str) -> str:
    """Return a MIME type without its parameters, such as charset."""
    return text.partition(";")[0].strip().lower()


def _shorten(content: bytes) -> str:
    text = " ".join(content[: 4 * _SHOWN].decode("utf-8", "replace").split())
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= _SHOWN else f"{printable[:_SHOWN]}..."


def _read(service: Service, uri: str) -> bytes:
    bucket, key = split_s3_uri(uri)
    with aws_call(f"read {uri}"):
        return service.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
