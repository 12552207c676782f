"""Deletes the models of old builds beyond ``keepbuilds``; never the live one or the one that it replaced."""

from __future__ import annotations

import logging

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, list_unpruned, now, update_build
from sagebuild.errors import AwsUnavailableError
from sagebuild.names import name_resource, parse_resource_name
from sagebuild.running.endpoint import describe_endpoint, describe_models
from sagebuild.running.model_files import delete_copies
from sagebuild.service import Service, aws_call, suppress_code

# Twice the maximum of keepbuilds; older builds were pruned earlier.
_BUILDS_SEARCHED = 200

_log = logging.getLogger("sagebuild")


def prune_builds(service: Service, record: BuildRecord) -> None:
    """After a successful build, delete models, their files and endpoint configurations of older builds.

    A failed deletion is left to the next successful build; the leftovers cost nothing.
    """
    if not record.has_succeeded or not record.keep_builds:
        return
    try:
        for old in find_unneeded(service, record.keep_builds, record.number):
            _delete_model(service, old.number)
            update_build(service, old.number, pruned_at=now().isoformat())
    except (AwsUnavailableError, ClientError) as error:
        _log.warning("not all old models were deleted: %s", error)


def find_unneeded(service: Service, keep: int, newest: int) -> list[BuildRecord]:
    """Return the successful builds beyond the newest ``keep``, except the live one and the one that it replaced.

    Parameters
    ----------
    newest
        The number of the newest build.
    """
    unpruned = list_unpruned(service, after=newest - _BUILDS_SEARCHED)
    own = [each for each in unpruned if each.model and not each.trigger.rollback]
    needed = _find_needed(service, own)
    return [each for each in own[keep:] if each.number not in needed]


def _find_needed(service: Service, builds: list[BuildRecord]) -> set[int | None]:
    endpoint = describe_endpoint(service)
    if not endpoint:
        return set()
    # The user's own endpoint configuration may serve the model of a build.
    names = [*endpoint.configs, *describe_models(service, endpoint.config)]
    live = {parse_resource_name(service, name) for name in names}
    return live | {parse_resource_name(service, each.live_before) for each in builds if each.number in live}


def _delete_model(service: Service, number: int) -> None:
    name = name_resource(service, number)
    with aws_call(f"delete the model {name}"):
        # ValidationException: it was deleted, or the build created only the model.
        with suppress_code("ValidationException"):
            service.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        with suppress_code("ValidationException"):
            service.sagemaker.delete_model(ModelName=name)
    delete_copies(service, number)
