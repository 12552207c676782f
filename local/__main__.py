"""``python -m local``: an AWS on this machine."""

import argparse
import signal
import threading
from pathlib import Path

from local import server
from local.config import DEFAULT_PORT, Config


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--data", type=Path, default=Path(".local"))
    parser.add_argument("--time-scale", type=float, default=1.0)
    parser.add_argument("--log-calls", action="store_true")
    given = parser.parse_args()
    settings = server.start(Config(given.host, given.port, given.data, "us-east-1", given.time_scale, given.log_calls))
    print(f"local: AWS at {settings.endpoint_url}", flush=True)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    stopping.wait()
    server.stop()


if __name__ == "__main__":
    main()
