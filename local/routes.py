"""The engine's one web address: AWS calls go to moto's applications, ``/_local`` tells of the engine itself."""

from typing import Any

from flask import Flask, jsonify, request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug import Response

from local import audit, calls, config, faults

PREFIX = "/_local"

MOTO_NAMES = (
    "moto.moto_server.werkzeug_app.DomainDispatcherApplication.get_application",
    "moto.moto_server.werkzeug_app.MotoRequestHandler",
    "moto.moto_server.werkzeug_app.create_backend_app",
)


class RequestHandler(MotoRequestHandler):  # type: ignore[misc]
    """Sends headers and body at once: Nagle's algorithm has the body wait for the client's delayed acknowledgement."""

    disable_nagle_algorithm = True


class _Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]
    """moto's dispatcher, with the engine's own pages before it."""

    def __init__(self) -> None:
        super().__init__(_service_application)
        self._own = _own_application()

    def get_application(self, environ: dict[str, Any]) -> Any:
        """The application that answers this request."""
        if "HTTP_ORIGIN" in environ:
            # Only web pages say where they come from, and none of them has any business here.
            return Response("local/ does not answer web pages.\n", 403)
        if str(environ.get("PATH_INFO", "")).startswith(PREFIX + "/"):
            return self._own
        return super().get_application(environ)


def application() -> Any:
    """The WSGI application of the whole engine."""
    return _Dispatcher()


def _service_application(moto_service: str) -> Flask:
    app: Flask = create_backend_app(moto_service)
    calls.watch(app, moto_service)
    return app


def _own_application() -> Flask:
    app = Flask("local")

    @app.get(f"{PREFIX}/health")
    def health() -> Any:
        now = config.current()
        return jsonify(status="ok", endpoint=now.endpoint_url, region=now.region, time_scale=now.time_scale)

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
