"""Shows a running build: the state machine's steps with their times, and the training's log."""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from demo.local_aws import Aws

REFRESH_SECONDS = 0.2


def watch_build(aws: Aws, console: Console, execution_arn: str, until: str | None = None) -> dict[str, Any]:
    """Draw the build until it has ended, or has entered the state ``until``.

    Returns
    -------
    dict
        The response of DescribeExecution.
    """
    states = aws.client("stepfunctions")
    steps = _list_steps(states, execution_arn)
    spinner = Spinner("dots")
    with Live(console=console, refresh_per_second=10) as live:
        while True:
            execution = states.describe_execution(executionArn=execution_arn)
            visits = _read_visits(states, execution_arn)
            live.update(_draw(steps, visits, execution, spinner))
            if execution["status"] != "RUNNING" or (until and until in visits):
                break
            time.sleep(REFRESH_SECONDS)
    if not console.is_terminal:
        console.line()  # Live ends its last line only in a terminal
    return execution  # type: ignore[no-any-return]


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


def _list_steps(states: Any, execution_arn: str) -> list[str]:
    machine = states.describe_state_machine_for_execution(executionArn=execution_arn)
    definition = json.loads(machine["definition"])["States"]
    return [name for name, state in definition.items() if state["Type"] == "Task"]


def _read_visits(states: Any, execution_arn: str) -> dict[str, tuple[datetime, datetime | None]]:
    """Return when each state was entered first and left last; None if it is still running."""
    visits: dict[str, tuple[datetime, datetime | None]] = {}
    pages = states.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, includeExecutionData=False
    )
    for event in (event for page in pages for event in page["events"]):
        if event["type"].endswith("StateEntered"):
            name = event["stateEnteredEventDetails"]["name"]
            visits[name] = (visits[name][0] if name in visits else event["timestamp"], None)
        elif event["type"].endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            visits[name] = (visits[name][0], event["timestamp"])
    return visits


def _draw(
    steps: list[str],
    visits: Mapping[str, tuple[datetime, datetime | None]],
    execution: Mapping[str, Any],
    spinner: Spinner,
) -> Group:
    table = Table.grid(padding=(0, 2))
    has_ended = execution["status"] != "RUNNING"
    for step in steps:
        if step not in visits:
            if not has_ended:
                table.add_row(Text("  ○", style="dim"), Text(step, style="dim"), "")
            continue
        entered, left = visits[step]
        seconds = ((left or datetime.now(entered.tzinfo)) - entered).total_seconds()
        mark = Text("  ●", style="green") if left else Text("  ✗", style="red") if has_ended else spinner
        table.add_row(mark, Text(step, style="" if left else "bold"), f"{seconds:5.1f} s")
    colour = {"SUCCEEDED": "green", "RUNNING": "cyan"}.get(execution["status"], "red")
    return Group(Text(f"  {execution['name']}: {execution['status']}", style=colour), table)
