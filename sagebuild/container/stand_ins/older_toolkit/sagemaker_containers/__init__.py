"""Stand-in for the package sagemaker-containers 2.8.6: the parts that scripts import.

The names and results are those of https://github.com/aws/sagemaker-containers. The parts that run a container are
absent.
"""

import json
import os
from types import ModuleType, SimpleNamespace
from typing import Any


class Absent(ModuleType):
    """A module that a script may import, but not use."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"This stand-in for sagemaker_containers has no {self.__name__}.{name}.")


def training_env() -> Any:
    """Return the properties of the training environment, such as ``hosts`` and ``model_dir``."""
    if "SM_TRAINING_ENV" not in os.environ:
        raise KeyError("SM_TRAINING_ENV is not set: only a training job has a training environment.")
    return SimpleNamespace(**json.loads(os.environ["SM_TRAINING_ENV"]))


entry_point = Absent("entry_point")
