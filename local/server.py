"""Starts and stops the engine: moto's server with this package's services."""

import fcntl
import gc
import logging
import os
import socket
import threading
from dataclasses import replace
from typing import Any

from local import config, processes
from local.config import Config

_FIRST_UNPRIVILEGED = 1024  # below it, only root may listen
_PORTS_TRIED = 100


class CannotStartError(Exception):
    """The engine cannot start with these settings; the message says why and what to change."""


MOTO_NAMES = ("moto.settings.DISABLE_GLOBAL_CORS", "moto.settings.load_iam_aws_managed_policies")

_server: Any = None
_lock_file: int | None = None


def start(settings: Config) -> Config:
    """Serve AWS in the background of this process.

    Returns
    -------
    Config
        The settings, with the actual port.

    Raises
    ------
    CannotStartError
        When the port or the data folder is in use, or the file of faults is invalid.
    """
    global _server
    listener = _listen(settings.host, settings.port)
    settings = replace(settings, port=listener.getsockname()[1], data=settings.data.resolve())
    settings.data.mkdir(parents=True, exist_ok=True)
    _lock(settings)
    config.use(settings)
    _prepare_moto(settings)

    # moto reads its environment at import time, so it is imported only now.
    from werkzeug.serving import make_server

    from local import faults, log
    from local.routes import RequestHandler, application

    if settings.log_calls:
        log.install()
    install_services()
    if settings.faults:
        try:
            faults.read(settings.faults)
        except faults.FaultError as error:
            raise CannotStartError(str(error)) from error
    _server = make_server(
        settings.host, settings.port, application(), threaded=True, request_handler=RequestHandler, fd=listener.detach()
    )
    gc.freeze()  # modules and service models stay; later collections need not look at them
    threading.Thread(target=_server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    return settings


def install_services() -> None:
    """Replace moto's services by those of this package."""
    from local import (
        accounts,
        alarms,
        audit,
        cloudformation,
        codebuild,
        events,
        faults,
        functions,
        memory,
        messaging,
        parameter_store,
        quotas,
        sagemaker,
        scaling,
        scheduler,
        states,
        tables,
        validation,
    )

    for service in (
        memory,
        accounts,
        faults,
        validation,
        audit,
        functions,
        messaging,
        events,
        scheduler,
        parameter_store,
        alarms,
        states,
        sagemaker,
        codebuild,
        quotas,
        scaling,
        tables,
        cloudformation,
    ):
        service.install()


def stop() -> None:
    """Stop the server and all child processes."""
    if _server:
        _server.shutdown()
    processes.stop_all()


def _prepare_moto(settings: Config) -> None:
    os.environ["MOTO_PORT"] = str(settings.port)
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    # A web page must not call an AWS that runs code.
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        raise CannotStartError(
            f"cannot listen on port {port} of {host} ({error.strerror}); {_find_free_port(family, address)}"
        ) from error
    listener.listen(128)
    return listener


def _find_free_port(family: socket.AddressFamily, address: tuple[Any, ...]) -> str:
    """Return advice that names the option for a free port above the given one."""
    host, port, *rest = address
    first = max(port + 1, _FIRST_UNPRIVILEGED)
    for candidate in range(first, min(first + _PORTS_TRIED, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            try:
                tried.bind((host, candidate, *rest))
            except OSError:
                continue
        return f"port {candidate} is free: --port {candidate}"
    return "use --port 0 for any free port"


def _lock(settings: Config) -> None:
    """Lock the data folder for this process; the operating system releases it when the process ends."""
    global _lock_file
    _lock_file = os.open(settings.data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(_lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(_lock_file, 200).decode().strip()
        raise CannotStartError(
            f"{settings.data} is in use by another engine ({holder}); stop it, or use another folder: "
            f"--data {settings.data}-{settings.port}"
        ) from error
    os.truncate(_lock_file, 0)
    os.write(_lock_file, f"process {os.getpid()}, {settings.endpoint_url}\n".encode())
