"""Parallel states and their branches, corrected where moto's differ from the service."""

from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branch_worker import BranchWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import StateParallel
from moto.stepfunctions.parser.asl.component.state.state_type import StateType
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramError


class Branch(BranchWorker):  # type: ignore[misc]
    """Records the states that a failed Parallel state leaves: where a branch still runs, or its task has failed."""

    def stop(self, *args: Any, **kwargs: Any) -> None:
        """Stop the branch if it still runs."""
        name = self.env.states.context_object.context_object_data.get("State", {}).get("Name")
        state = self._program.states.states.get(name)
        if state and (self.env.is_running() or self._has_failed_task(state)):
            self.env.event_manager.abort(self.env, state.state_type.name)
        super().stop(*args, **kwargs)

    def _has_failed_task(self, state: Any) -> bool:
        return isinstance(self.env.program_state(), ProgramError) and bool(state.state_type == StateType.Task)


class Parallel(StateParallel):  # type: ignore[misc]
    """Evaluates its Arguments where Catch applies."""

    parargs: Any

    def from_state_props(self, state_props: Any) -> None:
        super().from_state_props(state_props)
        self._arguments, self.parargs = self.parargs, None

    def _eval_execution(self, env: Environment) -> None:
        if self._arguments:
            self._arguments.eval(env)
        super()._eval_execution(env)
