"""The names that serving scripts import together; those that only a container needs are absent."""

from sagemaker_containers import Absent, training_env

from . import content_types, encoders, errors, worker

_ABSENT = (
    *("entry_point", "env", "files", "functions", "logging", "mapping", "modules", "mpi", "params", "process"),
    *("runner", "server", "trainer", "transformer"),
)

__all__ = ["content_types", "encoders", "errors", "training_env", "worker"]


def __getattr__(name: str) -> Absent:
    if name in _ABSENT:
        return Absent(name)
    raise AttributeError(f"This stand-in for sagemaker_containers.beta.framework has no {name}.")
