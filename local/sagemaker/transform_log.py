"""The data log of a transform job: the log stream with its parameters and the objects that failed."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from local import clients, output
from local.sagemaker.resources import now


class DataLog:
    """The data log of one instance, in the format of SageMaker's own lines.

    https://github.com/aws/amazon-sagemaker-examples/issues/1620 shows them.

    Parameters
    ----------
    region
        The job's region.
    role_arn
        The model's role.
    group, stream
        The names of the log group and the log stream.
    """

    def __init__(self, region: str, role_arn: str, group: str, stream: str) -> None:
        self._region, self._role = region, role_arn
        self._group, self._stream = group, stream
        self._lines: list[dict[str, Any]] = []

    def write(self, line: str) -> None:
        """Add a line."""
        moment: datetime = now()
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        message = f"{stamp}:[sagemaker logs]: {line}"
        self._lines.append({"timestamp": int(moment.timestamp() * 1000), "message": message})

    def write_failure(self, uri: str, lines: list[str]) -> None:
        """Add the reason of a failed object."""
        for line in lines:
            self.write(f"{uri.removeprefix('s3://')}: {line}")

    def end(self) -> None:
        """Send the lines to CloudWatch Logs; as on AWS, a job does not fail when its logs cannot be written."""
        if not self._lines:
            return
        logs = clients.client("logs", self._region, self._role)
        with suppress(ClientError):
            output.create_stream(logs, self._group, self._stream)
            output.put_events(logs, self._group, self._stream, self._lines)
