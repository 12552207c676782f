"""Activities: tasks that workers outside of Step Functions poll for."""

import time

from moto.core.exceptions import AWSError
from moto.stepfunctions.exceptions import InvalidArn
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_activitiy import StateTaskActivity
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.backend.activity import Activity, ActivityTask

from local.states.errors import failure

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetActivityTask.html
_POLL_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.05


class ActivityState(StateTaskActivity):  # type: ignore[misc]
    """A task with an activity's ARN as resource."""

    def _eval_execution(self, env: Environment) -> None:
        arn = self.resource.resource_arn
        if arn not in env.activity_store:
            raise failure(env, "States.Runtime", f"The activity {arn} does not exist.")
        super()._eval_execution(env)


class Activities(dict[str, Activity]):
    """The activities of one region, by ARN."""

    def create(self, arn: str, name: str) -> Activity:
        """Create an activity; return the existing one with the same name."""
        return self.setdefault(arn, Activity(arn, name))

    def find(self, arn: str) -> Activity:
        """The activity with an ARN.

        Raises
        ------
        AWSError
            ``InvalidArn`` or ``ActivityDoesNotExist``.
        """
        if not arn.startswith("arn:"):
            raise InvalidArn(f"Invalid Arn: 'Invalid ARN prefix: {arn}'")
        if arn not in self:
            raise AWSError(f"Activity Does Not Exist: '{arn}'", "ActivityDoesNotExist")
        return self[arn]

    def await_task(self, arn: str) -> ActivityTask | None:
        """Wait for a task of an activity; None when there is none for a minute."""
        activity = self.find(arn)
        end = time.monotonic() + _POLL_TIMEOUT_SECONDS
        while time.monotonic() < end:
            try:
                return activity.get_task()
            except IndexError:
                time.sleep(_POLL_SECONDS)
        return None
