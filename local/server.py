"""Starts and stops the engine: moto's server with this package's services."""

import errno
import gc
import logging
import os
import socket
import threading
from dataclasses import replace
from typing import Any

from local import config, data_folder, processes
from local.config import CannotStartError, Config

_FIRST_UNPRIVILEGED = 1024  # below it, only root may listen
_PORTS_TRIED = 100
_GIVE_ADDRESS = "give an address of this machine"


MOTO_NAMES = ("moto.settings.DISABLE_GLOBAL_CORS", "moto.settings.load_iam_aws_managed_policies")

_server: Any = None


def start(settings: Config) -> Config:
    """Serve AWS in the background of this process.

    Returns
    -------
    Config
        The settings, with the actual port and access key.

    Raises
    ------
    CannotStartError
        When the port or the data folder cannot be used, or the file of faults is invalid.
    """
    global _server
    listener = _listen(settings.host, settings.port)
    settings = replace(settings, port=listener.getsockname()[1], data=settings.data.resolve())
    settings = data_folder.prepare(settings)
    config.use(settings)
    _prepare_moto(settings)

    # moto reads its environment at import time, so it is imported only now.
    from werkzeug.serving import make_server

    from local import faults, log, loopback
    from local.routes import RequestHandler, application

    if settings.log_calls:
        log.install()
    install_services()
    if settings.faults:
        try:
            faults.read(settings.faults)
        except faults.FaultError as error:
            raise CannotStartError(str(error)) from error
    served = application()
    loopback.use(served)
    _server = make_server(
        settings.host, settings.port, served, threaded=True, request_handler=RequestHandler, fd=listener.detach()
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
        limits,
        log_events,
        memory,
        messaging,
        parameter_store,
        quotas,
        sagemaker,
        scaling,
        scheduler,
        shortcuts,
        states,
        storage,
        tables,
        validation,
    )

    for service in (
        memory,
        shortcuts,
        accounts,
        faults,
        validation,
        limits,
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
        storage,
        log_events,
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
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise CannotStartError(f"cannot listen on {host} ({error.strerror}); {_GIVE_ADDRESS}") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        is_foreign = error.errno == errno.EADDRNOTAVAIL
        advice = _GIVE_ADDRESS if is_foreign else _find_free_port(family, address)
        raise CannotStartError(f"cannot listen on port {port} of {host} ({error.strerror}); {advice}") from error
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
