"""The command line, ``python -m local``: an AWS on this machine."""

import argparse
import ipaddress
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn

from local import config, partitions, server
from local.config import CannotStartError, Config
from local.console import print_line
from sagebuild.container import opt_ml

_ABOUT = """\
An AWS on this machine for the Serverless Framework, the AWS CLI, boto3 and notebooks: moto and the features that it
lacks. It deploys CloudFormation stacks, runs uploaded Lambda archives and JSONata state machines, trains and serves
SageMaker models in processes, and delivers EventBridge, SNS and SQS messages.
It needs no account, no Docker and no network. Its state is in memory and is lost when it stops.
"""

_MORE = """\
to use it, in a shell:
  export AWS_ENDPOINT_URL=http://127.0.0.1:{port} AWS_REGION={region} AWS_DEFAULT_REGION={region}
  export AWS_ACCESS_KEY_ID=$(cat {data}/access_key) AWS_SECRET_ACCESS_KEY=local

examples:
  {program}
      real time, port {port}, data in .local
  {program} --time-scale 60 --log-calls
      an hour of waiting takes a minute; one line per call
  {program} --enforce-iam
      refuse calls that a role's policies do not allow
  curl -s http://127.0.0.1:{port}/_local/health
      check that it runs
  alias engine='curl -s -H "X-Local: $AWS_ACCESS_KEY_ID"'
      for the engine's other pages
  engine http://127.0.0.1:{port}/_local/audit
      the calls of each role, and its unused permissions; -X DELETE resets the audit
  engine -X PUT http://127.0.0.1:{port}/_local/faults -d '[{{"call": "sagemaker:CreateModel", "error": "Throttling"}}]'
      inject faults; DELETE removes them

not covered:
  quotas and throttling, eventual consistency, real images, instances and their prices, encryption, VPCs.
  The error for an unsupported call or resource type names it.
"""


def main(arguments: list[str] | None = None, program: str = "python -m local") -> int:
    """Serve until SIGINT or SIGTERM.

    Parameters
    ----------
    arguments
        The options; by default those of the process.
    program
        The command, as the help shows it.

    Returns
    -------
    int
        The exit status: 0 after a signal, 1 when it cannot start, 2 for an invalid option.
    """
    given = _parse(arguments, program)
    stopping, started = threading.Event(), threading.Event()

    def stop(*_: object) -> None:
        stopping.set()
        if not started.is_set():
            raise KeyboardInterrupt  # nothing is served yet, and a start takes seconds

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        settings = server.start(
            Config(
                host=given.host,
                port=given.port,
                data=given.data,
                region=given.region,
                time_scale=given.time_scale,
                log_calls=given.log_calls,
                enforce_iam=given.enforce_iam,
                faults=given.faults,
            )
        )
        started.set()
        _print_settings(settings)
        # Python runs a signal's handler in the main thread. The kernel may interrupt another thread instead, and a wait
        # without a limit would then go on: https://docs.python.org/3/library/signal.html#signals-and-threads
        while not stopping.wait(0.5):
            pass
    except KeyboardInterrupt:
        pass
    except CannotStartError as error:
        print_line(f"local: {error}")
        return 1
    finally:
        started.set()
        server.stop()
    return 0


def _parse(arguments: list[str] | None, program: str) -> argparse.Namespace:
    shown = {
        "program": program,
        "port": config.DEFAULT_PORT,
        "region": config.Config.region,
        "data": config.Config.data,
    }
    parser = argparse.ArgumentParser(
        prog=program,
        description=_ABOUT,
        epilog=_MORE.format(**shown),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("--host", default=config.Config.host, help="loopback address to listen on (default: %(default)s)")
    option(
        "--port",
        type=_port,
        default=config.DEFAULT_PORT,
        help="port to listen on; 0 for a free port (default: %(default)s)",
    )
    option("--data", type=Path, default=config.Config.data, help="the only folder it writes to (default: %(default)s)")
    option("--region", default=config.Config.region, type=_region, help=_REGION)
    option("--time-scale", type=_factor, default=1.0, metavar="FACTOR", help=_TIME_SCALE)
    option("--log-calls", action="store_true", help="print a line per AWS call (default: off)")
    option("--enforce-iam", action="store_true", help=_ENFORCE_IAM)
    option("--faults", type=Path, metavar="FILE", help="inject the faults of this file from the start")
    option("--allow-remote", action="store_true", help=_ALLOW_REMOTE)
    given = parser.parse_args(arguments)
    if not given.allow_remote and not _is_loopback(given.host):
        parser.exit(2, f"local: {given.host} is not a loopback address; {_RISK}, so it needs --allow-remote\n")
    return given


_RISK = "every client of this engine can run code on this machine"
_REGION = "default region; the account is in its partition (default: %(default)s)"
_TIME_SCALE = "speed-up of Wait states and retry delays over real time (default: %(default)g)"
_ENFORCE_IAM = "refuse calls that a role's policies do not allow (default: record and print them)"
_ALLOW_REMOTE = f"also listen on addresses that are not loopback; {_RISK} (default: off)"


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a whole number from 0 to 65535")
    return int(text)


def _region(text: str) -> str:
    if not partitions.knows(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a region; give one such as eu-west-1, cn-north-1")
    return text


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a factor; give a number above 0 (1 is real time)")
    return factor


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except socket.gaierror:
        return False
    return all(ipaddress.ip_address(str(address[0]).split("%")[0]).is_loopback for *_, address in found)


def _print_settings(settings: Config) -> None:
    lines = (
        f"local: AWS at {settings.endpoint_url}",
        f"  export AWS_ENDPOINT_URL={settings.endpoint_url} AWS_REGION={settings.region} \\",
        f"    AWS_DEFAULT_REGION={settings.region} AWS_ACCESS_KEY_ID={settings.access_key} AWS_SECRET_ACCESS_KEY=local",
        f"  data in {settings.data}; Ctrl-C stops it, --help lists the options",
    )
    print_line("\n".join(lines), sys.stdout)
    if reason := opt_ml.explain_absence():
        print_line(f"  programs find SAGEMAKER_BASE_DIR instead of /opt/ml: {reason}", sys.stdout)
    else:
        print_line("  programs find /opt/ml, each its own", sys.stdout)


def run(program: str) -> NoReturn:
    """Run the command line, and end the process."""
    status = main(program=program)
    sys.stdout.flush()
    # Threads that still wait for a Lambda function or an execution must not keep the process alive.
    os._exit(status)


if __name__ == "__main__":
    run("python -m local")
