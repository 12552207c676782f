"""Reads the record of a launched build, and plans it as a build or as a rollback."""

from __future__ import annotations

from sagebuild.builds.records import read_build
from sagebuild.errors import BuildNotFoundError
from sagebuild.plan.build import BuildPlan, plan_build
from sagebuild.plan.rollback import RollbackPlan, plan_rollback
from sagebuild.service import Service


def plan(service: Service, number: int) -> BuildPlan | RollbackPlan:
    """Plan the build or rollback with this number.

    Raises
    ------
    BuildNotFoundError
        No launched build has that number, or it has ended.
    SagebuildError
        See `plan_build` and `plan_rollback`.
    """
    try:
        record = read_build(service, number)
    except BuildNotFoundError:
        raise BuildNotFoundError(
            f"Build {number} was not launched; start builds by voice, on the command line or through the launch topic, "
            "not by starting an execution yourself."
        ) from None
    return plan_rollback(service, record) if record.trigger.rollback else plan_build(service, record)
