"""One transform job: the model's server answers the records of each input object."""

import itertools
import shutil
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, Any

from local import config
from local.sagemaker.container_client import Answer, InvocationError
from local.sagemaker.job import Job
from local.sagemaker.model_server import ModelServer
from local.sagemaker.objects import Entry, ObjectError, Objects
from local.sagemaker.resources import JobError, Json, Store, now
from local.sagemaker.served_container import Placement, ServerError
from local.sagemaker.transform_log import DataLog
from local.sagemaker.transform_records import (
    Processing,
    Request,
    build_requests,
    media_type,
    open_object,
    split,
)
from local.sagemaker.transform_values import RecordError

LOG_GROUP = "/aws/sagemaker/TransformJobs"
_MEGABYTE = 1024 * 1024
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html: execution-parameters
_DEFAULTS = {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}
# ModelClientConfig in botocore's model
_TIMEOUT_SECONDS, _RETRIES = 600, 3


class TransformJob(Job):
    """A transform job.

    Parameters
    ----------
    store
        The backend of the job's region.
    request
        The CreateTransformJob request, completed with defaults.
    model
        The CreateModel request of its model.
    """

    def __init__(self, store: Store, request: Json, model: Json) -> None:
        super().__init__(store, "Transform", request)
        self._role: str = model["ExecutionRoleArn"]
        self._folder = config.current().data / "sagemaker" / self.region / "transform" / self.name
        stream = f"{self.name}/i-{uuid.uuid4().hex[:17]}-{int(self.creation_time.timestamp())}"
        place = Placement("primary", f"transform job {self.name}", "job", LOG_GROUP, stream, self._folder / "server")
        self._server = ModelServer({}, self._with_environment(model), self.region, place)
        self._log = DataLog(self.region, self._role, LOG_GROUP, f"{stream}/data-log")
        self._objects = Objects(self.region, self._role, self.request["TransformOutput"].get("KmsKeyId"))
        self._input: Json = request["TransformInput"]
        content_type = media_type(self._input.get("ContentType"))
        self._processing = Processing(request["DataProcessing"], content_type)

    def work(self) -> None:
        """Start the server, transform every object and upload the results."""
        entries = self._list()
        with self.lock:
            if self.is_stopping:
                return
            self.note(TransformStartTime=now())
        try:
            self._server.start()
        except ServerError as error:
            if self.is_stopping:
                return
            raise JobError(f"AlgorithmError: {error}") from error
        parameters = self._choose_parameters()
        self._log.write(", ".join(f"{name}={value}" for name, value in parameters.items()))
        results = self._folder / "results"
        results.mkdir(parents=True)
        reason = ""
        for number, entry in enumerate(entries):
            if self.is_stopping:
                return
            try:
                self._transform(entry, parameters, results / str(number))
            except _ObjectFailedError as error:
                if self.is_stopping:
                    return
                self._log.write_failure(entry.uri, error.lines)
                reason = error.reason
        # As on AWS, a stopped job stores nothing, and a failed one the results of the other objects.
        if not self.is_stopping:
            self._upload(entries)
        if reason:
            raise JobError(reason)

    def interrupt(self) -> None:
        """End the server."""
        self._server.end()

    def kill(self) -> None:
        """End the server."""
        self._server.end()

    def clean(self) -> None:
        """Delete the job's files."""
        self._log.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _with_environment(self, model: Json) -> Json:
        """The model with the variables of the job in every container."""
        given = {
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": self.request.get("MaxPayloadInMB"),
            "SAGEMAKER_BATCH_STRATEGY": _STRATEGIES.get(self.request.get("BatchStrategy") or ""),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": self.request.get("MaxConcurrentTransforms"),
        }
        own = {"SAGEMAKER_BATCH": "true", **{name: str(value) for name, value in given.items() if value}}

        def extend(container: Json) -> Json:
            environment = {**(container.get("Environment") or {}), **(self.request.get("Environment") or {}), **own}
            return {**container, "Environment": environment}

        changed: Json = {}
        if model.get("PrimaryContainer"):
            changed["PrimaryContainer"] = extend(model["PrimaryContainer"])
        if model.get("Containers"):
            changed["Containers"] = [extend(container) for container in model["Containers"]]
        return {**model, **changed}

    def _list(self) -> list[Entry]:
        source: Json = self._input["DataSource"]["S3DataSource"]
        is_manifest = source["S3DataType"] == "ManifestFile"
        try:
            found = (self._objects.read_manifest if is_manifest else self._objects.list_prefix)(source["S3Uri"])
            if not found:
                raise ObjectError(f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source')
        except ObjectError as error:
            raise JobError(f"ClientError: Data download failed: {error}") from error
        return found

    def _choose_parameters(self) -> dict[str, Any]:
        asked = self.request.get("BatchStrategy")
        given = {
            "MaxConcurrentTransforms": self.request.get("MaxConcurrentTransforms"),
            "MaxPayloadInMB": self.request.get("MaxPayloadInMB"),
            "BatchStrategy": _STRATEGIES[asked] if asked else None,
        }
        answered = self._server.read_parameters()
        return {name: value or answered.get(name) or _DEFAULTS[name] for name, value in given.items()}

    def _transform(self, entry: Entry, parameters: dict[str, Any], result: Path) -> None:
        """Write the output of one object, a few requests at a time, so that large objects need little memory."""
        source, unfinished = self._folder / "object", self._folder / "unfinished"
        split_type, threads = self._input["SplitType"], int(parameters["MaxConcurrentTransforms"])
        single, limit = parameters["BatchStrategy"] == "SINGLE_RECORD", int(parameters["MaxPayloadInMB"]) * _MEGABYTE
        compression = self._input["CompressionType"]
        try:
            self._objects.fetch(entry.uri, source)
            with open_object(source, compression) as content, unfinished.open("wb") as output:
                records = split(content, split_type)
                requests = build_requests(records, self._processing, split_type, limit, single=single)
                for request, answer in self._invoke_in_order(requests, threads):
                    self._write(output, request, answer)
        except (ObjectError, RecordError) as error:
            raise _ObjectFailedError("ClientError", [str(error)]) from error
        unfinished.rename(result)

    def _invoke_in_order(self, requests: Iterator[Request], threads: int) -> Iterator[tuple[Request, Answer]]:
        """Each request with its answer; no more requests wait than one for each thread and the next one."""
        waiting: deque[tuple[Request, Future[Answer]]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            for request in requests:
                waiting.append((request, pool.submit(self._invoke, request.body)))
                if len(waiting) > threads:
                    first, answered = waiting.popleft()
                    yield first, answered.result()
            for first, answered in waiting:
                yield first, answered.result()

    def _invoke(self, body: bytes) -> Answer:
        settings: Json = self.request.get("ModelClientConfig") or {}
        given = {
            "Content-Type": self._input.get("ContentType"),
            "Accept": self.request["TransformOutput"].get("Accept"),
        }
        headers = {name: value for name, value in given.items() if value}
        invoke = partial(
            self._server.invoke, headers, body, settings.get("InvocationsTimeoutInSeconds", _TIMEOUT_SECONDS)
        )
        for attempt in itertools.count():
            try:
                return invoke()
            except InvocationError as error:
                is_client = 400 <= error.status < 500
                if is_client or self.is_stopping or attempt == settings.get("InvocationsMaxRetries", _RETRIES):
                    side = "ClientError" if is_client else "AlgorithmError"
                    lines = [f"{side}: {error.status}", "", "Message:", *error.original.splitlines()]
                    raise _ObjectFailedError(side, lines) from error
        raise AssertionError("unreachable")

    def _write(self, output: IO[bytes], request: Request, answer: Answer) -> None:
        """Write the output of one request."""
        end = b"\n" if self.request["TransformOutput"]["AssembleWith"] == "Line" else b""
        if not self._processing.changes_output:
            output.write(answer.body)
            output.write(b"" if answer.body.endswith(b"\n") else end)
            return
        wanted = self.request["TransformOutput"].get("Accept")
        kind = media_type(answer.headers.get("Content-Type")) or media_type(wanted)
        lines = self._processing.build_output(request.records, self._input["SplitType"], answer.body, kind)
        separator = b""
        for line in lines:
            output.write(separator + line + end)
            separator = b"" if end else b"\n"

    def _upload(self, entries: list[Entry]) -> None:
        prefix = self.request["TransformOutput"]["S3OutputPath"].rstrip("/")
        try:
            for number, entry in enumerate(entries):
                path = self._folder / "results" / str(number)
                if path.is_file():
                    with path.open("rb") as file:
                        self._objects.store(file, f"{prefix}/{entry.name}.out")
        except ObjectError as error:
            raise JobError(f"ClientError: Failed to upload output: {error}") from error


class _ObjectFailedError(Exception):
    """One object failed; the job continues with the others.

    Parameters
    ----------
    side
        ``ClientError`` or ``AlgorithmError``.
    lines
        What the data log shows.
    """

    def __init__(self, side: str, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.reason = f"{side}: See job logs for more information"
        self.lines = lines
