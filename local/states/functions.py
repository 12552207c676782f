"""The Task states that invoke Lambda functions."""

import copy
import json
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import StateTaskLambda
from moto.stepfunctions.parser.asl.eval.environment import Environment

from local.states import shapes
from local.states.tasks import ServiceTask


class InvokeTask(ServiceTask):
    """``lambda:invoke``: its payload is JSON, and the function's error fails the task."""

    def _request(self, env: Environment, arguments: Any) -> dict[str, Any]:
        if isinstance(arguments, dict) and "Payload" in arguments:
            arguments = copy.copy(arguments) | {"Payload": lambda_eval_utils.to_payload_type(arguments["Payload"])}
        return super()._request(env, arguments)

    def _result(self, env: Environment, answer: dict[str, Any]) -> dict[str, Any]:
        payload = _read_payload(answer["Payload"])
        if "FunctionError" in answer:
            raise self._failure(env, _error_type(payload), shapes.to_text(payload))
        return answer | {"Payload": payload}


class FunctionTask(StateTaskLambda):  # type: ignore[misc]
    """A task with a Lambda function's ARN as resource."""

    def _from_error(self, env: Environment, ex: Exception) -> FailureEvent:
        event = super()._from_error(env, ex)
        details = event.event_details.get("lambdaFunctionFailedEventDetails")
        if details is None or isinstance(ex, FailureEventException):
            return event
        if isinstance(ex, ClientError):
            details["error"] = f"Lambda.{ex.response['Error']['Code']}"
        elif isinstance(ex, lambda_eval_utils.LambdaFunctionErrorException):
            payload = json.loads(ex.payload)
            # The text that the runtime for Python sends.
            details |= {"error": _error_type(payload), "cause": json.dumps(payload, ensure_ascii=False)}
        else:
            details["error"] = "Lambda.SdkClientException"
        event.error_name.error_name = details["error"]
        return event


def _read_payload(text: str) -> Any:
    # A function may answer with bytes that are not JSON.
    try:
        return json.loads(text or "null")
    except ValueError:
        return text


def _error_type(payload: Any) -> str:
    return str(payload.get("errorType", "Lambda.Unknown")) if isinstance(payload, dict) else "Lambda.Unknown"
