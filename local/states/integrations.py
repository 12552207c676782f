"""The optimized integrations of Task states: actions and error names."""

from dataclasses import dataclass

from botocore.model import OperationModel, ServiceModel
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ServiceResource

from local.states import shapes
from local.states.jobs import JOBS

TOKEN = "waitForTaskToken"
# The text fields of aws-sdk tasks that also accept JSON, by service.
SDK_JSON_FIELDS: dict[str, tuple[str, ...]] = {"sfn": ("Input", "Output")}


@dataclass(frozen=True)
class Integration:
    """One optimized integration.

    Parameters
    ----------
    service
        The id of the service.
    error_prefix, general_error
        The error names: ``<prefix>.<Code>Exception``, and the name for codes that are not in the service's model.
    label
        The service's name in the cause of an error.
    actions
        The supported actions.
    takes_token
        Whether ``.waitForTaskToken`` is supported.
    json_fields
        The text fields that also accept JSON.
    has_metadata
        Whether the result contains SdkHttpMetadata and SdkResponseMetadata.
    """

    service: str
    error_prefix: str
    general_error: str
    label: str
    actions: tuple[str, ...]
    takes_token: bool = False
    json_fields: tuple[str, ...] = ()
    has_metadata: bool = True


INTEGRATIONS = {
    "sagemaker": Integration(
        "sagemaker",
        "SageMaker",
        "AmazonSageMakerException",
        "AmazonSageMaker",
        (
            "createTrainingJob",
            "createHyperParameterTuningJob",
            "createProcessingJob",
            "createTransformJob",
            "createLabelingJob",
            "createModel",
            "createEndpointConfig",
            "createEndpoint",
            "updateEndpoint",
        ),
    ),
    "codebuild": Integration("codebuild", "CodeBuild", "AWSCodeBuildException", "AWSCodeBuild", ("startBuild",)),
    "states": Integration(
        "sfn",
        "StepFunctions",
        "AWSStepFunctionsException",
        "AWSStepFunctions",
        ("startExecution",),
        True,
        ("Input",),
    ),
    "lambda": Integration("lambda", "Lambda", "AWSLambdaException", "AWSLambda", ("invoke",), True),
    "sns": Integration("sns", "SNS", "AmazonSNSException", "AmazonSNS", ("publish",), True, ("Message",)),
    "sqs": Integration("sqs", "SQS", "AmazonSQSException", "AmazonSQS", ("sendMessage",), True, ("MessageBody",)),
    "dynamodb": Integration(
        "dynamodb",
        "DynamoDB",
        "AmazonDynamoDBException",
        "AmazonDynamoDBv2",
        ("getItem", "putItem", "updateItem", "deleteItem"),
    ),
    "events": Integration(
        "eventbridge",
        "EventBridge",
        "AmazonEventBridgeException",
        "AmazonEventBridge",
        ("putEvents",),
        True,
        ("Detail",),
        has_metadata=False,
    ),
}


def find_call(resource: ServiceResource) -> tuple[ServiceModel, OperationModel]:
    """The service and the operation of a task.

    Raises
    ------
    ValueError
        For an unknown or unsupported resource.
    """
    optimized = INTEGRATIONS.get(resource.service_name)
    if resource.service_name != "aws-sdk" and optimized is None:
        raise ValueError(f"The integration of {resource.resource_arn} is not served here")
    service = shapes.find_service(optimized.service if optimized else resource.api_name)
    operation = shapes.find_operation(service, resource.api_action)
    if service is None or operation is None:
        raise ValueError(
            f"The resource provided {resource.resource_arn} is not recognized. The value is not a valid resource ARN, "
            "or the resource is not available in this region."
        )
    if optimized and resource.api_action not in optimized.actions:
        raise ValueError(f"The action of {resource.resource_arn} is not served here")
    if not _is_pattern_known(resource, optimized):
        raise ValueError(f"The resource {resource.resource_arn} does not support .{resource.condition}")
    return service, operation


def _is_pattern_known(resource: ServiceResource, optimized: Integration | None) -> bool:
    if resource.condition is None:
        return True
    if resource.condition == TOKEN:
        return optimized is None or optimized.takes_token
    return resource.resource_arn.split(":::", 1)[-1] in JOBS
