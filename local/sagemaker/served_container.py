"""One serving container: its folder, which represents /opt/ml, its process and its invocations."""

import errno
import secrets
import shutil
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local import clients, processes
from local.console import print_line
from local.sagemaker import images
from local.sagemaker.container_client import Answer, ContainerClient
from local.sagemaker.container_process import ContainerProcess, LogTarget
from local.sagemaker.hosting import locate_model_data
from local.sagemaker.objects import ArchiveError, ObjectError, Objects
from local.sagemaker.resources import Json
from local.sagemaker.runners import Runner

_POLL_SECONDS = 0.02
_STOP_SECONDS = 5
# Below those of outgoing connections: https://docs.kernel.org/networking/ip-sysctl.html (from 32768; macOS: 49152)
_FIRST_PORT, _PORTS = 20_000, 12_768
_RESTART_SECONDS = (0.1, 60.0)  # first and longest pause before a restart; an unhealthy start doubles it


class ServerError(Exception):
    """A variant cannot be served; the message is the endpoint's FailureReason."""


def explain_failure(action: Callable[[], str | None]) -> str:
    """Carry out a step of a deployment; return the reason of its failure, or "".

    Any error of this engine is a reason, too: the endpoint or component must reach a final status.
    """
    try:
        return action() or ""
    except ServerError as error:
        return str(error)
    except Exception as error:
        print_line(traceback.format_exc())
        return f"InternalServerError: {type(error).__name__}: {error}"


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
        self._client = ContainerClient(place.name, place.log_stream)
        self._ended = False
        self._changed = threading.Condition()

    def start(self, limit_seconds: float) -> None:
        """Download the model, start the process and wait until it is healthy.

        Raises
        ------
        ServerError
            When it cannot be started, does not become healthy, or is ended before it is healthy.
        """
        self._check_wanted()
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
        with self._changed:
            self._check_wanted()
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
        """Send a request; return the headers of the answer, and its parts as they come. It raises as `invoke`."""
        return self._client.stream(headers, body, limit_seconds)

    def read_parameters(self) -> Json:
        """The container's execution parameters, or {} if it has none."""
        return self._client.read_parameters()

    def end(self) -> None:
        """End the process."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._process:
            self._process.end(_STOP_SECONDS)

    def _check_wanted(self) -> None:
        if self._ended:
            raise ServerError(f"The {self._place.name} container for {self._place.owner} was ended before its start.")

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
            self._fetch_model(objects, model_data, is_folder=is_folder)
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

    def _fetch_model(self, objects: Objects, address: str, *, is_folder: bool) -> None:
        folder = self._folder / "model"
        if is_folder:
            objects.fetch_into(folder, objects.list_prefix(address))
        elif address:
            try:
                # https://repost.aws/knowledge-center/sagemaker-endpoint-creation-fail: no symbolic links
                objects.fetch_archive(address, folder, refuse_links=True)
            except ArchiveError as error:
                raise ServerError(
                    f'Failed to extract model data archive for container "{self._place.name}" from URL "{address}". '
                    f"Please ensure that the object located at the URL is a valid tar.gz archive. ({error})"
                ) from error

    def _run(self, runner: Runner, environment: dict[str, str], note: str = "") -> ContainerProcess:
        role = self._model["ExecutionRoleArn"]
        (self._folder / "port").unlink(missing_ok=True)
        self._client.port = runner.port or 0
        isolated = self._model.get("EnableNetworkIsolation")
        given = ({} if isolated else clients.process_environment(role, self._region)) | environment
        log = LogTarget(self._region, role, self._place.log_group, self._place.log_stream)
        return ContainerProcess(runner, given, log, note=note)

    def _becomes_healthy(self, process: ContainerProcess, deadline: float) -> bool:
        port_file = self._folder / "port"
        while time.monotonic() < deadline and process.is_running:
            if not self._client.port and port_file.is_file():
                self._client.port = int(port_file.read_text())
            if self._client.port and self._client.answers_ping():
                return True
            time.sleep(_POLL_SECONDS)
        return False


def _free_port() -> int:
    """A free port that no outgoing connection gets before the container listens."""
    while True:
        port = _FIRST_PORT + secrets.randbelow(_PORTS)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
