"""Assembles the page and runs it on loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sagebuild.page.guard import Guard, make_token
from sagebuild.page.pages import Pages
from sagebuild.page.source import Source

if TYPE_CHECKING:
    from sagebuild.client.stack import Stack

_FOLDER = Path(__file__).parent
HOST = "127.0.0.1"


def create_app(source: Source, token: str, port: int) -> Starlette:
    """Return the application, whose addresses begin with the token."""
    pages = Pages(source, token)
    pipeline = f"/{token}/{{pipeline}}"
    routes = [
        Mount(f"/{token}/-/static", StaticFiles(directory=_FOLDER / "static")),
        Route(f"/{token}/-/plotly.js", pages.plotly),
        Route(f"/{token}/", pages.home),
        Route(f"{pipeline}/{{view}}", pages.page),
        Route(f"{pipeline}/builds/{{number:int}}", pages.build),
        Route(f"{pipeline}/part/{{part}}", pages.part),
        Route(f"{pipeline}/part/{{part}}/{{number:int}}", pages.part),
    ]
    routes += [Route(f"{pipeline}/change/{{verb}}", pages.change, methods=["POST"])]
    return Starlette(routes=routes, middleware=[Middleware(Guard, token=token, port=port)])


def serve(
    open_stack: Callable[[str | None], Stack],
    stack_name: str,
    pipeline_name: str,
    *,
    port: int = 0,
    read_only: bool = False,
    report: Callable[[str], object] = print,
) -> None:
    """Serve the page until it is interrupted.

    Parameters
    ----------
    open_stack
        Returns a stack by its name, and without a name the one to show; called in the background, while the browser
        opens the page.
    port
        Of loopback; 0: a free one.
    report
        Called with the page's address when it can be opened.
    """
    source = Source(open_stack, stack_name, pipeline_name, read_only)
    token = make_token()
    with closing(_listen(port)) as listening:
        port = listening.getsockname()[1]
        app = create_app(source, token, port)
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
        server = uvicorn.Server(config)
        report(f"http://{HOST}:{port}/{token}/")
        Thread(target=source.open_early, daemon=True).start()
        server.run(sockets=[listening])


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((HOST, port))
    listening.listen(64)
    return listening
