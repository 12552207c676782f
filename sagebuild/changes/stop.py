"""Describes what stopping the running build would end."""

from __future__ import annotations

from dataclasses import dataclass

from sagebuild.builds.lock import PipelineState
from sagebuild.builds.records import read_build
from sagebuild.builds.status import find_step
from sagebuild.cost.spent import Cost, describe_cost
from sagebuild.errors import NoBuildRunningError
from sagebuild.service import Service

# States of statemachine.asl.json during which a training or tuning job runs and costs money.
_TRAINING = frozenset({"Train Model", "Tune Model"})
# States during which a processing or transform job runs and costs money.
_STEP_JOBS = frozenset({"Process Data", "Evaluate Model", "Transform Data"})


@dataclass(frozen=True)
class Stop:
    """The effect of stopping a build.

    Parameters
    ----------
    number
        The running build.
    step
        Its current state; empty before the first.
    follows
        The number of the pending build, which starts then; None if none waits.
    cost
        What the build has cost so far.
    """

    number: int
    step: str
    follows: int | None
    cost: Cost

    @property
    def ends_training(self) -> bool:
        """Whether a training runs that ends with the build; False also after the training."""
        return self.step in _TRAINING

    @property
    def ends_step_job(self) -> bool:
        """Whether a processing, evaluation or transform job runs that ends with the build."""
        return self.step in _STEP_JOBS


def describe_stop(service: Service, state: PipelineState, number: int | None) -> Stop:
    """Describe what stopping a build would end.

    Parameters
    ----------
    number
        The build; None for the running one.

    Raises
    ------
    NoBuildRunningError
        No build is running, or another one is.
    """
    if state.running is None:
        raise NoBuildRunningError("No build is running; there is nothing to stop.")
    if number not in (None, state.running):
        raise NoBuildRunningError(f"Build {number} is not running; build {state.running} is.")
    return Stop(
        state.running,
        find_step(service, state.running),
        state.last_number + 1 if state.pending else None,
        describe_cost(service, read_build(service, state.running)),
    )
