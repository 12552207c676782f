"""Routes requests: AWS calls to moto's applications, and ``/_local`` to the engine's own pages."""

from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, jsonify, request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug import Response

from local import accounts, audit, calls, config, faults, hub
from sagebuild.container import opt_ml

PREFIX = "/_local"
# A web page can send a request without an Origin, such as that of an image. Such a request has no header of the page's
# choice, and the page does not know the key: https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header
HEADER = "X-Local"
HEALTH = f"{PREFIX}/health"

MOTO_NAMES = (
    "moto.moto_server.werkzeug_app.DomainDispatcherApplication.get_application",
    "moto.moto_server.werkzeug_app.DomainDispatcherApplication.get_backend_for_host",
    "moto.moto_server.werkzeug_app.MotoRequestHandler",
    "moto.moto_server.werkzeug_app.create_backend_app",
)


class RequestHandler(MotoRequestHandler):  # type: ignore[misc]
    """Disables Nagle's algorithm, which delays the body until the client acknowledges the headers."""

    disable_nagle_algorithm = True


class _Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]
    """moto's dispatcher, with the engine's own pages first."""

    def __init__(self) -> None:
        super().__init__(_service_application)
        self._own = _own_application()
        # moto reads its own folder at each call.
        self.get_backend_for_host = lru_cache(1000)(super().get_backend_for_host)

    def get_application(self, environ: dict[str, Any]) -> Any:
        """The application that answers this request."""
        if "HTTP_ORIGIN" in environ:
            # Only browsers send an Origin. A web page must not call an AWS that runs code.
            return Response("local/ refuses requests from web pages.\n", 403)
        if not _is_own_host(str(environ.get("HTTP_HOST", ""))):
            # A web page can point a name of its own at this machine (DNS rebinding); such a request has no Origin.
            return Response("local/ answers to the host localhost, to names below it, and to IP addresses.\n", 403)
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(PREFIX + "/"):
            if not _may_read(path, environ):
                return Response(f"local/ needs its access key here, in the header {HEADER}.\n", 403)
            return self._own
        if path.endswith("/invocations-response-stream"):
            # moto finds the runtime of SageMaker by a path that ends with "invocations".
            environ = environ | {"PATH_INFO": path.removesuffix("-response-stream")}
        # Not a copy for other paths: where moto reads a form to find its service, it puts the form back.
        return super().get_application(environ)


def _may_read(path: str, environ: dict[str, Any]) -> bool:
    """Whether a request has the key that the engine's own pages need; False for a missing or wrong one.

    Health needs none. The stand-in for the hub needs the header Authorization, which a web page cannot send either.
    """
    is_open = path.startswith(f"{hub.PREFIX}/") or (path == HEALTH and environ.get("REQUEST_METHOD") in ("GET", "HEAD"))
    return is_open or accounts.owned_by(str(environ.get("HTTP_X_LOCAL", ""))) is not None


def _is_own_host(header: str) -> bool:
    """Whether a Host header names this machine: an IP address, localhost, or the engine's own host.

    S3's virtual hosts are names below these, such as bucket.localhost. False for every other name.
    """
    try:
        host = urlsplit(f"//{header}").hostname or ""
    except ValueError:  # a broken IPv6 address
        return False
    with suppress(ValueError):
        return bool(ip_address(host))
    own = {"localhost", config.current().host}
    return host in own or host.endswith(tuple(f".{name}" for name in own))


def application() -> Any:
    """The engine's WSGI application."""
    return _Dispatcher()


def _service_application(moto_service: str) -> Flask:
    app: Flask = create_backend_app(moto_service)
    calls.watch(app, moto_service)
    return app


def _own_application() -> Flask:
    app = Flask("local")

    @app.get(HEALTH)
    def health() -> Any:
        now = config.current()
        return jsonify(
            status="ok",
            endpoint=now.endpoint_url,
            region=now.region,
            time_scale=now.time_scale,
            opt_ml=not opt_ml.explain_absence(),
        )

    app.register_blueprint(hub.pages, url_prefix=hub.PREFIX)

    @app.get(f"{PREFIX}/audit")
    def read_audit() -> Any:
        return jsonify(calls=audit.calls_made(), unused=audit.unused_grants())

    @app.delete(f"{PREFIX}/audit")
    def clear_audit() -> Any:
        audit.clear()
        return "", 204

    @app.get(f"{PREFIX}/faults")
    def read_faults() -> Any:
        return jsonify(faults.described())

    @app.put(f"{PREFIX}/faults")
    def replace_faults() -> Any:
        try:
            faults.replace(request.get_json(force=True))
        except faults.FaultError as error:
            return jsonify(message=str(error)), 400
        return "", 204

    @app.delete(f"{PREFIX}/faults")
    def clear_faults() -> Any:
        faults.replace([])
        return "", 204

    return app
