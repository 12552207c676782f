"""Lambda: runs the uploaded archives under AWS's Python runtime, in their own processes."""

MOTO_NAMES = (
    "moto.awslambda.models.EventSourceMapping",
    "moto.awslambda.models.LambdaBackend.add_permission",
    "moto.awslambda.models.LambdaBackend.create_event_source_mapping",
    "moto.awslambda.models.LambdaBackend.create_function",
    "moto.awslambda.models.LambdaBackend.delete_function",
    "moto.awslambda.models.LambdaBackend.get_function",
    "moto.awslambda.models.LambdaBackend.put_function_event_invoke_config",
    "moto.awslambda.models.LambdaBackend.update_event_source_mapping",
    "moto.awslambda.models.LambdaBackend.update_function_code",
    "moto.awslambda.models.LambdaBackend.update_function_configuration",
    "moto.awslambda.models.LambdaBackend.update_function_event_invoke_config",
    "moto.awslambda.models.LambdaFunction.get_configuration",
    "moto.awslambda.models.LambdaFunction.invoke",
    "moto.awslambda.models.LambdaFunction.update_configuration",
    "moto.awslambda.models.LambdaStorage.split_function_arn",
    "moto.awslambda.models.iso_8601_datetime_with_nanoseconds",
    "moto.awslambda.models.lambda_backends",
    "moto.awslambda.responses.LambdaResponse.invoke",
    "moto.awslambda.utils.make_function_arn",
    "moto.core.responses.BaseResponse._enrich_response",
)


def install() -> None:
    """Replace moto's Lambda by this one."""
    from moto.awslambda import models
    from moto.awslambda.responses import LambdaResponse

    from local.functions import api, backend

    models.LambdaFunction = backend.LambdaFunction
    models.lambda_backends.backend = backend.LambdaBackend
    LambdaResponse.invoke = api.invoke
    LambdaResponse._enrich_response = staticmethod(api.enrich_response)
