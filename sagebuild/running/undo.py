"""Restores the endpoint after a build that did not succeed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import chain, islice, repeat

from botocore.exceptions import ClientError

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import BuildRecord
from sagebuild.errors import StillRunningError
from sagebuild.names import name_endpoint, name_resource, parse_resource_name
from sagebuild.running.endpoint import (
    RETAIN_CAPACITY,
    Endpoint,
    delete_failed_endpoint,
    describe_endpoint,
    recreate_endpoint,
)
from sagebuild.running.model_files import delete_copies
from sagebuild.running.undo_component import CHANGING, MODELS_TRIED, list_deployed, undo_component
from sagebuild.service import Service, aws_call, suppress_code

POLL_SECONDS = 10.0


def undo_deployment(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> list[str]:
    """Restore the endpoint as it was before a build, and delete the build's model and endpoint configuration.

    Safe to repeat. Nothing changes if the deployment never began, or if SageMaker rolled it back. After a failed
    rollback nothing is deleted: its model and configuration are an earlier build's.

    If the previous model was deleted, or SageMaker cannot deploy it again, the endpoint gets the newest other model of
    a build that deployed it.

    Returns
    -------
    list of str
        A sentence if the endpoint is not as it was.

    Raises
    ------
    StillRunningError
        The endpoint was still changing at the end of the wait.
    """
    ours = record.endpoint_config if record.trigger.rollback else name_resource(service, record.number)
    if not ours:
        return []
    if record.component:
        problems = undo_component(service, record, wait_seconds, clock, sleep)
        _delete_own(service, record, ours, describe_endpoint(service))
        return problems
    deadline = clock() + wait_seconds
    pauses = chain((1.0, 2.0, 4.0, 8.0), repeat(POLL_SECONDS))
    remade, models = record.endpoint_remade, _EarlierModels(service, record, ours)
    while (endpoint := describe_endpoint(service)) or remade:
        if endpoint and endpoint.status in CHANGING:
            if clock() >= deadline:
                raise StillRunningError(
                    f"The endpoint {name_endpoint(service)} is still {endpoint.status} after {wait_seconds:.0f} s."
                )
            sleep(next(pauses))
        elif endpoint is None or (endpoint.status == "InService" and endpoint.config == ours):
            if not models.deploy_next(endpoint):
                break
        elif endpoint.status == "Failed" and endpoint.config in (ours, record.live_before) and not remade:
            remade = models.is_left
            delete_failed_endpoint(service, record, remake=remade)
        else:
            break
    _delete_own(service, record, ours, endpoint)
    return models.explain(endpoint)


class _EarlierModels:
    """The endpoint configurations that can replace that of a build, the previous one first; each is tried once."""

    def __init__(self, service: Service, record: BuildRecord, ours: str) -> None:
        self._service, self._record, self._ours = service, record, ours
        self._failures: list[str] = []

    @cached_property
    def _left(self) -> list[str]:
        before = self._record.live_before
        if not before:
            return []
        others = list_deployed(self._service, self._record, {before, self._ours})
        kept = [before] if self._exists(before) else []
        if not kept:
            self._failures.append(f"{before} or its model was deleted")
        return [*kept, *islice(filter(self._exists, others), MODELS_TRIED)]

    @property
    def is_left(self) -> bool:
        return bool(self._left)

    def deploy_next(self, endpoint: Endpoint | None) -> bool:
        """Begin the deployment of the next configuration; False without one.

        If nothing was live before the build, the endpoint is deleted.
        """
        name = name_endpoint(self._service)
        if endpoint and not self._record.live_before:
            with aws_call(f"delete the endpoint {name}"):
                self._service.sagemaker.delete_endpoint(EndpointName=name)
            return True
        # A removal of the pipeline or stack deletes the endpoint, which must not be created again.
        if not self._left or read_state(self._service).removed_at:
            return False
        config = self._left.pop(0)
        try:
            if endpoint:
                _update_endpoint(self._service, config, keeps_capacity=bool(self._record.scaling_before))
            else:
                recreate_endpoint(self._service, config)
        except ClientError as error:
            # ValidationException also means that the endpoint began to change since it was described.
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            now = describe_endpoint(self._service)
            if now and now.status in CHANGING:
                self._left.insert(0, config)
            else:
                self._failures.append(f"SageMaker refused {config} ({error.response['Error']['Message']})")
        return True

    def explain(self, endpoint: Endpoint | None) -> list[str]:
        """Explain an endpoint that is not as it was before the build."""
        name, before = name_endpoint(self._service), self._record.live_before
        why = "; ".join(self._failures) or f"SageMaker could not deploy {before} again"
        has_tried = "_left" in self.__dict__ or self._record.endpoint_remade
        if not before:
            return []
        if endpoint is None:
            advice = "Start a build, which creates it again."
            return [f"The endpoint {name} failed and was deleted: {why}. {advice}"] if has_tried else []
        if endpoint.status == "Failed":
            reason = endpoint.reason or "SageMaker gave no reason"
            return [f"The endpoint {name} was created again and failed: {reason}."] if has_tried else []
        if endpoint.config == self._ours != before:
            return [
                f"The endpoint {name} still has {self._ours}, the model of this build: {why}, and no other model of an "
                "earlier build could replace it. Start a build that replaces it, or delete the endpoint."
            ]
        if endpoint.config == before or parse_resource_name(self._service, endpoint.config) is None:
            return []
        return [f"The endpoint {name} serves {endpoint.config} instead of {before}: {why}."]

    def _exists(self, config: str) -> bool:
        """Return False when an endpoint configuration or one of its models was deleted."""
        sagemaker = self._service.sagemaker
        with aws_call(f"describe the endpoint configuration {config}"):
            try:
                variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
                for variant in variants:
                    sagemaker.describe_model(ModelName=variant["ModelName"])
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ValidationException":
                    return False
                # Only the user's own configurations and models are not readable; SageMaker itself checks those.
                if not code.startswith("AccessDenied"):
                    raise
        return True


def _update_endpoint(service: Service, config: str, *, keeps_capacity: bool) -> None:
    name = name_endpoint(service)
    with aws_call(f"restore the endpoint {name}"):
        retained = RETAIN_CAPACITY if keeps_capacity else {}
        service.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **retained)


def _delete_own(service: Service, record: BuildRecord, name: str, endpoint: Endpoint | None) -> None:
    """Delete the model and the configuration of a build, which no rollback has, unless the endpoint may use them."""
    # With any other status, the endpoint may still serve from some of the new instances.
    is_settled = endpoint is None or endpoint.status in ("InService", "Failed")
    if record.trigger.rollback or not is_settled or (endpoint and name in endpoint.configs):
        return
    with aws_call(f"delete {name}"):
        # ValidationException: it was never created.
        with suppress_code("ValidationException"):
            service.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        with suppress_code("ValidationException"):
            service.sagemaker.delete_model(ModelName=name)
    delete_copies(service, record.number)
