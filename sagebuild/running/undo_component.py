"""Restores the inference component of the endpoint after a build that did not succeed.

UpdateInferenceComponent replaces the model in place, so the record of a build has what served before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import chain, islice, repeat
from typing import Any, Literal

from botocore.exceptions import ClientError

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import BuildRecord, search_builds
from sagebuild.errors import StillRunningError
from sagebuild.names import VARIANT, name_component, name_endpoint, pipeline_tags
from sagebuild.running.component import Component, delete_component, describe_component
from sagebuild.running.endpoint import Endpoint, delete_failed_endpoint, describe_endpoint, recreate_endpoint
from sagebuild.service import Service, aws_call

Body = dict[str, Any]
_Outcome = Literal["begun", "later", "refused"]

POLL_SECONDS = 10.0
# The newest builds that are searched for models to deploy instead of a deleted one, and how many of these are tried.
_BUILDS_SEARCHED = 200
MODELS_TRIED = 3
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html: transient statuses.
CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True)
class EarlierCopies:
    """What an endpoint served before a build.

    Parameters
    ----------
    specification
        The model and what each copy reserves, as UpdateInferenceComponent takes them.
    copies
        The number of copies that were asked for.
    instances
        The endpoint configuration of the instances.
    """

    specification: Body
    copies: int
    instances: str

    @classmethod
    def of(cls, endpoint: Endpoint | None) -> EarlierCopies | None:
        """Return what an endpoint serves; None without a component."""
        if not endpoint or endpoint.status == "Failed" or not endpoint.component or not endpoint.component.model:
            return None
        return cls(endpoint.component.specification, endpoint.component.wanted, endpoint.instances)

    def to_text(self) -> str:
        """Return the JSON for a build's record."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> EarlierCopies | None:
        """Read the JSON of a build's record; None for an empty text."""
        return cls(**json.loads(text)) if text else None


def undo_component(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> list[str]:
    """Restore the component and the instances as they were before a build; without any, delete them. Safe to repeat.

    Returns
    -------
    list of str
        A sentence if the endpoint is not as it was.

    Raises
    ------
    StillRunningError
        The endpoint or its component was still changing at the end of the wait.
    """
    deadline, pauses = clock() + wait_seconds, chain((1.0, 2.0, 4.0, 8.0), repeat(POLL_SECONDS))
    undo = _Undo(service, record)
    while undo.step():
        if clock() >= deadline:
            raise StillRunningError(f"{undo.state} after {wait_seconds:.0f} s.")
        sleep(next(pauses))
    return undo.problems


def list_deployed(service: Service, record: BuildRecord, excluded: Collection[str]) -> Iterator[str]:
    """Yield the configurations of earlier builds, newest first, that can replace that of a build on its endpoint."""
    for each in search_builds(service, _BUILDS_SEARCHED):
        is_alike = bool(each.component) == bool(record.component)
        if each.deployed_its_model and is_alike and not each.pruned_at and each.endpoint_config not in excluded:
            yield each.endpoint_config


class _Undo:
    """The steps back to what was live before a build; each changes one thing, or waits for the one before."""

    def __init__(self, service: Service, record: BuildRecord) -> None:
        self._service, self._record = service, record
        self._before = EarlierCopies.from_text(record.component_before)
        self._instances_tried, self._remade = False, record.endpoint_remade
        self._failures: list[str] = []
        self.state = ""

    @cached_property
    def _models(self) -> list[str]:
        """The models to restore, the one before the build first; the model of a build has its configuration's name."""
        before = str(self._before.specification["ModelName"]) if self._before else ""
        others = list_deployed(self._service, self._record, {before, self._record.model})
        return [before, *islice(others, MODELS_TRIED)]

    @property
    def problems(self) -> list[str]:
        """A sentence if the endpoint is not as it was."""
        if not self._failures:
            return []
        return [f"The endpoint {name_endpoint(self._service)} is not as it was: {'; '.join(self._failures)}."]

    def step(self) -> bool:
        """Take one step; False when nothing is left to do."""
        endpoint, component = describe_endpoint(self._service), describe_component(self._service)
        if self._is_changing(endpoint, component):
            return True
        if not self._before or not (endpoint or self._remade):
            return self._delete(endpoint, component)
        if read_state(self._service).removed_at:  # the removal deletes both
            return False
        if not endpoint:
            return self._recreate_endpoint(self._before)
        if endpoint.status == "Failed":
            return self._delete_failed(endpoint, component, self._before)
        if endpoint.instances == self._record.endpoint_config != self._before.instances:
            if not self._instances_tried:
                return self._restore_instances(self._before)
            self._note(f"its instances are still those of {endpoint.instances}")
        return self._restore_copies(component, self._before)

    def _is_changing(self, endpoint: Endpoint | None, component: Component | None) -> bool:
        statuses = f"{endpoint.status if endpoint else 'gone'}, its component {component and component.status}"
        self.state = f"The endpoint {name_endpoint(self._service)} is still {statuses}"
        return bool((endpoint and endpoint.status in CHANGING) or (component and component.is_changing))

    def _note(self, failure: str) -> None:
        if failure not in self._failures:
            self._failures.append(failure)

    def _begin(self, name: str, request: Callable[[], object]) -> _Outcome:
        """Send a request that deploys a model or a configuration."""
        try:
            request()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            # It also means that the endpoint or component began to change since it was described.
            if self._is_changing(describe_endpoint(self._service), describe_component(self._service)):
                return "later"
            self._note(f"SageMaker refused {name} ({error.response['Error']['Message']})")
            return "refused"
        return "begun"

    def _delete_failed(self, endpoint: Endpoint, component: Component | None, before: EarlierCopies) -> bool:
        """Delete a Failed endpoint, its component first, to create both again, once."""
        if self._remade:
            reason = endpoint.reason or "SageMaker gave no reason"
            self._note(f"it was created again and failed ({reason})")
        elif (endpoint.instances or endpoint.config) in (self._record.endpoint_config, before.instances):
            if component:
                delete_component(self._service, component)
            else:
                delete_failed_endpoint(self._service, self._record, remake=True)
                self._remade = True
            return True
        return False

    def _recreate_endpoint(self, before: EarlierCopies) -> bool:
        recreate = partial(recreate_endpoint, self._service, before.instances)
        return self._begin(before.instances, recreate) != "refused"

    def _restore_instances(self, before: EarlierCopies) -> bool:
        def update() -> None:
            with aws_call("restore the instances of the endpoint"):
                self._service.sagemaker.update_endpoint(
                    EndpointName=name_endpoint(self._service), EndpointConfigName=before.instances
                )

        self._instances_tried = self._begin(before.instances, update) != "later"
        return True

    def _restore_copies(self, component: Component | None, before: EarlierCopies) -> bool:
        """Begin to serve an earlier model; False if one is served, or none is left to try."""
        if component and component.status == "Failed":
            delete_component(self._service, component)
            return True
        if component and component.model != self._record.model:
            return False
        while self._models:
            specification = before.specification | {"ModelName": self._models[0]}
            deploy = partial(self._deploy, specification, max(1, before.copies), is_new=not component)
            if (outcome := self._begin(self._models[0], deploy)) == "later":
                return True
            self._models.pop(0)
            if outcome == "begun":
                return True
        self._note("no model of an earlier build could replace that of this build; start another build")
        return False

    def _deploy(self, specification: Body, copies: int, *, is_new: bool) -> None:
        sagemaker: Any = self._service.sagemaker
        request = {
            "InferenceComponentName": name_component(self._service),
            "Specification": specification,
            "RuntimeConfig": {"CopyCount": copies},
        }
        with aws_call(f"restore the inference component {name_component(self._service)}"):
            if not is_new:
                sagemaker.update_inference_component(**request)
                return
            place = {"EndpointName": name_endpoint(self._service), "VariantName": VARIANT}
            tags = [{"Key": key, "Value": value} for key, value in pipeline_tags(self._service).items()]
            sagemaker.create_inference_component(**request, **place, Tags=tags)

    def _delete(self, endpoint: Endpoint | None, component: Component | None) -> bool:
        """Delete what a first deployment left, the component first; False when nothing of it is left."""
        is_own = endpoint is not None and (endpoint.instances or endpoint.config) == self._record.endpoint_config
        serves_other = component and component.status == "InService" and component.model != self._record.model
        # On the build's own endpoint, another model is that of a component whose endpoint was deleted without it.
        if serves_other and endpoint and not is_own:
            return False
        if component:
            delete_component(self._service, component)
            return True
        if not is_own:
            return False
        with aws_call("delete the endpoint"):
            self._service.sagemaker.delete_endpoint(EndpointName=name_endpoint(self._service))
        return True
