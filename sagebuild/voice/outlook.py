"""What comes next: what the next build would do, and how long the running one will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import list_builds
from sagebuild.cost.estimate import estimate_cost
from sagebuild.parameters import parse_document
from sagebuild.parameters.store import read_document
from sagebuild.service import Service
from sagebuild.voice.spoken_parameters import check_said, read_overrides

# Older ones had other data and other parameters.
_COMPARED = 9


@dataclass(frozen=True)
class NextBuild:
    """What a build would do if it were started now.

    Parameters
    ----------
    number
        The number that it would have.
    running
        The build that it would follow, if one runs.
    trains, deploys
        Whether it pays for a training, and whether it changes what is live.
    instance_type, instance_count, maximum_hours
        What each training may cost.
    trainings
        How many there are; 1 unless it tunes.
    cost_max
        What they cost at most together, in US dollars; None if no price is known.
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
    """How long the running build will take.

    Parameters
    ----------
    seconds_left
        Negative if it takes longer than others did; None if there are no others.
    awaits_approval
        Whether the rest depends on a person's yes.
    """

    number: int
    seconds_left: float | None
    awaits_approval: bool = False


def describe_next_build(service: Service, said: Mapping[str, str]) -> NextBuild:
    """What the parameter document asks for now, and what was said for this build alone.

    Raises
    ------
    ParameterError
        It asks for something that cannot be built.
    InvalidValueError
        What was said does not fit.
    """
    state, document = read_state(service), read_document(service)
    overrides = read_overrides(said)
    check_said(service, document, overrides)
    parameters = parse_document(document, default_framework=service.setting("FRAMEWORK"), overrides=overrides)
    return NextBuild(
        number=state.last_number + 1,
        running=state.running,
        trains=parameters.has_training,
        deploys=parameters.deployEndpoint,
        instance_type=parameters.traininstancetype,
        instance_count=parameters.traininstancecount,
        maximum_hours=parameters.trainmaxrun,
        trainings=parameters.tuning_trainings if parameters.configtrain == "SAGEMAKERHPO" else 1,
        cost_max=estimate_cost(service, parameters).maximum,
    )


def estimate_time(service: Service) -> Estimate | None:
    """The median of the last builds that succeeded, less what has passed; None if no build runs."""
    records = list_builds(service)
    if not records or records[0].has_ended:
        return None
    took = [record.seconds for record in records if record.has_succeeded][:_COMPARED]
    left = median(took) - records[0].seconds if took else None
    return Estimate(records[0].number, left, records[0].awaits_approval)
