"""One inference component: the copies of one model on an endpoint whose configuration has no model.

All copies answer in one process; without a copy there is no process.
"""

import random
import shutil
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from local import config
from local.sagemaker.guardrails import Shift
from local.sagemaker.hosting import Definition
from local.sagemaker.model_server import ModelServer
from local.sagemaker.resources import Json, Store, now
from local.sagemaker.served_container import Placement, explain_failure

_REASON_LIMIT = 1024
# By the status in the Describe call: the state that AWS's error messages name.
STATES = {"Creating": "CREATE_IN_PROGRESS", "Updating": "UPDATE_IN_PROGRESS", "Deleting": "DELETE_IN_PROGRESS"}


class InferenceComponent:
    """A component that serves in its own process.

    Parameters
    ----------
    store
        The backend of the component's region.
    request
        The CreateInferenceComponent request.
    model
        The model that its specification names.
    """

    def __init__(self, store: Store, request: Json, model: Definition) -> None:
        self.name: str = request["InferenceComponentName"]
        self.endpoint: str = request["EndpointName"]
        self.variant: str = request["VariantName"]
        self.arn = store.arn("inference-component", self.name)
        self.tags: list[dict[str, str]] = list(request.get("Tags") or [])
        self.creation_time = self.last_modified_time = now()
        self.status = "Creating"
        self.copies, self.wanted = 0, int(request["RuntimeConfig"]["CopyCount"])
        self.deployment: Json | None = None
        self._endpoint_arn = store.arn("endpoint", self.endpoint)
        self._region = store.region_name
        self._specification: Json = request["Specification"]
        self._model = model
        self._live: ModelServer | None = None
        self._pending: ModelServer | None = None
        self._shift: Shift | None = None
        self._reason = self._abandoned = ""
        self._lock = threading.RLock()

    def describe(self) -> Json:
        """The answer of DescribeInferenceComponent."""
        with self._lock:
            answer = self.summary() | {
                "Specification": self._specification,
                "RuntimeConfig": {"DesiredCopyCount": self.wanted, "CurrentCopyCount": self.copies},
            }
            if self.deployment:
                answer["LastDeploymentConfig"] = self.deployment
            if self._reason:
                answer["FailureReason"] = self._reason
            return answer

    def summary(self) -> Json:
        """The component's entry in ListInferenceComponents."""
        return {
            "InferenceComponentName": self.name,
            "InferenceComponentArn": self.arn,
            "EndpointName": self.endpoint,
            "EndpointArn": self._endpoint_arn,
            "VariantName": self.variant,
            "InferenceComponentStatus": self.status,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
        }

    @property
    def role_arn(self) -> str:
        """The role of its model."""
        return str(self._model.request["ExecutionRoleArn"])

    def create(self) -> None:
        """Start the first copies in the background."""
        self._in_background(lambda: self._deploy(self._specification, self._model, self.wanted, None))

    def update(self, specification: Json, model: Definition, copies: int, shift: Shift | None) -> None:
        """Replace the model in the background; the old copies answer until the new ones are healthy."""
        self._set_status("Updating")
        self._in_background(lambda: self._deploy(specification, model, copies, shift))

    def scale(self, copies: int) -> None:
        """Change the number of copies in the background."""
        self._set_status("Updating")
        self.wanted = copies
        self._in_background(lambda: self._scale(copies))

    def delete(self, forget: Callable[[], None]) -> None:
        """End the copies in the background, and then call `forget`."""
        self._set_status("Deleting")
        self._in_background(lambda: self._end(forget))

    def choose(self) -> ModelServer | None:
        """Choose a server for one request; the caller must call its `leave` afterwards. None without a copy."""
        with self._lock:
            shifted = self._pending if self._shift and random.random() < self._shift.share else None
            server = shifted or self._live
            if server and self.status != "Deleting":
                server.enter()
                return server
            return None

    def abandon(self) -> None:
        """End the copies, also those that start, and start no more; the component stays without its endpoint."""
        with self._lock:
            self._abandoned = f"The endpoint {self.endpoint} was deleted."
            starting = self._pending
        if starting:
            starting.end()
        self._release()

    def _release(self) -> None:
        """End the copies that answer."""
        with self._lock:
            server, self._live, self.copies = self._live, None, 0
        if server:
            server.retire()

    def _start(self, server: ModelServer) -> str:
        """Start a server; return the reason of a failure, or ""."""
        with self._lock:
            if self._abandoned:
                return self._abandoned
            self._pending = server
        return explain_failure(server.start)

    def _deploy(self, specification: Json, model: Definition, copies: int, shift: Shift | None) -> None:
        server = self._create_server(specification, model) if copies else None
        reason = self._start(server) if server else ""
        if shift and not reason:
            self._shift = shift
            reason = explain_failure(shift.run)
        with self._lock:
            self._pending = self._shift = None
            reason = self._abandoned or reason
            self._reason = reason[:_REASON_LIMIT]
            replaced = server
            if not reason:
                replaced, self._live = self._live, server
                self._specification, self._model = specification, model
                self.copies = self.wanted = copies
            is_first = self.status == "Creating"
            self._set_status("Failed" if reason and is_first else "InService")
        if replaced:
            replaced.retire()

    def _scale(self, copies: int) -> None:
        reason, server = "", None
        if copies and not self._live:
            server = self._create_server(self._specification, self._model)
            reason = self._start(server)
        elif not copies:
            self._release()
        with self._lock:
            self._pending = None
            reason = self._abandoned or reason
            if server and not reason:
                self._live = server
            self.copies = 0 if reason else copies
            self._reason = reason[:_REASON_LIMIT]
            self._set_status("InService")

    def _create_server(self, specification: Json, model: Definition) -> ModelServer:
        place = Placement(
            name="primary",
            owner=f"inference component {self.name}",
            unit="inference component",
            log_group=f"/aws/sagemaker/InferenceComponents/{self.name}",
            log_stream=f"{self.variant}/i-{uuid.uuid4().hex[:17]}",
            folder=self._root / uuid.uuid4().hex[:8],
        )
        variant = {"VariantName": self.variant} | (specification.get("StartupParameters") or {})
        return ModelServer(variant, model.request, self._region, place)

    def _end(self, forget: Callable[[], None]) -> None:
        self._release()
        shutil.rmtree(self._root, ignore_errors=True)
        forget()

    @property
    def _root(self) -> Path:
        return config.current().data / "sagemaker" / self._region / "components" / self.name

    def _set_status(self, status: str) -> None:
        with self._lock:
            self.status, self.last_modified_time = status, now()

    def _in_background(self, action: Callable[[], None]) -> None:
        threading.Thread(target=action, name=f"inference component {self.name}", daemon=True).start()
