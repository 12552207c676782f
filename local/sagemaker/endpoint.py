"""One endpoint: its status as Describe tells it, and the model servers behind it."""

import random
import shutil
import threading
import traceback
import uuid
from collections.abc import Callable

from local import config
from local.sagemaker.guardrails import Shift
from local.sagemaker.hosting import Definition
from local.sagemaker.model_server import ModelServer, ServerError
from local.sagemaker.resources import Json, Store, emit_status, now, upper_snake

_REASON_LIMIT = 1024
# Names of VariantPropertyType -> where a variant holds them.
_RETAINED = {"DesiredInstanceCount": "InitialInstanceCount", "DesiredWeight": "InitialVariantWeight"}


class Fleet:
    """The servers of one endpoint configuration.

    Parameters
    ----------
    endpoint, region
        The endpoint's name and region.
    configuration
        The endpoint configuration.
    variants
        Its ProductionVariants, each with the model that it names.
    """

    def __init__(
        self, endpoint: str, configuration: Definition, variants: list[tuple[Json, Definition]], region: str
    ) -> None:
        self.configuration = configuration
        root = config.current().data / "sagemaker" / region / "endpoints" / endpoint
        self.servers = [
            ModelServer(endpoint, variant, model, region, root / f"{variant['VariantName']}-{uuid.uuid4().hex[:8]}")
            for variant, model in variants
        ]

    @property
    def variant_names(self) -> set[str]:
        """The names of its variants."""
        return {server.variant["VariantName"] for server in self.servers}

    @property
    def role_arn(self) -> str:
        """The role of its first model."""
        return self.servers[0].role_arn

    def start(self) -> None:
        """Start every server; returns when all are healthy."""
        for server in self.servers:
            server.start()
        self.resolved_at = now()

    def retire(self) -> None:
        """End every server."""
        for server in self.servers:
            server.retire()

    def choose(self, variant: str | None) -> ModelServer | None:
        """The server of a variant, or one taken by weight."""
        if variant:
            return next((server for server in self.servers if server.variant["VariantName"] == variant), None)
        weights = [server.variant.get("InitialVariantWeight", 1.0) for server in self.servers]
        return random.choices(self.servers, weights if any(weights) else None)[0]

    def describe(self) -> list[Json]:
        """The ProductionVariants of DescribeEndpoint."""
        return [_describe_variant(server) | self._image(server) for server in self.servers]

    def _image(self, server: ModelServer) -> Json:
        image = {"SpecifiedImage": server.image, "ResolvedImage": server.image, "ResolutionTime": self.resolved_at}
        return {"DeployedImages": [image]}


def _describe_variant(server: ModelServer) -> Json:
    variant = server.variant
    weight = variant.get("InitialVariantWeight", 1.0)
    answer: Json = {"VariantName": variant["VariantName"], "CurrentWeight": weight, "DesiredWeight": weight}
    if serverless := variant.get("ServerlessConfig"):
        return answer | {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    count = variant.get("InitialInstanceCount") or 1
    return answer | {"CurrentInstanceCount": count, "DesiredInstanceCount": count}


class Endpoint:
    """An endpoint that serves in processes of its own.

    Parameters
    ----------
    store
        The backend of the endpoint's region.
    request
        The CreateEndpoint request.
    fleet
        What it is to serve.
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
        """What DescribeEndpoint answers."""
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
            if self._live and self._pending:
                answer["PendingDeploymentSummary"] = self._describe_pending(self._pending)
            if self.deployment:
                answer["LastDeploymentConfig"] = self.deployment
            if self._reason:
                answer["FailureReason"] = self._reason
            return answer

    def summary(self) -> Json:
        """The endpoint's entry in ListEndpoints."""
        described = self.describe()
        names = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
        return {name: described[name] for name in names}

    def retained(self, excluded: set[str]) -> dict[str, Json]:
        """What an update with RetainAllVariantProperties keeps of each variant."""
        with self._lock:
            variants = [server.variant for server in self._live.servers] if self._live else []
        kept = [key for property, key in _RETAINED.items() if property not in excluded]
        return {one["VariantName"]: {key: one[key] for key in kept if key in one} for one in variants}

    def create(self) -> None:
        """Bring the first servers up, in the background."""
        self._in_background(self._deploy, self.describe())

    @property
    def variant_names(self) -> set[str]:
        """The names of the variants that serve."""
        return self._live.variant_names if self._live else set()

    def update(self, fleet: Fleet, deployment: Json | None, shift: Shift) -> None:
        """Replace the servers by others, in the background; the old ones serve until the new ones have the traffic."""
        with self._lock:
            self._pending, self._pending_since = fleet, now()
            self.deployment, self._shift = deployment, shift
            detail = self._enter("Updating")
        self._in_background(self._deploy, detail)

    def delete(self, forget: Callable[[], None]) -> None:
        """End the servers, in the background; what is given runs when they have ended."""
        detail = self._enter("Deleting")
        self._in_background(lambda: self._end(forget), detail)

    def choose(self, variant: str | None) -> tuple[bool, ModelServer | None]:
        """A server for one request, which the caller must leave afterwards.

        Returns
        -------
        tuple
            Whether the endpoint serves at all, and the server, if there is such a variant.
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
        reason = ""
        try:
            fleet.start()
            reason = self._shift.run() if self._shift else ""
        except ServerError as error:
            reason = str(error)
        except Exception:  # whatever goes wrong in this engine, the endpoint must come to rest and say so
            reason = f"InternalServerError: {traceback.format_exc()}"
        with self._lock:
            self._reason = reason[:_REASON_LIMIT]
            old = self._live
            if not reason:
                self._live = fleet
            if self._live:
                self._pending = self._shift = None
            detail = self._enter("InService" if self._live else "Failed")
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
        variants = [_describe_variant(server) | {"VariantStatus": stage} for server in fleet.servers]
        return {
            "EndpointConfigName": fleet.configuration.name,
            "ProductionVariants": variants,
            "StartTime": self._pending_since,
        }

    def _enter(self, status: str) -> Json:
        """Take on a status; returns what is then to be published, outside the lock."""
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
