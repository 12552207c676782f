"""``python -m local``: an AWS on this machine."""

import argparse
import ipaddress
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from local import config, server
from local.config import Config

_ABOUT = """\
An AWS on this machine, for the Serverless Framework, the AWS CLI, boto3 and notebooks: moto, plus what moto lacks.
It deploys CloudFormation stacks, runs the Lambda archives that were really uploaded, Step Functions machines in
JSONata, SageMaker trainings as processes and endpoints that answer, and delivers EventBridge, SNS and SQS.
No account, no Docker, no network; what it holds is gone when it ends.
"""

_MORE = """\
in the shell that is to talk to it:
  export AWS_ENDPOINT_URL=http://127.0.0.1:{port} AWS_REGION={region} AWS_DEFAULT_REGION={region}
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local

examples:
  python -m local                                    real time, port {port}, data in .local
  python -m local --time-scale 60 --log-calls        an hour of waiting in a minute, a line per call
  python -m local --enforce-iam                      roles may do only what their policies allow
  curl -s http://127.0.0.1:{port}/_local/health         is it up
  curl -s http://127.0.0.1:{port}/_local/audit          what each role did, was not allowed to do, and never needed
  curl -sX DELETE http://127.0.0.1:{port}/_local/audit  begin the audit anew
  curl -sX PUT http://127.0.0.1:{port}/_local/faults -d '[{{"call": "sagemaker:CreateModel", "error": "Throttling"}}]'
                                                     make AWS fail; DELETE ends it, local/README.md explains it

what a pass here does not prove:
  quotas and throttling, eventual consistency, real images, instances and their prices, KMS, VPCs, trust policies and
  resource policies, traffic shifting with guardrails. An unsupported call or resource type fails and says its name.
"""


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop.

    Returns
    -------
    int
        The exit status: 0 when told to stop, 1 when it cannot start, 2 when it was asked for something wrong.
    """
    given = _parse(arguments)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        settings = server.start(
            Config(
                host=given.host,
                port=given.port,
                data=given.data,
                time_scale=given.time_scale,
                log_calls=given.log_calls,
                enforce_iam=given.enforce_iam,
                faults=given.faults,
            )
        )
        _greet(settings)
        stopping.wait()
    except server.CannotStartError as error:
        print(f"local: {error}", file=sys.stderr)
        return 1
    finally:
        server.stop()
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    shown = {"port": config.DEFAULT_PORT, "region": config.Config.region}
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description=_ABOUT,
        epilog=_MORE.format(**shown),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("--host", default=config.Config.host, help="address to listen on, loopback only (default: %(default)s)")
    option("--port", type=_port, default=config.DEFAULT_PORT, help="0 takes a free one (default: %(default)s)")
    option("--data", type=Path, default=config.Config.data, help="the one folder it writes to (default: %(default)s)")
    option("--time-scale", type=_factor, default=1.0, metavar="FACTOR", help=_TIME_SCALE)
    option("--log-calls", action="store_true", help="print a line per AWS call (default: off)")
    option("--enforce-iam", action="store_true", help=_ENFORCE_IAM)
    option("--faults", type=Path, metavar="FILE", help="faults that strike from the beginning, see local/README.md")
    option("--allow-remote", action="store_true", help=_ALLOW_REMOTE)
    given = parser.parse_args(arguments)
    if not given.allow_remote and not _is_loopback(given.host):
        parser.exit(2, f"local: {given.host} is not a loopback address; {_RISK}, so that needs --allow-remote\n")
    return given


_RISK = "whoever reaches this engine can run code on this machine"
_TIME_SCALE = "how many times faster than real time Wait states and retry delays pass (default: %(default)g)"
_ENFORCE_IAM = "refuse what a role's policies do not allow (default: only note it in the audit)"
_ALLOW_REMOTE = f"listen on other addresses than loopback; {_RISK} (default: off)"


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a whole number from 0 to 65535 is")
    return int(text)


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no factor: a number above 0 is, 1 is real time")
    return factor


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except socket.gaierror:
        return False
    return all(ipaddress.ip_address(str(address[0]).split("%")[0]).is_loopback for *_, address in found)


def _greet(settings: Config) -> None:
    print(f"local: AWS at {settings.endpoint_url}", flush=True)
    print(f"  export AWS_ENDPOINT_URL={settings.endpoint_url} AWS_REGION={settings.region} \\")
    print(f"    AWS_DEFAULT_REGION={settings.region} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local")
    print(f"  data in {settings.data}, Ctrl-C ends it, --help explains it", flush=True)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Threads that still wait for a Lambda function or an execution must not keep the engine from ending.
    os._exit(status)
