"""The members of a call that name its resource, by service."""

# By service: the members that name a resource, and the rest of its ARN after partition, service, region and account.
# The first member in the call counts; a member that is already an ARN is used unchanged.
NAMED: dict[str, dict[str, str]] = {
    "cloudformation": {"StackName": "stack/{}/*"},
    "cloudwatch": {"AlarmName": "alarm:{}", "AlarmNames": "alarm:{}", "ResourceARN": "{}"},
    "codebuild": {"projectName": "project/{}", "name": "project/{}", "names": "project/{}"},
    "dynamodb": {"TableName": "table/{}", "ResourceArn": "{}", "StreamArn": "{}"},
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
        "ResourceArn": "{}",
    },
    "servicequotas": {},
    "secretsmanager": {"SecretId": "secret:{}-??????", "Name": "secret:{}-??????"},
    "sns": {"TopicArn": "{}", "TargetArn": "{}", "ResourceArn": "{}", "Name": "{}"},
    "sts": {"RoleArn": "{}"},
    "states": {
        "stateMachineArn": "{}",
        "stateMachineVersionArn": "{}",
        "stateMachineAliasArn": "{}",
        "executionArn": "{}",
        "activityArn": "{}",
        "resourceArn": "{}",
        "name": "stateMachine:{}",
    },
    "xray": {},
}

# Actions with a member of the table above that is not their resource: in IAM their resource is "*".
ON_EVERYTHING = {
    "cloudwatch:DescribeAlarmsForMetric",
    "cloudwatch:PutMetricData",
    "lambda:CreateEventSourceMapping",
    "lambda:ListEventSourceMappings",
    "sns:Unsubscribe",
}
