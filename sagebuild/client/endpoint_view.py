"""The endpoint over time: the builds that changed what is live, and CloudWatch's metrics of its invocations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sagebuild.builds.records import BuildRecord, list_builds, now
from sagebuild.names import VARIANT, name_endpoint
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service, aws_call

# Statistic and readable name: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
_METRICS = {
    "Invocations": ("Sum", "requests"),
    "Invocation4XXErrors": ("Sum", "refused requests"),
    "Invocation5XXErrors": ("Sum", "failed requests"),
    "ModelLatency": ("Average", "latency in ms"),
}
_MICROSECONDS = 1000  # of ModelLatency, in a millisecond
_POINTS = 60


def list_live_changes(service: Service, limit: int = 200) -> list[BuildRecord]:
    """List the builds after which the endpoint served something else than before, newest first."""
    return [one for one in list_builds(service, limit) if one.live_after and one.live_after != one.live_before]


def read_endpoint_metrics(service: Service, hours: int = 3) -> Mapping[str, Sequence[tuple[datetime, float]]]:
    """Read CloudWatch's metrics of the last hours by a readable name: the times that have a value, oldest first.

    It needs the rights sagemaker:DescribeEndpoint, sagemaker:DescribeInferenceComponent and cloudwatch:GetMetricData.
    """
    end = now() + timedelta(minutes=1)  # GetMetricData leaves out the values of EndTime and later
    period = max(60, hours * 3600 // _POINTS // 60 * 60)  # GetMetricData wants a multiple of 60 s
    live = describe_endpoint(service)
    if live and live.component:
        dimensions = [{"Name": "InferenceComponentName", "Value": live.component.name}]
    else:
        dimensions = [
            {"Name": "EndpointName", "Value": name_endpoint(service)},
            {"Name": "VariantName", "Value": VARIANT},
        ]
    queries = [
        {
            "Id": name.lower(),
            "MetricStat": {
                "Metric": {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": dimensions},
                "Period": period,
                "Stat": statistic,
            },
        }
        for name, (statistic, _) in _METRICS.items()
    ]
    with aws_call("read the metrics of the endpoint"):
        answer = service.cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=end - timedelta(hours=hours), EndTime=end, ScanBy="TimestampAscending"
        )
    found = {one["Id"]: list(zip(one["Timestamps"], one["Values"], strict=True)) for one in answer["MetricDataResults"]}
    series = {label: found.get(name.lower(), []) for name, (_, label) in _METRICS.items()}
    latency = _METRICS["ModelLatency"][1]
    series[latency] = [(moment, value / _MICROSECONDS) for moment, value in series[latency]]
    return series
