"""The context of one build: what its requests are written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from sagebuild.builds.lock import read_state
from sagebuild.parameters import BuildParameters, parse_document
from sagebuild.parameters.store import read_document
from sagebuild.service import Service

P_co = TypeVar("P_co", bound=BuildParameters, covariant=True)
Kind = TypeVar("Kind", bound=BuildParameters)


@dataclass(frozen=True)
class BuildContext(Generic[P_co]):
    """One build of one stack.

    Parameters
    ----------
    number
        The build's number, from which the names of its resources derive. The doctor and the estimate of a build that
        is not launched yet take the next one.
    parameters
        The document and the build's overrides, checked.
    """

    service: Service
    number: int
    parameters: P_co

    def narrow(self, kind: type[Kind]) -> BuildContext[Kind] | None:
        """The same context, typed for a framework's own parameters; None when they are another framework's."""
        return cast("BuildContext[Kind]", self) if isinstance(self.parameters, kind) else None


def describe_next(service: Service, parameters: BuildParameters | None = None) -> BuildContext[BuildParameters]:
    """The context of the build that a request would start now.

    Parameters
    ----------
    parameters
        Its parameters; None reads the parameter document.

    Raises
    ------
    ParameterError
        The document asks for something that cannot be built.
    """
    if parameters is None:
        parameters = parse_document(read_document(service), default_framework=service.settings.framework)
    return BuildContext(service, read_state(service).last_number + 1, parameters)
