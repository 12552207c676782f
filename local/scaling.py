"""Application Auto Scaling: moto's, with AWS's error code for a missing target or policy.

It is ObjectNotFoundException, where moto answers ValidationException:
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
"""

from functools import wraps
from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.core.exceptions import JsonRESTError

_OPERATIONS = ("delete_scaling_policy", "deregister_scalable_target")
MOTO_NAMES = (
    "moto.applicationautoscaling.exceptions.AWSValidationException",
    *(f"moto.applicationautoscaling.models.ApplicationAutoscalingBackend.{operation}" for operation in _OPERATIONS),
)


def install() -> None:
    """Answer ObjectNotFoundException for a missing target or policy."""
    for operation in _OPERATIONS:
        renamed = _rename_error(getattr(ApplicationAutoscalingBackend, operation))
        setattr(ApplicationAutoscalingBackend, operation, renamed)


def _rename_error(operation: Any) -> Any:
    @wraps(operation)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return operation(*arguments, **named)
        except AWSValidationException as error:
            raise JsonRESTError("ObjectNotFoundException", error.message) from error

    return run
