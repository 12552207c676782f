"""The Task states: they call this engine's endpoint through botocore, in the state machine's role."""

import copy
import json
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.model import OperationModel, ServiceModel
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    LambdaResource,
    ServiceResource,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import StateTaskLambda
from moto.stepfunctions.parser.asl.component.state.state_props import StateProps
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackConsumerTimeout,
    CallbackOutcomeFailure,
    CallbackOutcomeFailureError,
    HeartbeatTimedOut,
    HeartbeatTimeoutError,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.parse import preprocessor

from local import clients, partitions
from local.states import shapes
from local.states.integrations import INTEGRATIONS, TOKEN, find_call
from local.states.interpreter import failure
from local.states.jobs import JOBS

_POLL_SECONDS = 0.15


class _CancelledError(Exception):
    """The execution, or its branch with this task, has ended."""


def install() -> None:
    """Replace moto's Task states by these."""
    preprocessor.state_task_for = _task_for
    lambda_eval_utils.boto_client_for = _client_for


def _client_for(region: str, service: str, state_credentials: Any) -> Any:
    return clients.client(service, region, state_credentials.role_arn)


def _task_for(resource: Any) -> StateTask:
    if isinstance(resource, LambdaResource):
        return FunctionTask()
    if isinstance(resource, ServiceResource):
        return InvokeTask() if resource.service_name == "lambda" else ServiceTask()
    raise ValueError(f"The resource {getattr(resource, 'resource_arn', 'of a Task')} is not served here")


class ServiceTask(StateTaskServiceCallback):  # type: ignore[misc]
    """Calls a service: optimized or ``aws-sdk``; request-response, ``.sync`` or ``.waitForTaskToken``."""

    _service: ServiceModel
    _operation: OperationModel
    timeout: Any

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={TOKEN})

    def from_state_props(self, state_props: StateProps) -> None:
        super().from_state_props(state_props)
        # Without TimeoutSeconds, moto times out a task with HeartbeatSeconds after a minute.
        if self.timeout.is_default_value():
            self.timeout = TimeoutSeconds(TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS)

    def _validate_service_integration_is_supported(self) -> None:
        self._service, self._operation = find_call(self.resource)
        self._integration = INTEGRATIONS.get(self.resource.service_name)
        if self.resource.condition not in (None, TOKEN):
            self._supported_integration_patterns = {self.resource.condition}

    def _get_sfn_resource_type(self) -> str:
        name = self.resource.service_name
        return str(name) if self._integration else f"{name}:{self.resource.api_name}"

    def _evaluate_with_timeout(self, env: Environment) -> None:
        # Each attempt has its own token, which is invalid afterwards.
        needs_token = self.resource.condition == TOKEN
        endpoint = env.callback_pool_manager.add(env.states.context_object.update_task_token()) if needs_token else None
        try:
            super()._evaluate_with_timeout(env)
        finally:
            if endpoint:
                endpoint.report(CallbackConsumerTimeout())

    def _eval_service_task(
        self, env: Environment, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> None:
        self._check_partition(env)
        client = _client_for(resource_runtime_part.region, self._service.service_name, state_credentials)
        request = self._request(env, normalised_parameters)
        env.stack.append(self._result(env, self._call(client, self._operation, request)))

    def _check_partition(self, env: Environment) -> None:
        """Fail as AWS does: https://github.com/aws/aws-cdk/issues/4597."""
        given, own = self.resource.partition, partitions.current()
        if given != own:
            reason = "The resource belongs to a different partition from the running execution."
            raise self._failure(env, "States.Runtime", f"{reason} Expected '{own}', was '{given}'.")

    def _request(self, env: Environment, arguments: Any) -> dict[str, Any]:
        if not isinstance(arguments, dict):
            raise shapes.ArgumentsError("Arguments must be a JSON object")
        if self.resource.service_name == "events":
            context = env.states.context_object.context_object_data
            sender = [context["StateMachine"]["Id"], context["Execution"]["Id"]]
            entries = [entry | {"Resources": [*entry.get("Resources", []), *sender]} for entry in arguments["Entries"]]
            arguments = arguments | {"Entries": entries}
        name_of = shapes.capitalized if self._integration else shapes.pascal
        json_fields = self._integration.json_fields if self._integration else ()
        request: dict[str, Any] = shapes.to_request(arguments, self._operation.input_shape, name_of, json_fields)
        return request

    def _call(self, client: Any, operation: OperationModel, request: dict[str, Any]) -> dict[str, Any]:
        answer = getattr(client, xform_name(operation.name))(**request)
        name_of, date_of = (
            (shapes.capitalized, shapes.to_epoch_milliseconds) if self._integration else (shapes.pascal, shapes.to_iso)
        )
        return shapes.from_response(answer, operation.output_shape, name_of, date_of) if operation.output_shape else {}

    def _result(self, env: Environment, answer: dict[str, Any]) -> dict[str, Any]:
        if self.resource.service_name == "events" and answer["FailedEntryCount"]:
            raise self._failure(env, "EventBridge.FailedEntry", shapes.to_text(answer))
        return answer

    def _eval_integration_pattern(
        self, env: Environment, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> None:
        answer = env.stack.pop()
        if self.resource.condition == TOKEN:
            env.stack.append(self._await_token(env))
            return
        client = _client_for(resource_runtime_part.region, self._service.service_name, state_credentials)
        env.stack.append(self._await_job(env, client, normalised_parameters, answer))

    def _await_job(self, env: Environment, client: Any, arguments: Any, answer: dict[str, Any]) -> dict[str, Any]:
        job = JOBS[self.resource.resource_arn.split(":::", 1)[1]]
        name = job.identify(arguments, answer)
        while env.is_running():
            description = self._call(client, self._service.operation_model(job.describe), job.describe_by(name))
            report = job.report(description)
            status = job.status(report)
            if status == job.succeeded:
                return report
            if status not in job.running_statuses:
                raise self._failure(env, "States.TaskFailed", shapes.to_text(report))
            env.program_state_event.wait(_POLL_SECONDS)
        try:
            self._call(client, self._service.operation_model(job.stop), job.stop_by(name))
        except ClientError as error:
            # As on AWS, a failed cancellation is ignored: the job may have ended, or the role may not stop it.
            raise _CancelledError from error
        raise _CancelledError

    def _await_token(self, env: Environment) -> Any:
        token = env.states.context_object.context_object_data["Task"]["Token"]
        endpoint = env.callback_pool_manager.get(token)
        outcome = None
        if self.heartbeat:
            self.heartbeat.eval(env)
            heartbeat = endpoint.setup_heartbeat_endpoint(env.stack.pop())
            outcome = self._wait_for_task_token_heartbeat(env, endpoint, heartbeat)
        while outcome is None and env.is_running():
            outcome = endpoint.wait(_POLL_SECONDS)
        endpoint.report(CallbackConsumerTimeout())
        if outcome is None:
            raise _CancelledError
        if isinstance(outcome, HeartbeatTimedOut):
            raise HeartbeatTimeoutError
        if isinstance(outcome, CallbackOutcomeFailure):
            raise CallbackOutcomeFailureError(outcome)
        return json.loads(outcome.output)

    def _failure(self, env: Environment, error: str, cause: str) -> FailureEventException:
        return failure(env, error, cause, resource=self._get_sfn_resource(), resourceType=self._get_sfn_resource_type())

    def _from_error(self, env: Environment, ex: Exception) -> FailureEvent:
        if isinstance(ex, _CancelledError):
            env.event_manager.add_event(env.event_history_context, HistoryEventType.TaskStateAborted)
            raise ex
        if isinstance(ex, ClientError):
            return self._failure(env, *self._describe_client_error(ex)).failure_event
        if isinstance(ex, shapes.ArgumentsError | ParamValidationError):
            cause = f"The Arguments could not be used to start the Task: [{ex}]"
            return self._failure(env, "States.Runtime", cause).failure_event
        if isinstance(ex, BotoCoreError):
            return self._failure(env, f"{self._error_prefix}.SdkClientException", str(ex)).failure_event
        return super()._from_error(env, ex)

    @property
    def _error_prefix(self) -> str:
        return self._integration.error_prefix if self._integration else shapes.error_prefix(self._service)

    def _describe_client_error(self, error: ClientError) -> tuple[str, str]:
        details, metadata = error.response["Error"], error.response["ResponseMetadata"]
        name = type(error).__name__
        if name == "ClientError":
            name = self._integration.general_error if self._integration else f"{self._error_prefix}Exception"
        name = name if name.endswith("Exception") else f"{name}Exception"
        label = self._integration.label if self._integration else self._error_prefix
        parts = [f"Service: {label}", f"Status Code: {metadata['HTTPStatusCode']}"]
        parts += [f"Error Code: {details['Code']}"] if self._integration else []
        parts += [f"Request ID: {metadata.get('RequestId')}"]
        parts += ["Proxy: null"] if self._integration else []
        joined = ("; " if self._integration else ", ").join(parts)
        return f"{self._error_prefix}.{name}", f"{details.get('Message', '')} ({joined})"


class InvokeTask(ServiceTask):
    """``lambda:invoke``: its payload is JSON, and the function's error fails the task."""

    def _check_partition(self, env: Environment) -> None:
        """Fail as AWS does: https://github.com/aws/aws-cdk/issues/4597."""
        given, own = self.resource.partition, partitions.current()
        if given != own:
            reason = "The resource belongs to a different partition from the running execution."
            raise self._failure(env, "States.Runtime", f"{reason} Expected '{own}', was '{given}'.")

    def _request(self, env: Environment, arguments: Any) -> dict[str, Any]:
        if isinstance(arguments, dict) and "Payload" in arguments:
            arguments = copy.copy(arguments) | {"Payload": lambda_eval_utils.to_payload_type(arguments["Payload"])}
        return super()._request(env, arguments)

    def _result(self, env: Environment, answer: dict[str, Any]) -> dict[str, Any]:
        payload = json.loads(answer["Payload"] or "null")
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
            details["error"] = _error_type(json.loads(ex.payload))
        else:
            details["error"] = "Lambda.SdkClientException"
        event.error_name.error_name = details["error"]
        return event


def _error_type(payload: Any) -> str:
    return str(payload.get("errorType", "Lambda.Unknown")) if isinstance(payload, dict) else "Lambda.Unknown"
