"""Predicts what the next build would do, and how long the running build will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from sagebuild.builds.context import BuildContext
from sagebuild.builds.lock import read_state
from sagebuild.builds.records import list_builds
from sagebuild.cost.estimate import estimate_cost
from sagebuild.parameters import parse_document
from sagebuild.parameters.store import read_document
from sagebuild.service import Service
from sagebuild.voice.spoken_parameters import check_said, read_overrides

_COMPARED_BUILDS = 9  # Older builds had other data and other parameters.


@dataclass(frozen=True)
class NextBuild:
    """The effect of a build that would start now.

    Parameters
    ----------
    number
        The number that the build would have.
    running
        The running build that it would follow; None if none runs.
    trains, deploys
        `trains` is True if the build runs a paid training, `deploys` if it changes the endpoint.
    instance_type, instance_count, maximum_hours
        The instances of each training, and its time limit.
    trainings
        The number of trainings; 1 unless the build tunes.
    cost_max
        The maximum cost of all trainings, in US dollars; None if the price is unknown.
    """

    number: int
    running: int | None
    trains: bool
    deploys: bool
    instance_type: str
    instance_count: int
    maximum_hours: float
    trainings: int
    cost_max: float | None = None


@dataclass(frozen=True)
class Estimate:
    """The time that the running build still needs.

    Parameters
    ----------
    seconds_left
        Negative if the build takes longer than earlier builds did; None if no earlier build succeeded.
    awaits_approval
        True if the build waits for approval, so that the time depends on a person.
    """

    number: int
    seconds_left: float | None
    awaits_approval: bool = False


def describe_next_build(service: Service, said: Mapping[str, str]) -> NextBuild:
    """Describe a build with the current parameter document and the parameters spoken for this build.

    Raises
    ------
    ParameterError
        The document is invalid.
    InvalidValueError
        A value that was said is invalid.
    """
    state, document = read_state(service), read_document(service)
    overrides = read_overrides(said)
    check_said(service, document, overrides)
    parameters = parse_document(document, default_framework=service.settings.framework, overrides=overrides)
    return NextBuild(
        number=state.last_number + 1,
        running=state.running,
        trains=parameters.has_training,
        deploys=parameters.deployEndpoint,
        instance_type=parameters.traininstancetype,
        instance_count=parameters.traininstancecount,
        maximum_hours=parameters.trainmaxrun,
        trainings=parameters.tuning_trainings if parameters.configtrain == "SAGEMAKERHPO" else 1,
        cost_max=estimate_cost(BuildContext(service, state.last_number + 1, parameters)).maximum,
    )


def estimate_time(service: Service) -> Estimate | None:
    """Subtract the elapsed time from the median of the last builds that succeeded; None if no build runs."""
    records = list_builds(service)
    if not records or records[0].has_ended:
        return None
    durations = [record.seconds for record in records if record.has_succeeded][:_COMPARED_BUILDS]
    left = median(durations) - records[0].seconds if durations else None
    return Estimate(records[0].number, left, records[0].awaits_approval)
