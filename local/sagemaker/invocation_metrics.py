"""Publishes CloudWatch's metrics of an endpoint's invocations.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html names them, their units and dimensions.
"""

import time

from moto.cloudwatch.models import cloudwatch_backends

from local import accounts


class Invocation:
    """One invocation, whose latency is measured from now on.

    Parameters
    ----------
    region
        The region of the endpoint.
    dimensions
        ``EndpointName`` and ``VariantName``, or the ``InferenceComponentName``.
    """

    def __init__(self, region: str, **dimensions: str) -> None:
        self._dimensions = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        self._region, self._started = region, time.perf_counter()

    def end(self, status: int = 200) -> None:
        """Publish the metrics; the status is the container's, which is 0 if it took too long."""
        values = {
            "Invocations": (1.0, "None"),
            "Invocation4XXErrors": (float(400 <= status < 500), "None"),
            "Invocation5XXErrors": (float(status >= 500), "None"),
            "InvocationModelErrors": (float(status != 200), "None"),
            "ModelLatency": ((time.perf_counter() - self._started) * 1e6, "Microseconds"),
        }
        self._publish(values)

    def fail_without_copy(self) -> None:
        """Publish that an inference component had no copy for the request.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
        """
        self._publish({"NoCapacityInvocationFailures": (1.0, "None")})

    def _publish(self, values: dict[str, tuple[float, str]]) -> None:
        data = [
            {"MetricName": name, "Dimensions": self._dimensions, "Value": value, "Unit": unit}
            for name, (value, unit) in values.items()
        ]
        cloudwatch_backends[accounts.current()][self._region].put_metric_data("AWS/SageMaker", data)
