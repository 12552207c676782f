"""Finds the path of a model: the build that trained it, and every build that deployed it, in every known stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

from botocore.exceptions import ClientError

from sagebuild.builds.lock import list_states
from sagebuild.builds.records import BuildRecord, list_builds, read_build, search_builds
from sagebuild.client.lineage.openlineage import build_events
from sagebuild.client.lineage.place import LineageBuild, Place
from sagebuild.client.stacks import list_stack_names
from sagebuild.errors import BuildNotFoundError, InputError
from sagebuild.service import Service
from sagebuild.view.html import render_table

# The newest builds of a pipeline that are searched for uses of a model.
_BUILDS_SEARCHED = 200
_MOST_STACKS = 20  # that a model was promoted through
Role = Literal["trained", "deployed", "promoted", "rolled back to"]


@dataclass(frozen=True)
class Lineage:
    """The builds of a model's path, oldest first; `str` shows them, and so does a notebook.

    Parameters
    ----------
    notes
        Sentences about what could not be read.
    """

    builds: tuple[LineageBuild, ...]
    notes: tuple[str, ...] = ()

    def to_list(self) -> list[dict[str, Any]]:
        """Return one RunEvent of OpenLineage for each build whose record is known."""
        return build_events(self.builds)

    def __str__(self) -> str:
        parts = [
            "\n".join([each.title, *(f"  {name:<10}  {text}" for name, text in each.facts)]) for each in self.builds
        ]
        return "\n\n".join([*parts, *(f"Note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        tables = [render_table(each.facts, title=each.title) for each in self.builds]
        return "".join([*tables, *(f"<p>Note: {escape(note)}</p>" for note in self.notes)])


def read_lineage(service: Service, number: int) -> Lineage:
    """Read the path of the model that a build trained or deployed.

    Parameters
    ----------
    service
        Bound to the build's pipeline.

    Raises
    ------
    BuildNotFoundError
        No build has that number.
    InputError
        The build has no model: it ended before its training.
    """
    record = read_build(service, number)
    if record.restores:
        record = read_build(service, record.restores)
    if not (record.artifacts or record.training_job or record.tuning_job):
        raise InputError(f"Build {number} of {service.label} has no model: it {record.status} before its training.")
    notes: list[str] = []
    first = _find_training(service, record)
    origins = _follow_origins(service, first, notes)
    own = [_describe(service, first, "promoted" if first.is_promoted else "trained"), *_find_uses(service, first)]
    return Lineage((*origins, *own, *_find_promotions(service, first, notes)), tuple(notes))


def _find_training(service: Service, record: BuildRecord) -> BuildRecord:
    """Return the build of this pipeline that trained the model, or that got it from elsewhere."""
    if record.training_job or record.tuning_job or record.is_promoted:
        return record
    for each in search_builds(service, _BUILDS_SEARCHED, before=record.number):
        if each.artifacts == record.artifacts and (each.training_job or each.tuning_job or each.is_promoted):
            return each
    return record


def _find_uses(service: Service, first: BuildRecord) -> list[LineageBuild]:
    """Return the later builds of the pipeline that deployed the model again, oldest first."""
    uses = [each for each in list_builds(service, _BUILDS_SEARCHED) if _uses_model(each, first)]
    return [_describe(service, each, "rolled back to" if each.restores else "deployed") for each in reversed(uses)]


def _uses_model(record: BuildRecord, first: BuildRecord) -> bool:
    has_trained = bool(record.training_job or record.tuning_job or record.is_promoted)
    return (
        record.number > first.number
        and bool(first.artifacts)
        and record.artifacts == first.artifacts
        and not has_trained
    )


def _follow_origins(service: Service, record: BuildRecord, notes: list[str]) -> list[LineageBuild]:
    """Return the builds of other stacks from which the model was promoted, oldest first."""
    found: list[LineageBuild] = []
    while record.is_promoted and len(found) < _MOST_STACKS:
        place, number = Place.of_origin(record.origin), int(record.origin["build"])
        try:
            other = _open_place(service, place)
            known = _read_if_exists(other, number) if other else None
        except ClientError:  # as for a person who may read one stack alone
            other = known = None
        if other is None or known is None:
            found.append(LineageBuild(place, number, "trained", None, dict(record.origin)))
            notes.append(f"The record of build {number} of {place.label} cannot be read from here.")
            break
        found.append(_describe(other, known, "promoted" if known.is_promoted else "trained"))
        record = known
    return found[::-1]


def _read_if_exists(service: Service, number: int) -> BuildRecord | None:
    try:
        return read_build(service, number)
    except BuildNotFoundError:
        return None


def _open_place(service: Service, place: Place) -> Service | None:
    """Return the pipeline of another stack in this account and region; None if it is elsewhere."""
    if (place.account, place.region) != (service.account, service.region):
        return None
    try:
        described = service.open_client("cloudformation").describe_stacks(StackName=place.stack)["Stacks"][0]
    except ClientError as error:
        # ValidationError is CloudFormation's answer for a stack that does not exist.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None
    table = next((each["OutputValue"] for each in described["Outputs"] if each["OutputKey"] == "BuildsTable"), "")
    settings = {
        "STACK_NAME": described["StackName"],
        "STACK_ID": described["StackId"],
        "AWS_REGION": place.region,
        "BUILDS_TABLE": table,
    }
    return Service(settings, service.open_client).for_pipeline(place.pipeline) if table else None


def _find_promotions(service: Service, first: BuildRecord, notes: list[str]) -> Iterator[LineageBuild]:
    """Yield the builds of the other stacks in this account and region that got the model from here."""
    try:
        names = list_stack_names(service.open_client)
    except ClientError as error:
        notes.append(f"The other stacks of this account were not searched: {error}")
        return
    here = Place.of(service)
    for name in names:
        try:
            stack = _open_place(service, Place(name, here.account, here.region, ""))
            found = list(_find_received(stack, here, first.number)) if stack else []
        except ClientError as error:  # as for a person who may read one stack alone
            notes.append(f"The stack {name} was not searched: {error}")
        else:
            yield from found


def _find_received(stack: Service, origin: Place, number: int) -> Iterator[LineageBuild]:
    """Yield the builds of a stack that got the model of a build."""
    for state in list_states(stack):
        bound = stack.for_pipeline(state.pipeline)
        for record in reversed(list_builds(bound, _BUILDS_SEARCHED)):
            if _comes_from(record.origin, origin, number):
                yield _describe(bound, record, "promoted")


def _comes_from(origin: Mapping[str, Any], place: Place, number: int) -> bool:
    return "stack" in origin and Place.of_origin(origin) == place and int(origin["build"]) == number


def _describe(service: Service, record: BuildRecord, role: Role) -> LineageBuild:
    return LineageBuild(Place.of(service), record.number, role, record, dict(record.origin))
