"""The HTTP client of one serving container: health checks, invocations and execution parameters."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from local.sagemaker.resources import Json

_PING_SECONDS = 60
_PART_BYTES = 64 * 1024


class InvocationError(Exception):
    """A container answered with an error, or did not answer."""

    def __init__(self, message: str, status: int, original: str, log_stream: str) -> None:
        super().__init__(message)
        self.status, self.original, self.log_stream = status, original, log_stream


@dataclass(frozen=True)
class Answer:
    """A container's answer to one request."""

    headers: dict[str, str]
    body: bytes


class ContainerClient:
    """Sends requests to a container on this machine.

    Parameters
    ----------
    name
        The container's name in errors.
    log_stream
        The log stream that errors name.
    """

    def __init__(self, name: str, log_stream: str) -> None:
        self._name, self._log_stream = name, log_stream
        self.port = 0  # of this machine; 0 while it is unknown

    def stream(
        self, headers: dict[str, str], body: bytes, limit_seconds: float
    ) -> tuple[dict[str, str], Iterator[bytes]]:
        """Send a request to the container; return the headers of the answer, and its parts as they come.

        Raises
        ------
        InvocationError
            When the container answers with an error, or not in time; also while the parts are read.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit_seconds)
        try:
            with self._translated_errors():
                connection.request("POST", "/invocations", body, headers)
                response = connection.getresponse()
                original = response.read().decode(errors="replace") if response.status >= 400 else ""
            if response.status >= 400:
                side = "client" if response.status < 500 else "server"
                message = f'Received {side} error ({response.status}) from {self._name} with message "{original}".'
                raise InvocationError(message, response.status, original, self._log_stream)
        except InvocationError:
            connection.close()
            raise
        return dict(response.getheaders()), self._read_parts(connection, response)

    def _read_parts(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> Iterator[bytes]:
        try:
            with self._translated_errors():
                while part := response.read1(_PART_BYTES):
                    yield part
        finally:
            connection.close()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        name, stream = self._name, self._log_stream
        try:
            yield
        except TimeoutError:
            message = f"Invocation timed out while waiting for a response from container {name}"
            raise InvocationError(message, 0, message, stream) from None
        except (OSError, http.client.HTTPException) as error:
            message = f"The container {name} does not answer: {error}"
            raise InvocationError(message, 500, message, stream) from error

    def read_parameters(self) -> Json:
        """The container's answer to /execution-parameters, or {} if it has none.

        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PING_SECONDS)
        try:
            connection.request("GET", "/execution-parameters")
            response = connection.getresponse()
            answer = json.loads(response.read()) if response.status == http.HTTPStatus.OK else {}
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        finally:
            connection.close()
        return answer if isinstance(answer, dict) else {}

    def answers_ping(self) -> bool:
        """False while the container does not answer its health check."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PING_SECONDS)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
