"""Calls the user's own Lambda functions, which may replace request bodies, and plans the user's own state machines.

docs/hooks.md describes what each receives and must return.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NotRequired, TypedDict

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.errors import HookError
from sagebuild.names import find_hook, name_hook_execution
from sagebuild.parameters import BuildParameters
from sagebuild.requests.bodies import Bodies, Body
from sagebuild.service import Service, aws_call

Path = tuple[str | int, ...]

# For each request: the setting with the function's ARN, the deployment's parameter, and the values that the function
# must not change. The state machine's role is limited to these roles and resource names.
_FUNCTIONS: dict[str, tuple[str, str, tuple[Path, ...]]] = {
    "training": (
        "training_config_function",
        "trainingConfigFunction",
        (("TrainingJobName",), ("RoleArn",)),
    ),
    "tuning": (
        "training_config_function",
        "trainingConfigFunction",
        (("HyperParameterTuningJobName",), ("TrainingJobDefinition", "RoleArn")),
    ),
    "model": (
        "model_config_function",
        "modelConfigFunction",
        (("ModelName",), ("ExecutionRoleArn",)),
    ),
    "endpointConfig": (
        "endpoint_config_function",
        "endpointConfigFunction",
        (
            ("EndpointConfigName",),
            ("ProductionVariants", 0, "VariantName"),
            ("ProductionVariants", 0, "ModelName"),
        ),
    ),
}


class ExecutionPlan(TypedDict):
    """Whether a state machine of the user runs, and the request that starts it."""

    wanted: bool
    execution: NotRequired[Body]


def list_config_functions(service: Service) -> list[str]:
    """Return the deploy parameters that name the user's functions in this stack, such as trainingConfigFunction."""
    return list(dict.fromkeys(name for setting, name, _ in _FUNCTIONS.values() if getattr(service.settings, setting)))


def replace_bodies(context: BuildContext[BuildParameters], bodies: Bodies) -> tuple[Bodies, list[str]]:
    """Let the user's own functions replace the requests of a build.

    A request stays unchanged if its function fails, or changes a value that the build needs.

    Returns
    -------
    tuple
        The requests, and a sentence for each problem with an answer.
    """
    replaced, problems = dict(bodies), []
    for kind, body in bodies.items():
        if kind not in _FUNCTIONS:
            continue
        try:
            replaced[kind] = replace_body(context, kind, body)
        except HookError as error:
            problems.append(str(error))
    return replaced, problems


def replace_body(context: BuildContext[BuildParameters], kind: str, body: Body) -> Body:
    """Return the answer of the user's function for a request; without a function, the request.

    Parameters
    ----------
    kind
        "training", "tuning", "model" or "endpointConfig".

    Raises
    ------
    HookError
        The function failed, or changed a value that the build needs.
    """
    setting, name, kept = _FUNCTIONS[kind]
    arn: str = getattr(context.service.settings, setting)
    if not arn:
        return body
    event = {
        "number": context.number,
        "pipeline": context.service.pipeline,
        "parameters": context.parameters.model_dump(mode="json"),
        "request": body,
    }
    answer = _invoke(context.service, name, arn, event)
    if not isinstance(answer, dict):
        raise HookError(f"{name} returned {_show(answer)}; it must return the request, a JSON object.")
    problems = list(_find_changes(body, answer, kept))
    if problems:
        raise HookError("\n".join(f"{name} {problem}" for problem in problems))
    return answer


def _invoke(service: Service, name: str, arn: str, event: Body) -> Any:
    with aws_call(f"invoke {name}"):
        try:
            answer = service.functions.invoke(FunctionName=arn, Payload=json.dumps(event))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("ResourceNotFoundException", "AccessDeniedException"):
                raise HookError(
                    f"{name} is {arn}, which cannot be invoked ({code}); deploy the service with the ARN of a "
                    "function in this account and region."
                ) from error
            raise
        payload = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise HookError(f"{name} failed: {payload.get('errorMessage', _show(payload))}")
    return payload


def _find_changes(before: Body, after: Body, kept: tuple[Path, ...]) -> Iterator[str]:
    for path in kept:
        old, new = _look_up(before, path), _look_up(after, path)
        if old != new:
            yield f"changed {_write(path)} from {_show(old)} to {_show(new)}; it must not change this value."
    ours = [tag for tag in before["Tags"] if tag["Key"].startswith("sagebuild:")]
    tags = after.get("Tags")
    for tag in ours:
        if not isinstance(tags, list) or tag not in tags:
            yield f"removed the tag {tag['Key']}; it must keep this tag."


def _look_up(body: Any, path: Path) -> Any:
    for part in path:
        try:
            body = body[part]
        except (KeyError, IndexError, TypeError):
            return None
    return body


def _write(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _show(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def plan_execution(context: BuildContext[BuildParameters], kind: str, facts: Mapping[str, Any]) -> ExecutionPlan:
    """Plan the run of the user's own state machine: whether there is one, and the request that starts it.

    Parameters
    ----------
    kind
        "preprocess" or "postprocess".
    facts
        The members of its input in addition to number, stack, pipeline and parameters.
    """
    service, number = context.service, context.number
    machine = find_hook(service, kind)
    if not machine:
        return {"wanted": False}
    asked = context.parameters.model_dump(mode="json")
    given = {"number": number, "stack": service.stack_name, "pipeline": service.pipeline, "parameters": asked, **facts}
    execution = {"StateMachineArn": machine, "Name": name_hook_execution(service, number, kind), "Input": given}
    return {"wanted": True, "execution": execution}
