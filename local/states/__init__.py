"""Step Functions: moto's interpreter of the Amazon States Language, corrected to behave like the service."""

from typing import Any

from moto.stepfunctions import models, urls
from moto.stepfunctions.parser import models as parser_models
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ActivityResource,
    LambdaResource,
    ServiceResource,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.parse import preprocessor

from local.states import definition, interpreter
from local.states.activities import ActivityState
from local.states.backend import StatesBackend
from local.states.functions import FunctionTask, InvokeTask
from local.states.map_runs import MapRunNotFoundError
from local.states.responses import StatesResponse
from local.states.tasks import ServiceTask, client_for
from local.states.versions import Machine

_ASL = "moto.stepfunctions.parser.asl"
_TASK = f"{_ASL}.component.state.exec.state_task"
_MAP = f"{_ASL}.component.state.exec.state_map"
MOTO_NAMES: tuple[str, ...] = (
    "moto.stepfunctions.models.StateMachine.publish",
    "moto.stepfunctions.models.StateMachine.update",
    "moto.stepfunctions.models.stepfunctions_backends",
    "moto.stepfunctions.urls.url_paths",
    "moto.stepfunctions.responses.StepFunctionResponse",
    "moto.stepfunctions.parser.models.ResourceNotFound",
    "moto.stepfunctions.parser.models.StepFunctionsParserBackend._validate_definition",
    "moto.stepfunctions.parser.models.StepFunctionsParserBackend._validate_execution_arn",
    "moto.stepfunctions.parser.models.StepFunctionsParserBackend._validate_name",
    "moto.stepfunctions.parser.backend.execution.Execution._get_start_execution_worker",
    "moto.stepfunctions.parser.backend.execution.BaseExecutionWorkerCommunication._reflect_execution_status",
    "moto.stepfunctions.parser.backend.execution_worker.ExecutionWorker._get_evaluation_entrypoint",
    "moto.stepfunctions.parser.backend.execution_worker.ExecutionWorker._get_evaluation_environment",
    "moto.stepfunctions.parser.utils.TMP_THREADS",
    f"{_ASL}.parse.asl_parser.Preprocessor",
    f"{_ASL}.parse.preprocessor.Preprocessor._query_language_per_scope",
    f"{_ASL}.parse.preprocessor.Preprocessor._open_query_language_scope",
    f"{_ASL}.parse.preprocessor.StateChoice",
    f"{_ASL}.parse.preprocessor.Preprocessor._inner_string_of",
    f"{_ASL}.parse.preprocessor.StateMap",
    f"{_ASL}.eval.variable_store.VariableStore.set",
    f"{_ASL}.eval.variable_store.VariableStore.get_assigned_variables",
    f"{_ASL}.component.state.state.CommonStateField._get_state_exited_event_details",
    f"{_ASL}.parse.preprocessor.StateParallel",
    f"{_MAP}.iteration.distributed_iteration_component.DistributedIterationComponent._eval_body",
    f"{_MAP}.iteration.inline_iteration_component.InlineIterationComponent._get_iteration_program",
    f"{_MAP}.item_reader.reader_config.max_items_decl.MaxItemsPath._validate_value",
    f"{_ASL}.parse.preprocessor.StateWait",
    f"{_ASL}.parse.preprocessor.ConditionStringJSONata",
    f"{_ASL}.component.common.error_name.error_equals_decl.ErrorEqualsDecl._eval_body",
    f"{_ASL}.component.common.error_name.failure_event.FailureEvent.__init__",
    f"{_ASL}.component.common.error_name.failure_event.FailureEventException.get_execution_failed_event_details",
    f"{_ASL}.component.state.wait.wait_function.timestamp.Timestamp._from_timestamp_string",
    f"{_ASL}.component.state.exec.state_parallel.branches_decl.BranchWorker",
    f"{_ASL}.component.state.exec.state_parallel.branch_worker.BranchWorker.stop",
    f"{_ASL}.parse.preprocessor.RetrierDecl",
    f"{_ASL}.parse.preprocessor.state_task_for",
    f"{_ASL}.component.state.exec.execute_state.ExecutionState._evaluate_with_timeout",
    f"{_ASL}.eval.states.ContextObject.update_task_token",
    f"{_ASL}.component.common.string.string_expression.StringJSONata._eval_body",
    f"{_ASL}.component.common.string.string_expression.StringVariableSample._eval_body",
    f"{_ASL}.component.state.fail.state_fail.CustomErrorName",
    f"{_ASL}.component.state.exec.state_parallel.branches_decl.CustomErrorName",
    f"{_ASL}.component.state.exec.state_map.iteration.iteration_worker.CustomErrorName",
    f"{_TASK}.lambda_eval_utils.boto_client_for",
    f"{_TASK}.service.state_task_service_callback.CustomErrorName",
    f"{_TASK}.state_task_activitiy.CustomErrorName",
    f"{_TASK}.service.state_task_service_callback.StateTaskServiceCallback._eval_integration_pattern",
    f"{_TASK}.service.state_task_service_callback.StateTaskServiceCallback._wait_for_task_token_heartbeat",
)


def install() -> None:
    """Replace moto's Step Functions by this package."""
    definition.install()
    interpreter.install()
    lambda_eval_utils.boto_client_for = client_for
    preprocessor.state_task_for = _task_for
    models.StateMachine = Machine
    models.stepfunctions_backends.backend = StatesBackend
    parser_models.ResourceNotFound = MapRunNotFoundError
    urls.url_paths = {path: StatesResponse.dispatch for path in urls.url_paths}


def _task_for(resource: Any) -> StateTask:
    if isinstance(resource, LambdaResource):
        return FunctionTask()
    if isinstance(resource, ServiceResource):
        return InvokeTask() if resource.service_name == "lambda" else ServiceTask()
    if isinstance(resource, ActivityResource):
        return ActivityState()
    raise ValueError(f"The resource {getattr(resource, 'resource_arn', 'of a Task')} is not served here")
