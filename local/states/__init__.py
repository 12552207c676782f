"""Step Functions: moto's interpreter of the Amazon States Language, corrected to behave like the service."""

from moto.stepfunctions import models, urls

from local.states import definition, interpreter, tasks
from local.states.backend import StatesBackend
from local.states.responses import StatesResponse

_ASL = "moto.stepfunctions.parser.asl"
_TASK = f"{_ASL}.component.state.exec.state_task"
MOTO_NAMES: tuple[str, ...] = (
    "moto.stepfunctions.models.stepfunctions_backends",
    "moto.stepfunctions.urls.url_paths",
    "moto.stepfunctions.responses.StepFunctionResponse",
    "moto.stepfunctions.parser.models.StepFunctionsParserBackend._validate_definition",
    "moto.stepfunctions.parser.backend.execution.Execution._get_start_execution_worker",
    "moto.stepfunctions.parser.backend.execution.BaseExecutionWorkerCommunication._reflect_execution_status",
    "moto.stepfunctions.parser.backend.execution_worker.ExecutionWorker._get_evaluation_entrypoint",
    "moto.stepfunctions.parser.backend.execution_worker.ExecutionWorker._get_evaluation_environment",
    "moto.stepfunctions.parser.utils.TMP_THREADS",
    f"{_ASL}.parse.asl_parser.Preprocessor",
    f"{_ASL}.parse.preprocessor.Preprocessor._query_language_per_scope",
    f"{_ASL}.parse.preprocessor.StateChoice",
    f"{_ASL}.parse.preprocessor.StateParallel",
    f"{_ASL}.parse.preprocessor.StateWait",
    f"{_ASL}.parse.preprocessor.ConditionStringJSONata",
    f"{_ASL}.component.common.error_name.error_equals_decl.ErrorEqualsDecl._eval_body",
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
    f"{_TASK}.service.state_task_service_callback.StateTaskServiceCallback._eval_integration_pattern",
    f"{_TASK}.service.state_task_service_callback.StateTaskServiceCallback._wait_for_task_token_heartbeat",
)


def install() -> None:
    """Replace moto's Step Functions by this package."""
    definition.install()
    interpreter.install()
    tasks.install()
    models.stepfunctions_backends.backend = StatesBackend
    urls.url_paths = {path: StatesResponse.dispatch for path in urls.url_paths}
