"""The tools that change something, in two steps: plan, then apply after the user has agreed."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, cast

from pydantic import Field

from sagebuild.assistants import results
from sagebuild.assistants.connection import Connection
from sagebuild.assistants.reading import PipelineName
from sagebuild.changes.document import NewValues
from sagebuild.changes.plan import PlannedChange
from sagebuild.changes.sentences import describe_effect, describe_result
from sagebuild.changes.token import Action
from sagebuild.cost.spent import format_cost
from sagebuild.redaction import redact_values

# Clients of the protocol give up after a minute or later; another call with the same token continues to wait.
_WAIT_SECONDS = 30.0


class Changing:
    """The changing tools; the server calls their methods, whose docstrings assistants read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def plan_change(
        self,
        action: Annotated[Action, Field(description="What to do.")],
        number: Annotated[
            int | None,
            Field(
                description="The build to stop, approve or reject; default: the running or waiting one. "
                "The build to which a rollback returns; default: the previous one. The build to promote.",
                ge=1,
            ),
        ] = None,
        parameters: Annotated[
            dict[str, Any] | None,
            Field(
                description='Of "start", for that build alone; of "set parameters", for all future builds. '
                'A dotted name sets a value inside a parameter: {"hyperparameters.epochs": 20}. '
                'Of "promote", the stack or STACK/PIPELINE that receives the model: {"to": "sagebuild-prod"}.'
            ),
        ] = None,
        pipeline: PipelineName = "",
    ) -> results.PlanResult:
        """Say what a change would do, cost and replace, and return a token for apply_change. This changes nothing.

        Show the effect and the cost to the user, and ask. A start is checked first, as sagebuild start does.
        """
        planned = self._connection.pipeline(pipeline).plan(action, number, parameters)
        plan = {
            "action": planned.action,
            "pipeline": planned.pipeline or "default",
            "effect": describe_effect(_hide_secrets(planned)),
            "cost": {"sentence": format_cost(planned.cost), **asdict(planned.cost)} if planned.cost else None,
            "live": asdict(planned.live),
            "details": asdict(planned.effect),
            "token": planned.token,
        }
        return cast("results.PlanResult", plan)

    def apply_change(
        self,
        token: Annotated[str, Field(description="The token of plan_change.")],
        comment: Annotated[
            str, Field(description="The reason for an approval or rejection, for the record and the notification.")
        ] = "",
    ) -> results.AppliedResult:
        """Make a planned change, once. Call this only after the user has agreed to exactly this plan.

        It is refused if a build, the live endpoint configuration or the document has changed since: plan again. The
        same token again changes nothing more, and returns the first result.
        """
        applied = self._connection.stack.apply(token, comment, _WAIT_SECONDS)
        return cast("results.AppliedResult", {"sentence": describe_result(applied), **asdict(applied)})


def _hide_secrets(planned: PlannedChange) -> PlannedChange:
    """Hide the values of secret settings, which are no longer recognised inside a sentence."""
    if not isinstance(planned.effect, NewValues):
        return planned
    old, new = (redact_values(dict(values)) for values in (planned.effect.old, planned.effect.new))
    return replace(planned, effect=NewValues(old, new))
