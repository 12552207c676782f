"""Processes a batch of the launch queue: a build for each pipeline, the dead-letter queue for invalid messages."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagebuild.builds.lock import list_states
from sagebuild.builds.pipelines import DEFAULT, explain_missing
from sagebuild.errors import (
    AwsUnavailableError,
    BuildRunningError,
    MalformedMessageError,
    ParameterError,
    PipelineNotFoundError,
    RollbackError,
)
from sagebuild.launch.start import launch_builds
from sagebuild.launch.triggers import LaunchRequest, read_message
from sagebuild.parameters.overrides import check_overrides
from sagebuild.parameters.store import read_document
from sagebuild.service import Service, aws_call

_logger = logging.getLogger("sagebuild")
_REASON_LENGTH = 1000  # characters of the attribute "reason" of a dead letter


@dataclass(frozen=True)
class Message:
    """One message of the launch queue."""

    id: str
    body: str


class _Batch:
    """The pipelines and their parameter documents, each read once for a batch, and only if a message needs them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._answers: dict[str, Any] = {}

    def read(self, message: Message) -> tuple[str, LaunchRequest] | None:
        """Read a message, and find its pipeline; None for a message that starts no build."""
        settings = self._service.settings
        request = read_message(message.body, message.id, settings.launch_topic_arn)
        if request is None:
            return None
        pipeline = self._find_upload(request.key) if request.key else self._find_named(request.pipeline)
        if pipeline is None:
            return None
        if request.overrides:
            check_overrides(self._read_document(pipeline), request.overrides, settings.framework)
        return pipeline, request

    def _find_named(self, name: str) -> str:
        if name.lower() in ("", DEFAULT):
            return ""
        pipelines = self._read_pipelines()
        if name.lower() not in pipelines:
            raise PipelineNotFoundError(explain_missing(self._service, name, pipelines.values()))
        return pipelines[name.lower()]

    def _find_upload(self, key: str) -> str | None:
        """Return the pipeline that an upload belongs to; None for a key that only looks like a pipeline's."""
        prefix = self._service.settings.upload_prefix
        folder, _, rest = key.partition("/")
        if rest and rest.startswith(prefix) and folder in self._read_pipelines().values():
            return folder
        return "" if key.startswith(prefix) else None

    def _read_pipelines(self) -> Mapping[str, str]:
        """Return the names of the pipelines by their names in lower case."""
        names: dict[str, str] = self._read_once("pipelines", lambda: _list_names(self._service))
        return names

    def _read_document(self, pipeline: str) -> str:
        service = self._service.for_pipeline(pipeline)
        text: str = self._read_once(f"document of {pipeline}", lambda: read_document(service))
        return text

    def _read_once(self, name: str, read: Callable[[], Any]) -> Any:
        """Return an answer of AWS; the first failure counts for the whole batch, which must end within 30 seconds."""
        if name not in self._answers:
            try:
                self._answers[name] = read()
            except (AwsUnavailableError, ParameterError) as error:
                self._answers[name] = error
        if isinstance(self._answers[name], Exception):
            raise self._answers[name]
        return self._answers[name]


def _list_names(service: Service) -> dict[str, str]:
    return {state.pipeline.lower(): state.pipeline for state in list_states(service)}


def take_messages(
    service: Service, messages: Sequence[Message], sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Launch one build in each pipeline for all its requests in a batch; each rollback has its own build.

    Returns
    -------
    list of str
        The ids of the messages that SQS must deliver again.
    """
    batch = _Batch(service)
    requests: dict[str, list[tuple[Message, LaunchRequest]]] = defaultdict(list)
    refused: list[tuple[Message, str]] = []
    again: list[str] = []
    for message in messages:
        try:
            found = batch.read(message)
        except (MalformedMessageError, ParameterError, PipelineNotFoundError, RollbackError) as error:
            refused.append((message, str(error)))
        except AwsUnavailableError as error:
            _logger.warning("message %s will be delivered again: %s", message.id, error)
            again.append(message.id)
        else:
            if found:
                requests[found[0]].append((message, found[1]))
    # The smallest groups first, so that a burst for one pipeline does not delay another.
    for pipeline in sorted(requests, key=lambda name: len(requests[name])):
        for group in _split(requests[pipeline]):
            try:
                again += _launch(service.for_pipeline(pipeline), group, sleep)
            except (BuildRunningError, PipelineNotFoundError) as error:
                refused += [(message, str(error)) for message, _ in group]
    return again + _send_to_dead_letters(service, refused)


def _split(requests: Sequence[tuple[Message, LaunchRequest]]) -> Iterator[list[tuple[Message, LaunchRequest]]]:
    """Yield each rollback by itself, then all other requests of the pipeline together."""
    yield from ([one] for one in requests if one[1].trigger.rollback)
    if others := [one for one in requests if not one[1].trigger.rollback]:
        yield others


def _launch(
    service: Service, group: Sequence[tuple[Message, LaunchRequest]], sleep: Callable[[float], None]
) -> list[str]:
    try:
        launched = launch_builds(service, [request for _, request in group], sleep)
    except AwsUnavailableError as error:
        _logger.warning("%d messages will be delivered again: %s", len(group), error)
        return [message.id for message, _ in group]
    _logger.info(
        "%s: %d requests: build %d %s, %d requests are pending",
        service.label,
        len(group),
        launched.number,
        "starts" if launched.started else "runs",
        launched.waiting,
    )
    return []


def _clean(reason: str) -> str:
    """Return a reason that SQS accepts: bounded, and without surrogates and control characters.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    accepted = (character if character.isprintable() or character == "\n" else " " for character in reason)
    return "".join(accepted)[:_REASON_LENGTH]


def _send_to_dead_letters(service: Service, refused: Sequence[tuple[Message, str]]) -> list[str]:
    """Send refused messages to the dead-letter queue with the reason, at once instead of after 20 deliveries."""
    again = []
    for message, reason in refused:
        _logger.error("message %s was refused: %s", message.id, reason)
        try:
            with aws_call("send a refused message to the dead-letter queue"):
                service.sqs.send_message(
                    QueueUrl=service.settings.dead_letter_queue_url,
                    MessageBody=message.body,
                    MessageAttributes={"reason": {"DataType": "String", "StringValue": _clean(reason)}},
                )
        except AwsUnavailableError as error:
            _logger.warning("message %s will be delivered again: %s", message.id, error)
            again.append(message.id)
    return again
