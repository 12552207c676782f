"""Starts and stops the engine: moto's server with this package's services in place of what moto lacks."""

import logging
import os
import socket
from dataclasses import replace

from local import config, processes
from local.config import Config


def start(settings: Config) -> Config:
    """Serve AWS in this process, in the background.

    Returns
    -------
    Config
        The settings, with the port that was taken.
    """
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    port = settings.port or _free_port(settings.host)
    os.environ["MOTO_PORT"] = str(port)
    settings = replace(settings, port=port, data=settings.data.resolve())
    settings.data.mkdir(parents=True, exist_ok=True)
    config.use(settings)

    # moto reads its environment at import, so it is imported only now.
    from moto.server import ThreadedMotoServer

    from local import audit, cloudformation, events, functions, messaging, sagemaker, states, validation

    for service in (validation, audit, functions, messaging, events, states, sagemaker, cloudformation):
        service.install()
    ThreadedMotoServer(settings.host, port, verbose=False).start()
    return settings


def stop() -> None:
    """End everything that the engine started."""
    processes.stop_all()


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
