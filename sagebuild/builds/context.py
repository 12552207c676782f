"""The context of one build: the service, the number and the parameters that its requests are built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from sagebuild.builds.lock import read_state
from sagebuild.names import key_git_source, key_hub_model
from sagebuild.parameters.store import read_document
from sagebuild.service import Service

if TYPE_CHECKING:  # the end of a build imports this module, and needs no models
    from sagebuild.parameters import BuildParameters

P_co = TypeVar("P_co", bound="BuildParameters", covariant=True)
Kind = TypeVar("Kind", bound="BuildParameters")


@dataclass(frozen=True)
class StepFacts:
    """What the plan finds out about the processing and evaluation jobs of a build.

    Parameters
    ----------
    images
        The address of each job's image, by the job's name; without those that were not found.
    reused
        The jobs that do not run, each with the number of the build whose outputs are used instead.
    keys
        What identifies each job's inputs, by the job's name; only for jobs whose outputs can be reused.
    live_artifacts
        The S3 address of the live model, if it is evaluated, too; otherwise empty.
    """

    images: Mapping[str, str] = field(default_factory=dict)
    reused: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    live_artifacts: str = ""


@dataclass(frozen=True)
class BuildContext(Generic[P_co]):
    """One build of one stack.

    Parameters
    ----------
    number
        The build's number, from which the names of its resources derive. The doctor and the cost estimate use the
        next number.
    parameters
        The validated document with the build's overrides.
    steps
        Facts about the processing and evaluation jobs, once they are known.
    """

    service: Service
    number: int
    parameters: P_co
    steps: StepFacts = StepFacts()

    def __post_init__(self) -> None:
        """Let what the build fetches from git or the hub take the place of trainsourcefile or ModelArtifacts."""
        if getattr(self.parameters, "git_config", None):
            source = {"trainsourcefile": key_git_source(self.service, self.number)}
            object.__setattr__(self, "parameters", self.parameters.model_copy(update=source))
        if getattr(self.parameters, "hubsecret", None):
            bucket = self.service.settings.model_bucket
            copy = {"ModelArtifacts": f"s3://{bucket}/{key_hub_model(self.service, self.number)}"}
            object.__setattr__(self, "parameters", self.parameters.model_copy(update=copy))

    def narrow(self, kind: type[Kind]) -> BuildContext[Kind] | None:
        """Return the same context, typed for a framework's own parameters; None for another framework's."""
        return cast("BuildContext[Kind]", self) if isinstance(self.parameters, kind) else None


def describe_next(service: Service, parameters: BuildParameters | None = None) -> BuildContext[BuildParameters]:
    """Return the context of the next build.

    Parameters
    ----------
    parameters
        The parameters; default: those of the parameter document.

    Raises
    ------
    ParameterError
        The parameter document is invalid.
    """
    if parameters is None:
        from sagebuild.parameters import parse_document

        parameters = parse_document(read_document(service), default_framework=service.settings.framework)
    return BuildContext(service, read_state(service).last_number + 1, parameters)
