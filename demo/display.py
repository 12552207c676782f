"""Shows a running build as the command line does, and the end of a training's log."""

import time

from rich.console import Console

from demo.local_aws import STACK, Aws, DemoError
from sagebuild import connect
from sagebuild.cli.console import can_redraw
from sagebuild.cli.live import BuildView
from sagebuild.client.build import Build
from sagebuild.errors import BuildNotFoundError

REFRESH_SECONDS = 0.2


class BuildDisplay:
    """Shows one build: redrawn in a terminal, a line for each event in a pipe.

    It finds the stack by the environment's AWS_ENDPOINT_URL.

    Parameters
    ----------
    number
        Of a build that has begun.

    Raises
    ------
    DemoError
        There is no such build.
    """

    def __init__(self, console: Console, number: int) -> None:
        stack = connect(STACK, pipeline="default")
        try:
            self.build: Build = stack.build(number)
        except BuildNotFoundError as error:
            raise DemoError(f"{error} The skill's answer above says why it started none.") from None
        self._view = BuildView(stack.service, console, can_redraw())

    def watch(self, until: str = "") -> None:
        """Show the build until it has ended, or has entered the step ``until``."""
        with self._view.showing() as update:
            while True:
                is_over = bool(self.build.record.notified_at) or self._has_begun(until)
                update(self.build)
                if is_over:
                    break
                time.sleep(REFRESH_SECONDS)

    def _has_begun(self, name: str) -> bool:
        """Return False for a step that has not begun, and for no name."""
        return any(step.name == name and step.has_begun for step in self.build.steps())

    def print_outcome(self) -> None:
        """Print the outcome of the build, its cost, what is live and what to do next."""
        self._view.print_outcome(self.build)


def tail_training(aws: Aws, job: str, lines: int) -> list[str]:
    """Return the last lines of a training's log that begin with "epoch"."""
    logs = aws.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
    events = [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)[
            "events"
        ]
    ]
    return [message for message in events if message.startswith("epoch")][-lines:]
