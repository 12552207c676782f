"""Writes the metrics of a finished build to the function's log, from which CloudWatch extracts them.

The log line has the embedded metric format, so no call of CloudWatch is needed:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from sagebuild.builds.records import BuildRecord
from sagebuild.service import Service

NAMESPACE = "sagebuild"


def write_metrics(service: Service, record: BuildRecord) -> None:
    """Write the metrics of a build that has ended: once for each build, after its notification.

    They have the dimensions ``Stack`` and ``Pipeline`` ("default" for the default pipeline). ``Builds`` is 1 and has
    the dimension ``Outcome``, too. ``Duration`` is in seconds; ``Cost`` is in US dollars, and missing without a known
    price.
    """
    # The import takes a tenth of a second, and only finishBuild needs it.
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    pipeline = {"Stack": service.stack_name, "Pipeline": service.pipeline or "default"}
    counted = EphemeralMetrics(namespace=NAMESPACE)
    counted.set_default_dimensions(**pipeline, Outcome=record.status)
    counted.add_metric("Builds", MetricUnit.Count, 1)
    measured = EphemeralMetrics(namespace=NAMESPACE)
    measured.set_default_dimensions(**pipeline)
    measured.add_metric("Duration", MetricUnit.Seconds, record.seconds)
    if record.cost is not None:
        measured.add_metric("Cost", MetricUnit.NoUnit, record.cost)
    for metrics in (counted, measured):
        metrics.add_metadata("build", record.number)
        metrics.flush_metrics()
