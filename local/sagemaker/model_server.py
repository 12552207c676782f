"""One model server: the process behind one variant of an endpoint."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from local import clients, output, processes
from local.sagemaker import images
from local.sagemaker.hosting import Definition
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import Json

_HEALTH_SECONDS = 60.0  # a variant may ask for another limit
_POLL_SECONDS = 0.02
_ANSWER_SECONDS = 60  # AWS's limit for one invocation
_STOP_SECONDS = 5


class ServerError(Exception):
    """A variant cannot be served; the message is the endpoint's FailureReason."""


@dataclass(frozen=True)
class Answer:
    """What the container answered to one request."""

    status: int
    headers: dict[str, str]
    body: bytes


class ModelServer:
    """A model that is served, from start to retirement.

    Parameters
    ----------
    endpoint
        The name of the endpoint.
    variant
        The ProductionVariant to be served.
    model
        The model that the variant names.
    region
        The endpoint's region.
    folder
        An own folder for the server's files.
    """

    def __init__(self, endpoint: str, variant: Json, model: Definition, region: str, folder: Path) -> None:
        self.variant = variant
        self.image: str = ""
        self.role_arn: str = model.request["ExecutionRoleArn"]
        self._endpoint, self._model, self._region, self._folder = endpoint, model.request, region, folder
        self.log_stream = f"{variant['VariantName']}/i-{uuid.uuid4().hex[:17]}"
        self._process: subprocess.Popen[bytes] | None = None
        self._runner: images.Runner | None = None
        self._port = 0
        self._in_flight = 0
        self._idle = threading.Condition()

    def start(self) -> None:
        """Download the model, start the process and wait until it is healthy.

        Raises
        ------
        ServerError
            It cannot be started, or does not become healthy.
        """
        containers = self._model.get("Containers") or []
        container: Json = self._model.get("PrimaryContainer") or containers[0]
        if len(containers) > 1:
            raise ServerError("local/ serves models of one container; this one is an inference pipeline.")
        self.image = container.get("Image") or ""
        try:
            runner = images.serving_runner(self.image, self._folder, self._model["ExecutionRoleArn"], _free_port())
        except images.UnknownImageError as error:
            raise ServerError(f"{error}.") from error
        shutil.rmtree(self._folder, ignore_errors=True)
        for name in ("model", "code", "packages"):
            (self._folder / name).mkdir(parents=True)
        environment = {**(container.get("Environment") or {})}
        source = "" if runner.code_in_model else environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        self._download(container.get("ModelDataUrl"), source)
        self._run(runner, environment)

    def invoke(self, headers: dict[str, str], body: bytes) -> Answer:
        """Pass a request on; the caller has entered this server before."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_SECONDS)
        try:
            connection.request("POST", "/invocations", body, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def enter(self) -> None:
        """Count a request in, so that the server is not ended under it."""
        with self._idle:
            self._in_flight += 1

    def leave(self) -> None:
        """Count a request out."""
        with self._idle:
            self._in_flight -= 1
            self._idle.notify_all()

    def retire(self) -> None:
        """End the process once its last request has been answered, and remove its files."""
        with self._idle:
            self._idle.wait_for(lambda: self._in_flight == 0, timeout=_ANSWER_SECONDS)
        if self._process:
            processes.signal_group(self._process, signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                processes.signal_group(self._process, signal.SIGKILL)
        if self._runner:
            self._runner.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _download(self, model_data: str | None, source: str) -> None:
        objects = Objects(self._region, self._model["ExecutionRoleArn"])
        try:
            if model_data:
                objects.fetch_archive(model_data, self._folder / "model")
            if source.startswith("s3://"):
                objects.fetch_archive(source, self._folder / "code")
        except ObjectError as error:
            raise ServerError(
                f'Failed to download model data for container "container_1" from URL: "{model_data}". Please ensure '
                "that there is an object located at the URL and that the role passed to CreateModel has permissions "
                f"to download the object. ({error})"
            ) from error

    def _run(self, runner: images.Runner, environment: dict[str, str]) -> None:
        role = self._model["ExecutionRoleArn"]
        self._runner, self._port = runner, runner.port or 0
        given = {**clients.process_environment(role, self._region), **environment}
        self._process = processes.start(
            runner.pass_environment(list(given)),
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
                "HOME": str(self._folder),
                "LANG": "C.UTF-8",
                "PYTHONUNBUFFERED": "1",
                **runner.environment,
                **given,
            },
            cwd=runner.folder,
            output=subprocess.PIPE,
        )
        output.follow(
            self._process,
            region=self._region,
            role_arn=role,
            group=f"/aws/sagemaker/Endpoints/{self._endpoint}",
            stream=self.log_stream,
        )
        limit = self.variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or _HEALTH_SECONDS
        if not self._becomes_healthy(time.monotonic() + limit):
            raise ServerError(
                f"The primary container for production variant {self.variant['VariantName']} did not pass the ping "
                "health check. Please check CloudWatch logs for this endpoint."
            )

    def _becomes_healthy(self, deadline: float) -> bool:
        assert self._process is not None
        port_file = self._folder / "port"
        while time.monotonic() < deadline and self._process.poll() is None:
            if not self._port and port_file.is_file():
                self._port = int(port_file.read_text())
            if self._port and self._answers_ping():
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _answers_ping(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_HEALTH_SECONDS)
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
