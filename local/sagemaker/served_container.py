"""One serving container: its folder, which represents /opt/ml, its process and its invocations."""

import http.client
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import clients, processes
from local.sagemaker import images
from local.sagemaker.container_process import ContainerProcess, LogTarget
from local.sagemaker.hosting import locate_model_data
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import Json
from local.sagemaker.runners import Runner

_POLL_SECONDS = 0.02
_PING_SECONDS = 60
_STOP_SECONDS = 5
_RESTART_SECONDS = (0.1, 60.0)  # first and longest pause before a restart; an unhealthy start doubles it
_PART_BYTES = 64 * 1024


class ServerError(Exception):
    """A variant cannot be served; the message is the endpoint's FailureReason."""


class InvocationError(Exception):
    """A container answered with an error, or did not answer."""

    def __init__(self, message: str, status: int, original: str, log_stream: str) -> None:
        super().__init__(message)
        self.status, self.original, self.log_stream = status, original, log_stream


@dataclass(frozen=True)
class Placement:
    """The names, log stream and folder of a container.

    Parameters
    ----------
    name
        The container's name in errors.
    owner, unit
        What it serves, in errors: a variant of an endpoint, or a transform job.
    log_group, log_stream
        The names of the log group and of the stream for its output.
    folder
        The folder for its files.
    """

    name: str
    owner: str
    unit: str
    log_group: str
    log_stream: str
    folder: Path


@dataclass(frozen=True)
class Answer:
    """A container's answer to one request."""

    headers: dict[str, str]
    body: bytes


class ServedContainer:
    """One container of a served model.

    Parameters
    ----------
    container
        The ContainerDefinition.
    model
        The CreateModel request.
    region
        The endpoint's region.
    place
        The container's names, log stream and folder.
    """

    def __init__(self, container: Json, model: Json, region: str, place: Placement) -> None:
        self._container, self._model, self._region, self._place = container, model, region, place
        self.image: str = container.get("Image") or ""
        self._folder = place.folder
        self._process: ContainerProcess | None = None
        self._port = 0
        self._ended = False
        self._changed = threading.Condition()

    def start(self, limit_seconds: float) -> None:
        """Download the model, start the process and wait until it is healthy.

        Raises
        ------
        ServerError
            When it cannot be started or does not become healthy.
        """
        try:
            has_script = "SAGEMAKER_PROGRAM" in (self._container.get("Environment") or {})
            role = self._model["ExecutionRoleArn"]
            runner = images.serving_runner(self.image, self._folder, role, _free_port(), has_script)
        except images.UnknownImageError as error:
            raise ServerError(f"{error}.") from error
        shutil.rmtree(self._folder, ignore_errors=True)
        for name in ("model", "code", "packages"):
            (self._folder / name).mkdir(parents=True)
        environment: dict[str, str] = {**(self._container.get("Environment") or {})}
        source = "" if runner.code_in_model else environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        self._download(source)
        self._process = self._run(runner, environment)
        if not self._becomes_healthy(self._process, time.monotonic() + limit_seconds):
            raise ServerError(
                f"The {self._place.name} container for {self._place.owner} did not pass the ping health check. Please "
                f"check CloudWatch logs for this {self._place.unit}."
            )
        arguments = (self._process, runner, environment, limit_seconds)
        threading.Thread(target=self._restart_when_ended, args=arguments, daemon=True).start()

    def invoke(self, headers: dict[str, str], body: bytes, limit_seconds: float) -> Answer:
        """Send a request to the container.

        Raises
        ------
        InvocationError
            When the container answers with an error, or not in time.
        """
        response_headers, parts = self.stream(headers, body, limit_seconds)
        return Answer(response_headers, b"".join(parts))

    def stream(
        self, headers: dict[str, str], body: bytes, limit_seconds: float
    ) -> tuple[dict[str, str], Iterator[bytes]]:
        """Send a request to the container; return the headers of the answer, and its parts as they come.

        Raises
        ------
        InvocationError
            When the container answers with an error, or not in time; also while the parts are read.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=limit_seconds)
        try:
            with self._translated_errors():
                connection.request("POST", "/invocations", body, headers)
                response = connection.getresponse()
                original = response.read().decode(errors="replace") if response.status >= 400 else ""
            if response.status >= 400:
                side = "client" if response.status < 500 else "server"
                message = (
                    f'Received {side} error ({response.status}) from {self._place.name} with message "{original}".'
                )
                raise InvocationError(message, response.status, original, self._place.log_stream)
        except InvocationError:
            connection.close()
            raise
        return dict(response.getheaders()), self._read_parts(connection, response)

    def _read_parts(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> Iterator[bytes]:
        try:
            with self._translated_errors():
                while part := response.read1(_PART_BYTES):
                    yield part
        finally:
            connection.close()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        name, stream = self._place.name, self._place.log_stream
        try:
            yield
        except TimeoutError:
            message = f"Invocation timed out while waiting for a response from container {name}"
            raise InvocationError(message, 0, message, stream) from None
        except (OSError, http.client.HTTPException) as error:
            message = f"The container {name} does not answer: {error}"
            raise InvocationError(message, 500, message, stream) from error

    def read_parameters(self) -> Json:
        """The container's answer to /execution-parameters, or {} if it has none.

        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PING_SECONDS)
        try:
            connection.request("GET", "/execution-parameters")
            response = connection.getresponse()
            answer = json.loads(response.read()) if response.status == http.HTTPStatus.OK else {}
        except (OSError, ValueError):
            return {}
        finally:
            connection.close()
        return answer if isinstance(answer, dict) else {}

    def end(self) -> None:
        """End the process."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._process:
            self._process.end(_STOP_SECONDS)

    def _restart_when_ended(
        self, process: ContainerProcess, runner: Runner, environment: dict[str, str], limit_seconds: float
    ) -> None:
        """Start the container again each time that it exits, until `end` is called."""
        pause, longest = _RESTART_SECONDS
        while True:
            exit_code = process.wait()
            with self._changed:
                if self._changed.wait_for(lambda: self._ended, pause):
                    return
                try:
                    note = f"local/ starts the container again, which exited with code {exit_code}"
                    process = self._process = self._run(runner, environment, note)
                except processes.EngineStoppedError:
                    return
            healthy = self._becomes_healthy(process, time.monotonic() + limit_seconds)
            pause = _RESTART_SECONDS[0] if healthy else min(pause * 2, longest)

    def _download(self, source: str) -> None:
        model_data, is_folder = locate_model_data(self._container)
        objects = Objects(self._region, self._model["ExecutionRoleArn"])
        try:
            if is_folder:
                objects.fetch_into(self._folder / "model", objects.list_prefix(model_data))
            elif model_data:
                objects.fetch_archive(model_data, self._folder / "model")
            if source.startswith("s3://"):
                if self._model.get("EnableNetworkIsolation"):
                    raise ObjectError(f"a container with network isolation cannot read {source}")
                objects.fetch_archive(source, self._folder / "code")
        except ObjectError as error:
            raise ServerError(
                f'Failed to download model data for container "{self._place.name}" from URL: "{model_data}". Please '
                "ensure that there is an object located at the URL and that the role passed to CreateModel has "
                f"permissions to download the object. ({error})"
            ) from error

    def _run(self, runner: Runner, environment: dict[str, str], note: str = "") -> ContainerProcess:
        role = self._model["ExecutionRoleArn"]
        (self._folder / "port").unlink(missing_ok=True)
        self._port = runner.port or 0
        isolated = self._model.get("EnableNetworkIsolation")
        given = ({} if isolated else clients.process_environment(role, self._region)) | environment
        log = LogTarget(self._region, role, self._place.log_group, self._place.log_stream)
        return ContainerProcess(runner, given, log, note=note)

    def _becomes_healthy(self, process: ContainerProcess, deadline: float) -> bool:
        port_file = self._folder / "port"
        while time.monotonic() < deadline and process.is_running:
            if not self._port and port_file.is_file():
                self._port = int(port_file.read_text())
            if self._port and self._answers_ping():
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _answers_ping(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PING_SECONDS)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
