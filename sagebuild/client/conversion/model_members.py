"""What becomes of each member of a request for a model or an endpoint configuration; see `members`."""

from sagebuild.client.conversion.members import OFF, TAGS, VPC, Members, missing, own, used
from sagebuild.requests.extensions import CAPTURE_TYPES

_ARCHIVE = "pack the model as a model.tar.gz and give its address as ModelArtifacts"
_CONTAINER: Members = {
    **used("Image", "ModelDataUrl", "Environment"),
    "ModelDataSource": {
        "S3DataSource": {
            **used("S3Uri", "S3DataType", "CompressionType"),
            **missing("ModelAccessConfig", "HubAccessConfig", "ManifestS3Uri"),
            **own("ETag", "ManifestEtag"),
        }
    },
    "ImageConfig": missing("RepositoryAccessMode", idle=("Platform",)) | missing("RepositoryAuthConfig"),
    **missing("Mode", idle=("SingleModel",)),
    **missing(
        "ContainerHostname", advice="sagebuild calls the containers of parameter pipeline in order, without names"
    ),
    **missing("ModelPackageName", advice=_ARCHIVE),
    **missing("AdditionalModelDataSources", "InferenceSpecificationName", "MultiModelConfig", "ContainerMetricsConfig"),
}
MODEL: Members = {
    "PrimaryContainer": _CONTAINER,
    "Containers": _CONTAINER,
    "InferenceExecutionConfig": missing("Mode", idle=("Serial",)),
    "VpcConfig": VPC,
    "Tags": TAGS,
    **used("EnableNetworkIsolation"),
    **own("ModelName", "ModelArn", "ExecutionRoleArn", "CreationTime", "DeploymentRecommendation"),
}
_CAPTURE = "datacapture stores requests and answers, and text/csv and application/json as text"
_SCALING = "give autoscaling with minimum, maximum and target"
_VARIANT: Members = {
    **used("InstanceType", "InitialInstanceCount"),
    **used("ModelDataDownloadTimeoutInSeconds", "ContainerStartupHealthCheckTimeoutInSeconds", "InferenceAmiVersion"),
    "ServerlessConfig": used("MemorySizeInMB", "MaxConcurrency", "ProvisionedConcurrency"),
    **own("VariantName", "ModelName", "InitialVariantWeight"),
    "ManagedInstanceScaling": missing(
        "Status", "MinInstanceCount", "MaxInstanceCount", "ScaleInPolicy", advice=_SCALING
    ),
    "RoutingConfig": missing("RoutingStrategy", idle=("RANDOM",)) | missing("PrefixAwareRoutingConfig"),
    **missing("EnableSSMAccess", idle=OFF),
    **missing("InstancePools", advice="choose one type and count: hostinstancetype, hostinstancecount"),
    **missing(
        "VariantInstanceProvisionTimeoutInSeconds",
        "AcceleratorType",
        "CoreDumpConfig",
        "VolumeSizeInGB",
        "CapacityReservationConfig",
        "AcceleratorPartitionLayouts",
    ),
}
ENDPOINT_CONFIG: Members = {
    "ProductionVariants": _VARIANT,
    "AsyncInferenceConfig": {
        "ClientConfig": used("MaxConcurrentInvocationsPerInstance"),
        "OutputConfig": {
            **used("KmsKeyId", "S3OutputPath"),
            "NotificationConfig": used("SuccessTopic", "ErrorTopic") | missing("IncludeInferenceResponseIn"),
            **missing("S3FailurePath", advice="SageMaker writes the errors beside the answers"),
        },
    },
    "DataCaptureConfig": {
        **used("EnableCapture", "InitialSamplingPercentage", "DestinationS3Uri", "KmsKeyId"),
        "CaptureOptions": missing("CaptureMode", advice=_CAPTURE),
        "CaptureContentTypeHeader": {
            **missing("CsvContentTypes", idle=(CAPTURE_TYPES["CsvContentTypes"],), advice=_CAPTURE),
            **missing("JsonContentTypes", idle=(CAPTURE_TYPES["JsonContentTypes"],), advice=_CAPTURE),
        },
    },
    "MetricsConfig": {
        **missing("EnableEnhancedMetrics", "EnableDetailedObservability", idle=OFF),
        **missing("MetricPublishFrequencyInSeconds"),
    },
    "Tags": TAGS,
    **used("KmsKeyId"),
    **missing("EnableNetworkIsolation", idle=OFF, advice="give networkisolation, which isolates the model"),
    **missing("VpcConfig", advice="give subnets and securitygroups, which the model gets"),
    **missing(
        "ShadowProductionVariants",
        advice="an endpoint of sagebuild has one variant; compare two models with two pipelines",
    ),
    **missing("ExplainerConfig", "CrossRegionTrafficConfig"),
    **own("EndpointConfigName", "EndpointConfigArn", "CreationTime", "ExecutionRoleArn"),
}
