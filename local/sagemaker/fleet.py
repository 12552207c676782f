"""The fleet of one endpoint configuration: a model server per variant, and the queue if it is asynchronous."""

import random
import threading
import uuid

from local import config
from local.sagemaker.capture import DataCapture
from local.sagemaker.hosting import Definition
from local.sagemaker.hosting_checks import is_bare
from local.sagemaker.model_server import ModelServer
from local.sagemaker.objects import Objects
from local.sagemaker.resources import Json, now
from local.sagemaker.served_container import Placement

_CONCURRENCY = 4  # if the request sets none; AWS also chooses a number then


class Queue:
    """The settings of an asynchronous endpoint, and a semaphore for its concurrent requests."""

    def __init__(self, config: Json) -> None:
        self.config = config
        client = config.get("ClientConfig") or {}
        self.turns = threading.Semaphore(client.get("MaxConcurrentInvocationsPerInstance") or _CONCURRENCY)


class Fleet:
    """The servers of one endpoint configuration.

    Parameters
    ----------
    endpoint, region
        The endpoint's name and region.
    configuration
        The endpoint configuration.
    variants
        Its ProductionVariants, each with its model; None for a variant of inference components.
    """

    def __init__(
        self, endpoint: str, configuration: Definition, variants: list[tuple[Json, Definition | None]], region: str
    ) -> None:
        self.configuration = configuration
        asynchronous = configuration.request.get("AsyncInferenceConfig")
        self._capture: Json = configuration.request.get("DataCaptureConfig") or {}
        self.queue = Queue(asynchronous) if asynchronous else None
        self._endpoint, self._region = endpoint, region
        self._models = {variant["VariantName"]: model for variant, model in variants if model}
        self.bare = [variant for variant, _ in variants if is_bare(variant)]
        self.servers = [self._create_server(variant) for variant, model in variants if model]

    def _create_server(self, variant: Json) -> ModelServer:
        root = config.current().data / "sagemaker" / self._region / "endpoints" / self._endpoint
        name = variant["VariantName"]
        place = Placement(
            name="primary",
            owner=f"production variant {name}",
            unit="endpoint",
            log_group=f"/aws/sagemaker/Endpoints/{self._endpoint}",
            log_stream=f"{name}/i-{uuid.uuid4().hex[:17]}",
            folder=root / f"{name}-{uuid.uuid4().hex[:8]}",
        )
        server = ModelServer(variant, self._models[name].request, self._region, place)
        if self._capture.get("EnableCapture"):
            objects = Objects(self._region, server.role, self._capture.get("KmsKeyId"))
            server.capture = DataCapture(self._capture, self._endpoint, name, objects)
        return server

    @property
    def variant_names(self) -> set[str]:
        """The names of its variants."""
        return {variant["VariantName"] for variant in self.variants}

    @property
    def variants(self) -> list[Json]:
        """Its variants, as they are at present."""
        return [*(server.variant for server in self.servers), *self.bare]

    @property
    def is_serverless(self) -> bool:
        """False if its variants have instances."""
        return any(variant.get("ServerlessConfig") for variant in self.variants)

    @property
    def role_arn(self) -> str:
        """The role of its first model, or of its configuration."""
        return self.servers[0].role if self.servers else str(self.configuration.request["ExecutionRoleArn"])

    def start(self) -> None:
        """Start every server, and wait until all are healthy."""
        for server in self.servers:
            if count_instances(server):
                server.start()
        self.resolved_at = now()

    def scale(self, counts: dict[str, int]) -> None:
        """Change the instance counts of variants; a variant without instances has no process."""
        for position, server in enumerate(self.servers):
            before, wanted = count_instances(server), counts.get(server.variant["VariantName"])
            if wanted is None:
                continue
            variant = server.variant | {"InitialInstanceCount": wanted}
            if wanted and not before:
                started = self._create_server(variant)
                started.start()
                self.servers[position] = started
            else:
                server.variant = variant
                if before and not wanted:
                    server.retire()

    def retire(self) -> None:
        """End every server."""
        for server in self.servers:
            server.retire()

    def choose(self, variant: str | None) -> ModelServer | None:
        """The server of a variant, or a random one by weight; None for an unknown variant and without instances."""
        servers = [server for server in self.servers if count_instances(server)]
        if variant or not servers:
            return next((server for server in servers if server.variant["VariantName"] == variant), None)
        weights = [server.variant.get("InitialVariantWeight", 1.0) for server in servers]
        return random.choices(servers, weights if any(weights) else None)[0]

    def describe(self) -> list[Json]:
        """The ProductionVariants of DescribeEndpoint."""
        described = [describe_variant(server) | self._images(server) for server in self.servers]
        return described + [_describe_bare(variant) for variant in self.bare]

    def describe_pending(self) -> list[Json]:
        """The ProductionVariants while its servers start: without images."""
        return [describe_variant(server) for server in self.servers] + [_describe_bare(one) for one in self.bare]

    def _images(self, server: ModelServer) -> Json:
        images = [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": self.resolved_at}
            for image in server.images
        ]
        return {"DeployedImages": images}


def _describe_bare(variant: Json) -> Json:
    count = int(variant.get("InitialInstanceCount", 1))
    kept: Json = {name: variant[name] for name in ("ManagedInstanceScaling", "RoutingConfig") if name in variant}
    described: Json = {"VariantName": variant["VariantName"], "CurrentInstanceCount": count}
    return described | {"DesiredInstanceCount": count} | kept


def count_instances(server: ModelServer) -> int:
    """The number of instances of a server's variant; 1 if it is serverless."""
    return int(server.variant.get("InitialInstanceCount", 1))


def describe_variant(server: ModelServer) -> Json:
    """A server's entry in ProductionVariants, without its images."""
    variant = server.variant
    weight = variant.get("InitialVariantWeight", 1.0)
    answer: Json = {"VariantName": variant["VariantName"], "CurrentWeight": weight, "DesiredWeight": weight}
    if serverless := variant.get("ServerlessConfig"):
        return answer | {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    count = count_instances(server)
    return answer | {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
