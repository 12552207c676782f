"""Answers the calls of the engine's own clients in their thread: a connection takes longer than most calls."""

import io
from collections.abc import Iterator
from contextvars import Context
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from werkzeug.test import EnvironBuilder, run_wsgi_app

_application: Any = None


def use(application: Any) -> None:
    """Answer with this WSGI application from now on."""
    global _application
    _application = application


def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    """Answer a request of botocore; a handler of its event ``before-send``.

    The application works in a context of its own, as in a thread of the server: without the call and the account for
    which the caller works.
    """
    url = urlsplit(request.url)
    body: Any = request.body or b""
    environ = EnvironBuilder(
        path=url.path,
        base_url=f"{url.scheme}://{url.netloc}",
        query_string=url.query,
        method=request.method,
        headers=[(name, _decode(value)) for name, value in request.headers.items()],
        input_stream=body if hasattr(body, "read") else io.BytesIO(body.encode() if isinstance(body, str) else body),
    ).get_environ()
    pieces, status, headers = Context().run(run_wsgi_app, _application, environ, buffered=True)
    return AWSResponse(
        request.url, int(status.split()[0]), HTTPHeaders.from_pairs(headers.items()), _Content(b"".join(pieces))
    )


def _decode(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


class _Content(io.BytesIO):
    """The body of an answer, with the method of urllib3's answers that botocore calls."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()
