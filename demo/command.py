"""The command line of the demonstration; ``--stay`` only deploys the service and leaves it running."""

import argparse
import os
import sys
import time

from botocore.exceptions import BotoCoreError, ClientError

from demo.local_aws import DemoError, open_notebooks, refuse_busy_port, running_aws, serving_page
from demo.walkthrough import Demo
from sagebuild.child_process import wait_for_signal
from sagebuild.cli.console import make_console
from sagebuild.deployment.laptop import DEFAULT_PORT
from sagebuild.errors import SagebuildError

_PORT = f"port of the AWS; default: a free one, or {DEFAULT_PORT} if it stays"


def main() -> int:
    """Run the demonstration; return 0 if every step succeeded."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="leave the deployed service running, until Ctrl-C")
    parser.add_argument("--notebook", action="store_true", help="deploy, and open the notebooks in JupyterLab")
    parser.add_argument("--port", type=_port, help=_PORT)
    given = parser.parse_args()
    stay = given.stay or given.notebook
    target = "notebook" if given.notebook else "local" if stay else "demo"
    port = given.port if given.port is not None else DEFAULT_PORT if stay else 0
    console = make_console(soft_wrap=not sys.stdout.isatty())
    began = time.monotonic()
    demo, step = None, "Start an AWS on this machine"
    console.print(f"[bold]{step}[/bold]")
    try:
        refuse_busy_port(port, target)
        with running_aws(port) as aws:
            os.environ.update(aws.variables)
            demo = Demo(aws, console)
            console.print(f"  {aws.endpoint_url} [dim]{time.monotonic() - began:.1f} s[/dim]")
            if given.notebook:
                show_notebooks(demo)
            elif given.stay:
                stay_up(demo)
            else:
                demo.run()
    except (DemoError, SagebuildError, BotoCoreError, ClientError, OSError) as error:
        console.print(f'demo: failed at "{demo.step if demo else step}": {error}', style="red", markup=False)
        return 1
    if not stay:
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
        wait_for_signal()


def show_notebooks(demo: Demo) -> None:
    """Deploy, and open the notebooks until the user ends JupyterLab."""
    demo.deploy()
    with serving_page(demo.aws) as address:
        demo.console.print(f"\nThe page of builds is at {address}", highlight=False, soft_wrap=True)
        open_notebooks(demo.aws)


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
