"""Copies the files of the model to a folder that no training can write, with the serving script where it is needed."""

from typing import Any

from sagebuild.deadline import Deadline
from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.steps.model_copies import copy_model


@logged("Pack Model")
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Copy a build's model; return the request of CreateModel with the addresses of the copies."""
    deadline = Deadline.of_function(context)
    return copy_model(Service.from_environment(event["pipeline"]), event, deadline=deadline)
