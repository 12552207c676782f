"""Runs the demonstration; ``--stay`` only deploys the service and leaves it running."""

import argparse
import os
import signal
import sys
import threading
import time

from demo.local_aws import DemoError, open_notebooks, refuse_busy_port, running_aws, serving_page
from demo.walkthrough import Demo
from sagebuild.cli.console import make_console

TIME_SCALE = 30  # an endpoint is polled every second instead of every half minute
LOCAL_PORT = 4577


def main() -> int:
    """Run the demonstration; return 0 if every step succeeded."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="leave the deployed service running, until Ctrl-C")
    parser.add_argument("--notebook", action="store_true", help="deploy, and open the notebooks in JupyterLab")
    parser.add_argument("--port", type=_port, help=f"port of the AWS; default: a free one, or {LOCAL_PORT} if it stays")
    given = parser.parse_args()
    stay = given.stay or given.notebook
    target = "notebook" if given.notebook else "local" if stay else "demo"
    port = given.port if given.port is not None else LOCAL_PORT if stay else 0
    console = make_console(soft_wrap=not sys.stdout.isatty())
    began = time.monotonic()
    step = "Start an AWS on this machine"
    console.print(f"[bold]{step}[/bold]")
    try:
        refuse_busy_port(port, target)
        with running_aws(port, TIME_SCALE) as aws:
            os.environ.update(aws.variables)
            demo = Demo(aws, console)
            console.print(f"  {aws.endpoint_url} [dim]{time.monotonic() - began:.1f} s[/dim]")
            if given.notebook:
                demo.deploy()
                with serving_page(aws) as address:
                    console.print(f"\nThe page of builds is at {address}", highlight=False, soft_wrap=True)
                    open_notebooks(aws)
                return 0
            if stay:
                stay_up(demo)
                return 0
            try:
                demo.run()
            finally:
                step = demo.step
    except DemoError as error:
        console.print(f'demo: failed at "{step}": {error}', style="red", markup=False)
        return 1
    console.print(f"\ndemo: passed in {time.monotonic() - began:.0f} s")
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a whole number from 0 to 65535")
    return int(text)


def stay_up(demo: Demo) -> None:
    """Deploy, upload, print what to type next, and wait for Ctrl-C."""
    demo.deploy()
    demo.upload()
    with serving_page(demo.aws) as address:
        show_next_steps(demo, address)
        done = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: done.set())
        done.wait()


def show_next_steps(demo: Demo, address: str) -> None:
    """Print what to open and what to type next."""
    exports = "\n".join(f"  export {name}={value}" for name, value in demo.aws.variables.items())
    demo.console.print(
        f"\nThe service is running. The page of builds is at\n  {address}\nIn another terminal:\n{exports}\n"
        "  .venv/bin/sagebuild start --watch\n"
        "  .venv/bin/sagebuild params set hyperparameters.epochs=5\n"
        "  .venv/bin/sagebuild --help\n"
        f"  aws sns publish --topic-arn {demo.outputs['LaunchTopicArn']} --message build\n"
        "  npx serverless info\n"
        "Ctrl-C stops the service and deletes its data.",
        highlight=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main())
