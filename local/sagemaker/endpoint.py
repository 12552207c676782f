"""One endpoint: it creates, updates and ends its servers, and describes itself for DescribeEndpoint."""

import random
import shutil
import threading
from collections.abc import Callable

from local import config
from local.sagemaker.fleet import Fleet, Queue
from local.sagemaker.guardrails import Shift
from local.sagemaker.model_server import ModelServer
from local.sagemaker.resources import Json, Store, emit_status, now, upper_snake
from local.sagemaker.served_container import explain_failure

_REASON_LIMIT = 1024
# By VariantPropertyType: the member of a variant.
_RETAINED = {"DesiredInstanceCount": "InitialInstanceCount", "DesiredWeight": "InitialVariantWeight"}


class Endpoint:
    """An endpoint that serves in its own processes.

    Parameters
    ----------
    store
        The backend of the endpoint's region.
    request
        The CreateEndpoint request.
    fleet
        The first servers.
    """

    def __init__(self, store: Store, request: Json, fleet: Fleet) -> None:
        self.name: str = request["EndpointName"]
        self.arn = store.arn("endpoint", self.name)
        self.tags: list[dict[str, str]] = list(request.get("Tags") or [])
        self.creation_time = self.last_modified_time = now()
        self.status = "Creating"
        self._region = store.region_name
        self.deployment = request.get("DeploymentConfig")
        self._live: Fleet | None = None
        self._pending: Fleet | None = fleet
        self._pending_since = self.creation_time
        self._shift: Shift | None = None
        self._reason = ""
        self._lock = threading.RLock()

    def describe(self) -> Json:
        """The answer of DescribeEndpoint."""
        with self._lock:
            shown = self._live or self._pending
            assert shown is not None
            answer: Json = {
                "EndpointName": self.name,
                "EndpointArn": self.arn,
                "EndpointConfigName": shown.configuration.name,
                "EndpointStatus": self.status,
                "CreationTime": self.creation_time,
                "LastModifiedTime": self.last_modified_time,
            }
            if self._live:
                answer["ProductionVariants"] = self._live.describe()
            if self._live and self._live.queue:
                answer["AsyncInferenceConfig"] = self._live.queue.config
            if self._live and self._pending:
                answer["PendingDeploymentSummary"] = self._describe_pending(self._pending)
            if self.deployment:
                answer["LastDeploymentConfig"] = self.deployment
            if self._reason:
                answer["FailureReason"] = self._reason
            return answer

    @property
    def queue(self) -> Queue | None:
        """The queue of an asynchronous endpoint."""
        with self._lock:
            return self._live.queue if self._live else None

    def summary(self) -> Json:
        """The endpoint's entry in ListEndpoints."""
        described = self.describe()
        names = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
        return {name: described[name] for name in names}

    def retained(self, excluded: set[str]) -> dict[str, Json]:
        """The properties of each variant that an update with RetainAllVariantProperties keeps."""
        with self._lock:
            variants = self._live.variants if self._live else []
        kept = [key for property, key in _RETAINED.items() if property not in excluded]
        return {one["VariantName"]: {key: one[key] for key in kept if key in one} for one in variants}

    def create(self) -> None:
        """Start the first servers in the background."""
        self._in_background(self._deploy, self.describe())

    @property
    def variant_names(self) -> set[str]:
        """The names of the live variants."""
        return self._live.variant_names if self._live else set()

    @property
    def is_serverless(self) -> bool:
        """False if the live variants have instances."""
        return bool(self._live and self._live.is_serverless)

    @property
    def hosts_components(self) -> bool:
        """Whether its variants have no model, because inference components bring theirs."""
        shown = self._live or self._pending
        return bool(shown and shown.bare)

    def update(self, fleet: Fleet, deployment: Json | None, shift: Shift) -> None:
        """Replace the servers in the background; the old ones serve until the new ones have all traffic."""
        with self._lock:
            self._pending, self._pending_since = fleet, now()
            self.deployment, self._shift = deployment, shift
            detail = self._set_status("Updating")
        self._in_background(self._deploy, detail)

    def scale(self, counts: dict[str, int]) -> None:
        """Change the instance counts of variants in the background."""
        self._in_background(lambda: self._scale(counts), self._set_status("Updating"))

    def _scale(self, counts: dict[str, int]) -> None:
        assert self._live is not None
        live = self._live
        reason = explain_failure(lambda: live.scale(counts))
        with self._lock:
            self._reason = reason[:_REASON_LIMIT]
            detail = self._set_status("InService")
        self._publish(detail)

    def delete(self, forget: Callable[[], None]) -> None:
        """End the servers in the background, and then call `forget`."""
        detail = self._set_status("Deleting")
        self._in_background(lambda: self._end(forget), detail)

    def choose(self, variant: str | None) -> tuple[bool, ModelServer | None]:
        """Choose a server for one request; the caller must call its `leave` afterwards.

        Returns
        -------
        tuple
            Whether the endpoint serves, and the server; None for an unknown variant and without instances.
        """
        with self._lock:
            if not self._live or self.status == "Deleting":
                return False, None
            shifted = self._pending if self._shift and random.random() < self._shift.share else None
            server = (shifted or self._live).choose(variant)
            if server:
                server.enter()
            return True, server

    def _deploy(self) -> None:
        fleet = self._pending
        assert fleet is not None
        reason = explain_failure(fleet.start) or (explain_failure(self._shift.run) if self._shift else "")
        with self._lock:
            self._reason = reason[:_REASON_LIMIT]
            old = self._live
            if not reason:
                self._live = fleet
            if self._live:
                self._pending = self._shift = None
            detail = self._set_status("InService" if self._live else "Failed")
        self._publish(detail)
        if reason:
            fleet.retire()
        elif old:
            old.retire()

    def _end(self, forget: Callable[[], None]) -> None:
        for fleet in (self._live, self._pending):
            if fleet:
                fleet.retire()
        shutil.rmtree(config.current().data / "sagemaker" / self._region / "endpoints" / self.name, ignore_errors=True)
        forget()

    def _describe_pending(self, fleet: Fleet) -> Json:
        stage = [{"Status": self._shift.stage if self._shift else "Creating", "StartTime": self._pending_since}]
        variants = [one | {"VariantStatus": stage} for one in fleet.describe_pending()]
        return {
            "EndpointConfigName": fleet.configuration.name,
            "ProductionVariants": variants,
            "StartTime": self._pending_since,
        }

    def _set_status(self, status: str) -> Json:
        """Set the status; return the event detail, to publish without the lock."""
        with self._lock:
            self.status, self.last_modified_time = status, now()
            return self.describe()

    def _publish(self, detail: Json) -> None:
        detail = {**detail, "EndpointStatus": upper_snake(detail["EndpointStatus"])}
        emit_status("Endpoint", self, detail, self._region)

    def _in_background(self, action: Callable[[], None], detail: Json) -> None:
        def run() -> None:
            self._publish(detail)
            action()

        threading.Thread(target=run, name=f"endpoint {self.name}", daemon=True).start()
