"""The Task states: they call this engine's endpoint through botocore, in the state machine's role."""

import json
from typing import Any
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.model import OperationModel, ServiceModel
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.state_props import StateProps
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackConsumerTimeout,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeFailureError,
    HeartbeatTimedOut,
    HeartbeatTimeoutError,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment

from local import clients, partitions
from local.states import shapes
from local.states.call_errors import Caller, check_required
from local.states.errors import failure
from local.states.integrations import INTEGRATIONS, SDK_JSON_FIELDS, TOKEN, find_call
from local.states.jobs import JOBS

_POLL_SECONDS = 0.15
_LONGEST_POLL_SECONDS = 1.0  # of a job that takes long


class _CancelledError(Exception):
    """The execution, or its branch with this task, has ended."""


def client_for(region: str, service: str, state_credentials: Any) -> Any:
    """A client that acts in the role of a state."""
    return clients.client(service, region, state_credentials.role_arn)


class ServiceTask(StateTaskServiceCallback):  # type: ignore[misc]
    """Calls a service: optimized or ``aws-sdk``; request-response, ``.sync`` or ``.waitForTaskToken``."""

    _service: ServiceModel
    _operation: OperationModel
    _caller: Caller
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
        self._caller = Caller(self._service, self._integration)
        if self.resource.condition not in (None, TOKEN):
            self._supported_integration_patterns = {self.resource.condition}

    def _get_sfn_resource_type(self) -> str:
        name = self.resource.service_name
        return str(name) if self._integration else f"{name}:{self.resource.api_name}"

    def _evaluate_with_timeout(self, env: Environment) -> None:
        # Each attempt has its own token, which is invalid afterwards.
        token = env.states.context_object.update_task_token() if self._has_token else None
        endpoint = env.callback_pool_manager.add(token) if token else None
        try:
            super()._evaluate_with_timeout(env)
        finally:
            if endpoint:
                endpoint.report(CallbackConsumerTimeout())

    @property
    def _has_token(self) -> bool:
        # A .sync task of these integrations ends with its token or with its job, whichever is first.
        takes_token = self._integration is None or self._integration.takes_token
        return self.resource.condition is not None and takes_token

    def _eval_service_task(
        self, env: Environment, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> None:
        self._check_partition(env)
        client = client_for(resource_runtime_part.region, self._service.service_name, state_credentials)
        request = self._request(env, normalised_parameters)
        check_required(self._service, self._operation, request)
        env.stack.append(self._result(env, self._call(client, self._operation, request, with_metadata=True)))

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
        if self.resource.service_name == "sqs" and (host := _unknown_host(arguments.get("QueueUrl"))):
            cause = f"Unable to execute HTTP request: {host}: Name or service not known"
            raise self._failure(env, "SQS.SdkClientException", cause)
        shape = self._operation.input_shape
        if self._integration:
            fields: Any = self._integration.json_fields
            return dict(shapes.to_request(arguments, shape, shapes.capitalized, fields))
        fields = SDK_JSON_FIELDS.get(self.resource.api_name, ())
        return dict(shapes.to_request(arguments, shape, shapes.pascal, fields, quotes_blobs=True))

    def _call(
        self, client: Any, operation: OperationModel, request: dict[str, Any], with_metadata: bool = False
    ) -> dict[str, Any]:
        answer = getattr(client, xform_name(operation.name))(**request)
        if operation.name == "GetObject" and "ChecksumMode" not in request:
            # botocore asks for the checksum, and Step Functions does not.
            answer = {name: value for name, value in answer.items() if not name.startswith("Checksum")}
        if not self._integration:
            result: dict[str, Any] = shapes.from_response(answer, operation.output_shape, shapes.pascal, shapes.to_iso)
            return result
        result = shapes.from_response(answer, operation.output_shape, shapes.capitalized, shapes.to_epoch_milliseconds)
        if with_metadata and self._integration.has_metadata:
            result |= shapes.metadata(answer["ResponseMetadata"])
        return dict(sorted(result.items()))

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
        client = client_for(resource_runtime_part.region, self._service.service_name, state_credentials)
        env.stack.append(self._await_job(env, client, normalised_parameters, answer))

    def _await_job(self, env: Environment, client: Any, arguments: Any, answer: dict[str, Any]) -> Any:
        job = JOBS[self.resource.resource_arn.split(":::", 1)[1]]
        name = job.identify(arguments, answer)
        endpoint, pause = self._endpoint(env), _POLL_SECONDS
        while env.is_running():
            if endpoint and (outcome := endpoint.get_outcome()):
                return self._read_outcome(outcome)
            description = self._call(client, self._service.operation_model(job.describe), job.describe_by(name))
            report = job.report(description)
            status = job.status(report)
            if status == job.succeeded:
                return report
            if status not in job.running_statuses:
                raise self._failure(env, "States.TaskFailed", shapes.to_text(report))
            env.program_state_event.wait(pause)
            pause = min(1.25 * pause, _LONGEST_POLL_SECONDS)
        try:
            self._call(client, self._service.operation_model(job.stop), job.stop_by(name))
        except ClientError as error:
            # As on AWS, a failed cancellation is ignored: the job may have ended, or the role may not stop it.
            raise _CancelledError from error
        raise _CancelledError

    def _await_token(self, env: Environment) -> Any:
        endpoint, outcome = self._endpoint(env), None
        if self.heartbeat:
            self.heartbeat.eval(env)
            heartbeat = endpoint.setup_heartbeat_endpoint(env.stack.pop())
            outcome = self._wait_for_task_token_heartbeat(env, endpoint, heartbeat)
        while outcome is None and env.is_running():
            outcome = endpoint.wait(_POLL_SECONDS)
        endpoint.report(CallbackConsumerTimeout())
        if outcome is None:
            raise _CancelledError
        return self._read_outcome(outcome)

    def _endpoint(self, env: Environment) -> Any:
        if not self._has_token:
            return None
        return env.callback_pool_manager.get(env.states.context_object.context_object_data["Task"]["Token"])

    def _read_outcome(self, outcome: CallbackOutcome) -> Any:
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
            return self._failure(env, *self._caller.describe(ex)).failure_event
        if isinstance(ex, shapes.ArgumentsError | ParamValidationError):
            cause = f"The Arguments could not be used to start the Task: [{ex}]"
            return self._failure(env, "States.Runtime", cause).failure_event
        if isinstance(ex, BotoCoreError):
            return self._failure(env, f"{self._caller.error_prefix}.SdkClientException", str(ex)).failure_event
        return super()._from_error(env, ex)


def _unknown_host(queue_url: Any) -> str | None:
    """The host of a URL that cannot be a queue's, because the URL of a queue is the address of its requests."""
    parts = urlsplit(str(queue_url or ""))
    is_queue = len(parts.path.strip("/").split("/")) > 1
    return None if is_queue or not queue_url else parts.hostname or str(queue_url)
