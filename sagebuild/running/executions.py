"""Stops the executions of the user's own state machines."""

from __future__ import annotations

from sagebuild.names import HOOKS, find_hook, name_hook_execution
from sagebuild.service import Service, aws_call, suppress_code


def stop_executions(service: Service, number: int) -> dict[str, str]:
    """Stop the running executions of a build's pre- and postprocessing state machines.

    Returns
    -------
    dict
        The status of each execution afterwards, by its name; without executions that were never started.
    """
    statuses: dict[str, str] = {}
    for kind in HOOKS:
        machine = find_hook(service, kind)
        if not machine:
            continue
        name = name_hook_execution(service, number, kind)
        arn = f"{machine.replace(':stateMachine:', ':execution:', 1)}:{name}"
        with aws_call(f"stop {arn}"), suppress_code("ExecutionDoesNotExist"):
            statuses[name] = service.stepfunctions.describe_execution(executionArn=arn)["status"]
            if statuses[name] == "RUNNING":
                service.stepfunctions.stop_execution(executionArn=arn, cause=f"build {number} has ended")
                statuses[name] = service.stepfunctions.describe_execution(executionArn=arn)["status"]
    return statuses
