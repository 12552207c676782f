"""The answer of a script's output_fn."""

import warnings
from typing import Any

from .content_types import JSON


class AnswerError(Exception):
    """A script answers with the status of an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Response(tuple[Any, str]):
    """A script's answer and its content type, as a script may also return them."""

    def __new__(
        cls,
        response: Any = None,
        accept: Any = None,
        status: int = 200,
        headers: Any = None,
        mimetype: str | None = None,
    ) -> "Response":
        """Make the answer; as in the package, ``mimetype`` gives its content type, not ``accept``."""
        if accept:
            warnings.warn("worker.Response ignores accept; use mimetype", DeprecationWarning, stacklevel=2)
        if headers:
            raise ValueError("This stand-in for worker.Response sends no headers.")
        if status >= 400:
            raise AnswerError(status, response.decode() if isinstance(response, bytes) else str(response))
        return super().__new__(cls, ("" if response is None else response, mimetype or JSON))
