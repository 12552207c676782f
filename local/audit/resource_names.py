"""The members of a call that name its resource, by service."""

# By service: the members that name a resource, and the rest of its ARN after partition, service, region and account.
# The first member in the call counts; a member that is already an ARN is used unchanged.
NAMED: dict[str, dict[str, str]] = {
    "cloudformation": {"StackName": "stack/{}/*"},
    "cloudwatch": {"AlarmName": "alarm:{}", "AlarmNames": "alarm:{}", "ResourceARN": "{}"},
    "codebuild": {"projectName": "project/{}", "name": "project/{}", "names": "project/{}"},
    "dynamodb": {"TableName": "table/{}", "ResourceArn": "{}", "StreamArn": "{}", "BackupArn": "{}"},
    "ecr": {"repositoryName": "repository/{}", "repositoryNames": "repository/{}", "resourceArn": "{}"},
    "sagemaker": {
        "TrainingJobName": "training-job/{}",
        "HyperParameterTuningJobName": "hyper-parameter-tuning-job/{}",
        "ProcessingJobName": "processing-job/{}",
        "TransformJobName": "transform-job/{}",
        "InferenceComponentName": "inference-component/{}",
        "EndpointName": "endpoint/{}",
        "EndpointConfigName": "endpoint-config/{}",
        "ModelName": "model/{}",
        "ModelPackageName": "model-package/{}",
        "ModelPackageArn": "{}",
        "ModelPackageGroupName": "model-package-group/{}",
        "NotebookInstanceName": "notebook-instance/{}",
        "NotebookInstanceLifecycleConfigName": "notebook-instance-lifecycle-config/{}",
        "CompilationJobName": "compilation-job/{}",
        "FeatureGroupName": "feature-group/{}",
        "ModelCardName": "model-card/{}",
        "PipelineName": "pipeline/{}",
        "PipelineExecutionArn": "{}",
        "ResourceArn": "{}",
    },
    "secretsmanager": {"SecretId": "secret:{}-??????", "Name": "secret:{}-??????"},
    "sns": {"TopicArn": "{}", "TargetArn": "{}", "ResourceArn": "{}", "Name": "{}"},
    "sts": {"RoleArn": "{}"},
    "states": {
        "stateMachineArn": "{}",
        "stateMachineVersionArn": "{}",
        "stateMachineAliasArn": "{}",
        "executionArn": "{}",
        "mapRunArn": "{}",
        "activityArn": "{}",
        "resourceArn": "{}",
        "name": "stateMachine:{}",
    },
    "xray": {},
}

# Actions with members, but without resource types in the Service Authorization Reference: their resource is "*".
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
ON_EVERYTHING = {
    f"{prefix}:{name}"
    for prefix, names in {
        "application-autoscaling": "DescribeScalableTargets DescribeScalingPolicies DescribeScheduledActions",
        "cloudformation": "ListImports",
        "cloudwatch": "DescribeAlarmsForMetric GetMetricData GetMetricStatistics PutMetricData",
        "dynamodb": "ListBackups ListStreams",
        "ecr": "PutRegistryPolicy PutReplicationConfiguration",
        "events": "ListRuleNamesByTarget ListRules PutPartnerEvents PutPermission RemovePermission TestEventPattern",
        "iam": "CreateAccountAlias DeleteAccountAlias",
        "kms": "ListAliases",
        "lambda": "CreateEventSourceMapping ListEventSourceMappings ListLayerVersions",
        "logs": "CancelExportTask DeleteResourcePolicy DescribeQueries DescribeResourcePolicies PutResourcePolicy",
        "sagemaker": "Search",
        "servicequotas": "ListAWSDefaultServiceQuotas ListServiceQuotas",
        "sns": "CheckIfPhoneNumberIsOptedOut CreatePlatformApplication CreatePlatformEndpoint DeleteEndpoint "
        "DeletePlatformApplication GetEndpointAttributes GetPlatformApplicationAttributes GetSubscriptionAttributes "
        "ListEndpointsByPlatformApplication OptInPhoneNumber SetEndpointAttributes SetPlatformApplicationAttributes "
        "SetSMSAttributes SetSubscriptionAttributes Unsubscribe",
        "ssm": "CreateMaintenanceWindow CreatePatchBaseline GetCommandInvocation GetPatchBaselineForPatchGroup",
        "states": "SendTaskFailure SendTaskHeartbeat SendTaskSuccess ValidateStateMachineDefinition",
        "sts": "GetAccessKeyInfo",
    }.items()
    for name in names.split()
}

# Lists of SageMaker that name one resource.
LISTS_OF_ONE = {
    "ListClusterNodes",
    "ListModelCardVersions",
    "ListPipelineExecutionSteps",
    "ListPipelineExecutions",
    "ListPipelineParametersForExecution",
    "ListTags",
    "ListTrainingJobsForHyperParameterTuningJob",
}


def split_qualifier(arn: str) -> tuple[str, str]:
    """The ARN of a state machine, and the number or name of its version or alias, or ""."""
    parts = arn.split(":")
    if parts[5:6] != ["stateMachine"]:
        return arn, ""
    return ":".join(parts[:7]), ":".join(parts[7:])
