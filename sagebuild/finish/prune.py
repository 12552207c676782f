"""Deletes the models of old builds once they are kept no longer: never what is live, nor what a rollback would need."""

from __future__ import annotations

import logging

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, list_builds, now, update_build
from sagebuild.errors import AwsUnavailableError
from sagebuild.names import name_resource, parse_resource_name
from sagebuild.requests.script_mode import key_packed_model
from sagebuild.running.endpoint import describe_endpoint, describe_models
from sagebuild.service import Service, aws_call, suppress_code

# Twice the most that can be kept; what is older was looked at when it was younger.
_BUILDS_LOOKED_AT = 200

_log = logging.getLogger("sagebuild")


def prune_builds(service: Service, record: BuildRecord) -> None:
    """After a good build, delete models, endpoint configurations and packed archives of builds beyond ``keepbuilds``.

    What cannot be deleted now is left to the next good build; it costs nothing.
    """
    if not record.has_succeeded or not record.keep_builds:
        return
    try:
        for old in find_unneeded(service, record.keep_builds):
            _delete_model(service, old.number)
            update_build(service, old.number, pruned_at=now().isoformat())
    except (AwsUnavailableError, ClientError) as error:
        _log.warning("not all old models were deleted: %s", error)


def find_unneeded(service: Service, keep: int) -> list[BuildRecord]:
    """The good builds beyond the newest that are kept, but for what is live and what that has replaced."""
    builds = [each for each in list_builds(service, _BUILDS_LOOKED_AT) if each.has_succeeded]
    own = [each for each in builds if each.model and not each.trigger.rollback and not each.pruned_at]
    needed = _find_needed(service, own)
    return [each for each in own[keep:] if each.number not in needed]


def _find_needed(service: Service, builds: list[BuildRecord]) -> set[int | None]:
    endpoint = describe_endpoint(service)
    if not endpoint:
        return set()
    # A configuration of a person's own may serve the model of a build.
    names = [endpoint.config, *describe_models(service, endpoint.config)]
    live = {parse_resource_name(service, name) for name in names}
    return live | {parse_resource_name(service, each.live_before) for each in builds if each.number in live}


def _delete_model(service: Service, number: int) -> None:
    name = name_resource(service, number)
    with aws_call(f"delete the model {name}"):
        # ValidationException: it has gone, or the build made the model alone.
        with suppress_code("ValidationException"):
            service.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        with suppress_code("ValidationException"):
            service.sagemaker.delete_model(ModelName=name)
        service.s3.delete_object(Bucket=service.settings.model_bucket, Key=key_packed_model(service, number))
