"""Processes a batch of the launch queue: a build for each pipeline, the dead-letter queue for invalid messages."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from botocore.exceptions import ClientError

from sagebuild.builds.lock import list_states
from sagebuild.builds.pipelines import DEFAULT, explain_missing
from sagebuild.errors import (
    AwsUnavailableError,
    MissingSettingError,
    ParameterError,
    PipelineNotFoundError,
    SagebuildError,
)
from sagebuild.launch.dead_letters import Message, send_dead_letters
from sagebuild.launch.start import launch_builds
from sagebuild.launch.triggers import LaunchRequest, read_message
from sagebuild.log_keys import log_about
from sagebuild.parameters.store import read_document
from sagebuild.service import Service

_logger = logging.getLogger("sagebuild")
# Errors for which a message is not to blame; SQS delivers it again.
_NOT_THE_MESSAGE = (AwsUnavailableError, ClientError, MissingSettingError)

_Found = tuple[Message, LaunchRequest]
_Answer = TypeVar("_Answer")


class _Results:
    """The messages of a batch that are refused, each with the reason, and the ids of those to deliver again."""

    def __init__(self) -> None:
        self.refused: list[tuple[Message, str]] = []
        self.again: list[str] = []

    @contextmanager
    def note_errors(self, messages: Sequence[Message]) -> Iterator[None]:
        """Set aside the messages on any error, so that no message harms the others of its batch."""
        try:
            yield
        except _NOT_THE_MESSAGE as error:
            _logger.warning("%d messages will be delivered again: %s", len(messages), error)
            self.again += [message.id for message in messages]
        except SagebuildError as error:
            self.refused += [(message, str(error)) for message in messages]
        except Exception as error:
            _logger.exception("%d messages caused an unexpected error", len(messages))
            reason = f"The launch function failed on this message: {type(error).__name__}: {error}"
            self.refused += [(message, reason) for message in messages]


class _Batch:
    """The pipelines and their parameter documents, each read once for a batch, and only if a message needs them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._answers: dict[tuple[object, str], Any] = {}

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
            from sagebuild.parameters.overrides import check_overrides  # with all models, which few launches need

            check_overrides(settings, self._read_document(pipeline), request.overrides)
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
        return self._read_once(_list_names, self._service)

    def _read_document(self, pipeline: str) -> str:
        return self._read_once(read_document, self._service.for_pipeline(pipeline))

    def _read_once(self, read: Callable[[Service], _Answer], service: Service) -> _Answer:
        """Return an answer of AWS; the first failure counts for the whole batch, which must end within 30 seconds."""
        key = read, service.pipeline
        if key not in self._answers:
            try:
                self._answers[key] = read(service)
            except (AwsUnavailableError, ParameterError) as error:
                self._answers[key] = error
        answer = self._answers[key]
        if isinstance(answer, Exception):
            raise answer
        return cast(_Answer, answer)


def _list_names(service: Service) -> dict[str, str]:
    return {state.pipeline.lower(): state.pipeline for state in list_states(service)}


def take_messages(
    service: Service, messages: Sequence[Message], sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Launch one build in each pipeline for a batch; each rollback and each promotion has its own build.

    Returns
    -------
    list of str
        The ids of the messages that SQS must deliver again.
    """
    batch = _Batch(service)
    requests: dict[str, list[_Found]] = defaultdict(list)
    results = _Results()
    for message in messages:
        with results.note_errors([message]):
            if found := batch.read(message):
                requests[found[0]].append((message, found[1]))
    # The smallest groups first, so that a burst for one pipeline does not delay another.
    for pipeline in sorted(requests, key=lambda name: len(requests[name])):
        with log_about(pipeline):
            for group in _split(requests[pipeline]):
                _launch_group(service.for_pipeline(pipeline), group, results, sleep)
    return results.again + send_dead_letters(service, results.refused)


def _split(requests: Sequence[_Found]) -> Iterator[list[_Found]]:
    """Yield each rollback and promotion by itself, then all other requests of the pipeline together."""
    yield from ([one] for one in requests if one[1].is_alone)
    if others := [one for one in requests if not one[1].is_alone]:
        yield others


def _launch_group(service: Service, group: Sequence[_Found], results: _Results, sleep: Callable[[float], None]) -> None:
    """Launch a group of requests; after an unexpected error, each one alone, because one of them may be the cause."""
    with results.note_errors([message for message, _ in group]):
        try:
            results.refused += _launch(service, group, sleep)
        except (*_NOT_THE_MESSAGE, SagebuildError):
            raise
        except Exception:
            if len(group) == 1:
                raise
            for one in group:
                _launch_group(service, [one], results, sleep)


def _launch(service: Service, group: Sequence[_Found], sleep: Callable[[float], None]) -> list[tuple[Message, str]]:
    """Launch the build of a group of requests; return the refused messages, each with the reason."""
    launched = launch_builds(service, [request for _, request in group], sleep)
    with log_about(service.pipeline, launched.number):
        _logger.info(
            "%s: %d requests: build %d %s, %d requests are pending",
            service.label,
            len(group) - len(launched.refused),
            launched.number,
            "starts" if launched.started else "runs",
            launched.waiting,
        )
    refused = launched.refused
    return [(message, refused[request.id]) for message, request in group if request.id in refused]
