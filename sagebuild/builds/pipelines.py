"""The pipelines of a stack: which ones exist, and which names they can have."""

from __future__ import annotations

from collections.abc import Iterable

from sagebuild.builds.items import to_item
from sagebuild.builds.lock import list_states, read_state, state_key
from sagebuild.errors import PipelineNotFoundError
from sagebuild.names import is_pipeline_name
from sagebuild.service import Service, aws_call

DEFAULT = "default"  # the name by which users refer to the pipeline without a name


def bind_pipeline(service: Service, name: str) -> Service:
    """Return the service bound to an existing pipeline, whose name may be given in any case.

    Parameters
    ----------
    name
        The pipeline's name; "default" or empty for the default pipeline.

    Raises
    ------
    PipelineNotFoundError
        The stack has no such pipeline, or it is being removed.
    """
    if found := find_pipeline(service, name):
        return found
    known = [each.pipeline for each in list_states(service) if not each.removed_at]
    raise PipelineNotFoundError(explain_missing(service, name, known))


def find_pipeline(service: Service, name: str) -> Service | None:
    """Return the service bound to a pipeline; None if there is none with that name, or it is being removed."""
    if name.lower() in ("", DEFAULT):
        return service.for_pipeline("")
    if not is_pipeline_name(name):
        return None
    state = read_state(service.for_pipeline(name))
    if state.exists and state.pipeline.lower() == name.lower() and not state.removed_at:
        return service.for_pipeline(state.pipeline)
    return None


def explain_missing(service: Service, name: str, known: Iterable[str]) -> str:
    """Explain that the stack has no such pipeline, and which ones it has."""
    names = ", ".join(each or DEFAULT for each in known)
    return (
        f"{service.stack_name} has no pipeline {name[:40]!r}; its pipelines are {names}. To create one: sagebuild "
        "pipelines create NAME --framework ..."
    )


def record_spoken_names(service: Service, names: Iterable[str]) -> None:
    """Store the document's spoken names in the pipeline's state, where one query reads those of all pipelines.

    It is one call, which writes only names that have changed. A new version makes a concurrent change of the state
    read it again. Before the first build of the default pipeline there is no state, and nothing is stored.
    """
    spoken = to_item({":spoken": list(names)}) | {":one": {"N": "1"}}
    with aws_call("store the spoken names of the pipeline"):
        try:
            service.dynamodb.update_item(
                TableName=service.settings.builds_table,
                Key=state_key(service, "stack"),
                UpdateExpression="SET spoken = :spoken ADD version :one",
                ConditionExpression="attribute_exists(version) AND (attribute_not_exists(spoken) OR spoken <> :spoken)",
                ExpressionAttributeValues=spoken,
            )
        except service.dynamodb.exceptions.ConditionalCheckFailedException:
            return
