"""What a section answers: a template with its values, or the error of sagebuild or AWS as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sagebuild.client.aws_errors import translate_error
from sagebuild.errors import SagebuildError


@dataclass(frozen=True)
class Answer:
    """The content of a section.

    Parameters
    ----------
    template
        The name of the template in templates/parts; empty if the section is hidden.
    has_ended
        Whether the content stays as it is, so that the browser need not ask again.
    """

    template: str
    values: Mapping[str, Any]
    has_ended: bool = False
    status: int = 200


HIDDEN = Answer("", {}, has_ended=True, status=204)


def catch_errors(answer: Callable[[], Answer]) -> Answer:
    """Return the answer, or the error as one."""
    try:
        return answer()
    except SagebuildError as error:
        return _describe_error(error)
    except (BotoCoreError, ClientError) as error:
        return _describe_error(translate_error(error) or error)


def _describe_error(error: Exception) -> Answer:
    return Answer("error", {"message": str(error)}, status=409)
