"""One model server: the containers of a variant or a transform job, in the order of the inference pipeline."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace

from local.sagemaker.capture import DataCapture
from local.sagemaker.container_client import Answer
from local.sagemaker.resources import Json
from local.sagemaker.served_container import Placement, ServedContainer

_HEALTH_SECONDS = 180.0  # on a busy laptop, too; a variant may ask for another limit
_ANSWER_SECONDS = 60.0  # AWS's limit for one invocation


class ModelServer:
    """Serves one model.

    Parameters
    ----------
    variant
        The ProductionVariant; for a transform job the members of it that the server needs.
    model
        The CreateModel request.
    region
        The region of the endpoint or job.
    place
        The place of a single container; several have their names in their streams and folders.
    """

    def __init__(self, variant: Json, model: Json, region: str, place: Placement) -> None:
        self.variant, self._folder = variant, place.folder
        self.capture: DataCapture | None = None
        self.role: str = model["ExecutionRoleArn"]
        several: list[Json] = model.get("Containers") or []
        if len(several) > 1:
            names = [one.get("ContainerHostname") or f"container-{number + 1}" for number, one in enumerate(several)]
            streams = [f"{place.log_stream}/{name}" for name in names]
        else:
            several = several or [model["PrimaryContainer"]]
            names, streams = [place.name], [place.log_stream]
        self._containers = [
            ServedContainer(
                one, model, region, replace(place, name=name, log_stream=stream, folder=place.folder / name)
            )
            for one, name, stream in zip(several, names, streams, strict=True)
        ]
        self._in_flight = 0
        self._idle = threading.Condition()
        self._starting = self._ended = False

    @property
    def images(self) -> list[str]:
        """The containers' images."""
        return [container.image for container in self._containers]

    def start(self) -> None:
        """Start every container, and wait until all are healthy; after an error, none runs.

        Raises
        ------
        ServerError
            When a container cannot be started, or when `end` is called before all are healthy.
        """
        limit = self.variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or _HEALTH_SECONDS
        with self._idle:
            self._starting = True
        try:
            for container in self._containers:
                container.start(limit)
        except BaseException:
            self.end()
            raise
        finally:
            with self._idle:
                self._starting = False
            self._remove_folder()

    def invoke(self, headers: dict[str, str], body: bytes, limit_seconds: float = _ANSWER_SECONDS) -> Answer:
        """Pass a request through the containers; the caller must have called `enter`.

        Each container's answer is the next one's request. Only the last one gets the caller's Accept.
        """
        response_headers, parts = self.stream(headers, body, limit_seconds)
        return Answer(response_headers, b"".join(parts))

    def stream(
        self, headers: dict[str, str], body: bytes, limit_seconds: float = _ANSWER_SECONDS
    ) -> tuple[dict[str, str], Iterator[bytes]]:
        """Pass a request through the containers, as `invoke`; return the last one's answer as it comes."""
        inner = {name: value for name, value in headers.items() if name != "Accept"}
        for container in self._containers[:-1]:
            answer = container.invoke(inner, body, limit_seconds)
            body = answer.body
            given = {"Content-Type": answer.headers.get("Content-Type", "application/octet-stream")}
            inner, headers = inner | given, headers | given
        return self._containers[-1].stream(headers, body, limit_seconds)

    def read_parameters(self) -> Json:
        """The first container's execution parameters, or {} if it has none."""
        return self._containers[0].read_parameters()

    def enter(self) -> None:
        """Count a request that starts, so that `retire` waits for it."""
        with self._idle:
            self._in_flight += 1

    def leave(self) -> None:
        """Count a request that ended."""
        with self._idle:
            self._in_flight -= 1
            self._idle.notify_all()

    def retire(self) -> None:
        """End the containers after the last request is answered."""
        with self._idle:
            self._idle.wait_for(lambda: self._in_flight == 0, timeout=_ANSWER_SECONDS)
        self.end()

    def end(self) -> None:
        """End the containers at once; a `start` that still downloads a model raises ServerError afterwards."""
        for container in self._containers:
            container.end()
        with self._idle:
            self._ended = True
        self._remove_folder()

    def _remove_folder(self) -> None:
        """Remove the folder of an ended server, unless `start` still fills it: that removes it at its own end."""
        with self._idle:
            removable = self._ended and not self._starting
        if removable:
            shutil.rmtree(self._folder, ignore_errors=True)
