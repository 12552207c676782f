"""``make bench``: measures, prints one table, and writes bench/results.json."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from bench.functions import measure_functions
from bench.measure import ROOT, Result, compare, count_cpu, median, read_cpu, read_memory, wait_for
from tests.e2e.stack import DeployedStack, deploy
from tests.engine import Engine, running_engine
from tools.browser import running_browser

RESULTS = Path(__file__).with_name("results.json")
MESSAGES = 10_000
BUILDS = 100


def measure_command_line() -> Iterator[Result]:
    """Measure how soon the command line and the page are there."""
    version = [sys.executable, "-m", "sagebuild", "--version"]
    libraries = [sys.executable, "-c", "import typer, rich.console"]
    yield compare(
        "sagebuild --version", lambda: count_cpu(version), lambda: count_cpu(libraries), 1.5, "import typer and rich"
    )
    with running_browser() as browser:

        def paint() -> float:
            started = time.time()
            command = [sys.executable, "-m", "sagebuild", "ui"]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
                try:
                    assert process.stdout
                    found = re.search(r"http://\S+", process.stdout.readline())
                    assert found
                    page = browser.new_page()
                    page.goto(found.group(), wait_until="commit")
                    painted = page.evaluate(
                        "() => new Promise((done) => { const look = () => { "
                        "const entry = performance.getEntriesByName('first-contentful-paint')[0]; "
                        "entry ? done(performance.timeOrigin + entry.startTime) : setTimeout(look, 5) }; look() })"
                    )
                    page.close()
                    return float(painted) / 1000 - started
                finally:
                    process.terminate()

        yield Result("sagebuild ui, first paint", round(median(paint), 2), "s", 1.5)


# Calls that load what both servers need for a stack like this one.
LISTS = {
    "cloudformation": "list_stacks",
    "dynamodb": "list_tables",
    "iam": "list_roles",
    "lambda": "list_functions",
    "s3": "list_buckets",
    "sagemaker": "list_training_jobs",
    "sns": "list_topics",
    "sqs": "list_queues",
    "ssm": "describe_parameters",
    "stepfunctions": "list_state_machines",
}


@contextmanager
def moto_server() -> Iterator[tuple[int, str]]:
    """Run moto's own server; its process, and its address."""
    command = [str(Path(sys.executable).with_name("moto_server")), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            yield process.pid, next(found[0] for line in process.stderr if (found := re.search(r"http://\S+", line)))
        finally:
            process.terminate()


def measure_engine() -> Iterator[Result]:
    """Measure local/ until it has answered a call of ten services, against moto's own server."""

    def use(process: int, address: str, key: str = "any") -> tuple[float, float]:
        for service, operation in LISTS.items():
            session: Any = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key="local")
            getattr(session.client(service, region_name="us-east-1", endpoint_url=address), operation)()
        return read_cpu(process), read_memory(process)

    pairs = []
    for _ in range(4):
        with tempfile.TemporaryDirectory() as folder, running_engine(Path(folder)) as engine, moto_server() as moto:
            used = use(engine.process.pid, engine.endpoint_url, engine.owner)
            pairs.append((used, use(*moto)))
    for index, name in enumerate(("processor time of local/ at its start", "memory of local/ at its start")):
        ours, theirs = (sorted(pair[side][index] for pair in pairs[1:])[1] for side in (0, 1))
        yield Result(name, round(ours / theirs, 2), "times", 1.5, "moto_server")


def measure_builds() -> Iterator[Result]:
    """Measure many builds in a row on a laptop, and a burst of messages."""
    with tempfile.TemporaryDirectory() as folder, running_engine(Path(folder), "--time-scale", "40") as engine:
        stack, process = deploy(engine), engine.process.pid
        stack.build()
        calls = _count_calls(engine)
        cpu, memory = [read_cpu(process)], [read_memory(process)]
        for _ in range(BUILDS):
            stack.build()
            cpu.append(read_cpu(process))
            memory.append(read_memory(process))
        yield Result("a build: processor time of local/", round((cpu[-1] - cpu[0]) / BUILDS, 2), "s", 2.0)
        slower = (cpu[-1] - cpu[-11]) / (cpu[10] - cpu[0])
        name = f"the last ten of {BUILDS} builds: processor time of local/"
        yield Result(name, round(slower, 2), "times", 1.15, "the first ten")
        # The first half fills caches.
        kept = (memory[-1] - memory[BUILDS // 2]) / (BUILDS - BUILDS // 2)
        yield Result("a build: memory that local/ keeps", round(kept, 2), "MB")
        yield Result("a build: calls of AWS", (_count_calls(engine) - calls) / BUILDS, "calls")
        yield from _measure_burst(stack)


def _count_calls(engine: Engine) -> int:
    return sum(call["count"] for call in engine.read_audit()["calls"])


def _measure_burst(stack: DeployedStack) -> Iterator[Result]:
    """Send many uploads at once; they become one build that runs, and one that is pending."""
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    resources = stack.client("cloudformation")
    queue = resources.describe_stack_resource(StackName=stack.name, LogicalResourceId="LaunchQueue")
    url, first = queue["StackResourceDetail"]["PhysicalResourceId"], stack.last_number() + 1
    detail = {"bucket": {"name": stack.outputs["DataBucket"]}, "object": {"size": 5}}
    event = {"detail-type": "Object Created", "source": "aws.s3"}
    started, before = time.monotonic(), read_cpu(stack.engine.process.pid)
    for start in range(0, MESSAGES, 10):
        bodies = [
            event | {"id": f"burst-{number}", "detail": detail | {"object": {"key": f"train/{number}", "size": 5}}}
            for number in range(start, start + 10)
        ]
        entries = [{"Id": str(place), "MessageBody": json.dumps(body)} for place, body in enumerate(bodies)]
        stack.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)

    def count() -> int:
        lock = stack.read_lock()
        record = stack.record(first)
        return int(record.get("requests", 0)) + int((lock.get("pending") or {}).get("count", 0))

    wait_for(lambda: count() >= MESSAGES)
    yield Result(f"{MESSAGES} uploads at once", round(time.monotonic() - started, 1), "s")
    cpu = read_cpu(stack.engine.process.pid) - before
    yield Result(f"{MESSAGES} uploads at once: processor time of local/", round(cpu, 1), "s")
    yield Result(f"{MESSAGES} uploads at once: builds", stack.last_number() - first + 2, "builds", 2)


def main() -> int:
    """Measure everything; return 1 if a goal is missed."""
    console, results = Console(), list[Result]()
    for measure in (measure_functions, measure_command_line, measure_engine, measure_builds):
        for result in measure():
            results.append(result)
            console.print(f"{result.name}: {result.value:g} {result.unit}", highlight=False)
    table = Table("what", "value", "goal", "compared with")
    for result in results:
        goal = "" if result.goal is None else f"{result.goal:g}"
        style = "red" if result.is_missed else ""
        table.add_row(result.name, f"{result.value:g} {result.unit}", goal, result.compared_with, style=style)
    console.print(table)
    RESULTS.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")
    return int(any(result.is_missed for result in results))


if __name__ == "__main__":
    sys.exit(main())
