"""Parallel states and their branches, corrected where moto's differ from the service."""

from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branch_worker import BranchWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import StateParallel
from moto.stepfunctions.parser.asl.eval.environment import Environment


class Branch(BranchWorker):  # type: ignore[misc]
    """Records the state in which a branch is stopped, because another one has failed."""

    def stop(self, *args: Any, **kwargs: Any) -> None:
        """Stop the branch if it still runs."""
        if self.env.is_running():
            state = self._program.states.states[self.env.next_state_name]
            self.env.event_manager.abort(self.env, state.state_type.name)
        super().stop(*args, **kwargs)


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
