"""The demonstration's port, and its turn in the folder that serverless writes to."""

import io
import socket
import threading

import pytest
from rich.console import Console

from demo.local_aws import DemoError, folder_lock, refuse_busy_port


def test_a_busy_port_is_answered_with_a_command_that_works() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=rf"port {port} is in use.*; run: make local PORT=\d+$") as refused:
            refuse_busy_port(port, "local")
        refuse_busy_port(int(str(refused.value).rpartition("=")[2]), "local")
    refuse_busy_port(port, "local")
    refuse_busy_port(0, "demo")


def test_deployments_from_one_folder_take_turns() -> None:
    events, output = [], io.StringIO()

    def deploy() -> None:
        with folder_lock(Console(file=output)):
            events.append("second")

    with folder_lock(Console(file=io.StringIO())):
        second = threading.Thread(target=deploy)
        second.start()
        while "waiting" not in output.getvalue():
            second.join(0.01)
        events.append("first")
    second.join(10)
    assert events == ["first", "second"]
