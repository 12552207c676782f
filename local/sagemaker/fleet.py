"""The fleet of one endpoint configuration: a model server per variant, and the queue if it is asynchronous."""

import random
import threading
import uuid

from local import config
from local.sagemaker.hosting import Definition
from local.sagemaker.model_server import ModelServer
from local.sagemaker.resources import Json, now

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
        Its ProductionVariants, each with its model.
    """

    def __init__(
        self, endpoint: str, configuration: Definition, variants: list[tuple[Json, Definition]], region: str
    ) -> None:
        self.configuration = configuration
        asynchronous = configuration.request.get("AsyncInferenceConfig")
        self.queue = Queue(asynchronous) if asynchronous else None
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
        return self.servers[0].role

    def start(self) -> None:
        """Start every server, and wait until all are healthy."""
        for server in self.servers:
            server.start()
        self.resolved_at = now()

    def retire(self) -> None:
        """End every server."""
        for server in self.servers:
            server.retire()

    def choose(self, variant: str | None) -> ModelServer | None:
        """The server of a variant, or a random one by weight."""
        if variant:
            return next((server for server in self.servers if server.variant["VariantName"] == variant), None)
        weights = [server.variant.get("InitialVariantWeight", 1.0) for server in self.servers]
        return random.choices(self.servers, weights if any(weights) else None)[0]

    def describe(self) -> list[Json]:
        """The ProductionVariants of DescribeEndpoint."""
        return [describe_variant(server) | self._images(server) for server in self.servers]

    def _images(self, server: ModelServer) -> Json:
        images = [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": self.resolved_at}
            for image in server.images
        ]
        return {"DeployedImages": images}


def describe_variant(server: ModelServer) -> Json:
    """A server's entry in ProductionVariants, without its images."""
    variant = server.variant
    weight = variant.get("InitialVariantWeight", 1.0)
    answer: Json = {"VariantName": variant["VariantName"], "CurrentWeight": weight, "DesiredWeight": weight}
    if serverless := variant.get("ServerlessConfig"):
        return answer | {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    count = variant.get("InitialInstanceCount") or 1
    return answer | {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
