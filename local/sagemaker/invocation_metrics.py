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
    endpoint, variant, region
        The names of the endpoint and of its variant, and their region.
    """

    def __init__(self, endpoint: str, variant: str, region: str) -> None:
        self._dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
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
        data = [
            {"MetricName": name, "Dimensions": self._dimensions, "Value": value, "Unit": unit}
            for name, (value, unit) in values.items()
        ]
        cloudwatch_backends[accounts.current()][self._region].put_metric_data("AWS/SageMaker", data)
