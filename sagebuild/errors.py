"""The errors that sagebuild raises on purpose; the state machine and the skill match their names."""

from collections.abc import Sequence


class SagebuildError(Exception):
    """Any error that sagebuild raises on purpose."""


class MissingSettingError(SagebuildError):
    """An environment variable that the deployment sets is missing."""


class AwsUnavailableError(SagebuildError):
    """AWS throttled the call, did not answer in time, or had an internal failure: the same call may succeed later."""

    # An attribute instead of a subclass: the state machine retries by this one name.
    throttled = False


class ParameterError(SagebuildError):
    """The parameter document is invalid, or asks for a build that is impossible."""


class InvalidValueError(ParameterError):
    """The proposed value is invalid; the stored document is valid."""


class MalformedMessageError(SagebuildError):
    """A message of the launch queue is not a request for a build."""


class ImageNotFoundError(ParameterError):
    """No container image exists for the requested framework, version or algorithm."""


class PreflightError(SagebuildError):
    """The build lacks something that it needs; raised before anything paid starts."""


class ModelChangedError(SagebuildError):
    """A file of the model differs from the one that was trained or recorded."""


class ModelTooLargeError(SagebuildError):
    """The model has more data than a function can copy in its time."""


class HookError(SagebuildError):
    """A hook function failed, or returned a request that the build cannot send."""


class NoBuildsError(SagebuildError):
    """This stack has never started a build."""


class NoBuildRunningError(SagebuildError):
    """No build is running."""


class BuildNotFoundError(SagebuildError):
    """No build of this stack has that number."""


class StillRunningError(SagebuildError):
    """A job or resource did not end within the wait."""


class StackNotFoundError(SagebuildError):
    """This account and region have no such stack, or sagebuild did not deploy it."""


class DeploymentError(SagebuildError):
    """CloudFormation did not create, update or delete the stack of the service."""


class PipelineNotFoundError(SagebuildError):
    """The stack has no pipeline with that name."""


class PipelineNameError(SagebuildError):
    """No pipeline can have this name, or another one has it."""


class CredentialsError(SagebuildError):
    """AWS credentials are missing or invalid."""


class RegionError(SagebuildError):
    """No AWS region is configured, or its endpoint does not answer."""


class AccessDeniedError(SagebuildError):
    """The user's credentials do not allow the call."""


class NotConfirmedError(SagebuildError):
    """A request was sent, but its effect was not confirmed within the wait."""


class EndpointError(SagebuildError):
    """No endpoint is in service, or its model failed to answer."""


class InputError(SagebuildError):
    """The user's input cannot be used."""


class OfflineError(SagebuildError):
    """A check needs AWS, and is made without a stack."""


class ProjectFileError(InputError):
    """The project file of a folder is missing or invalid; ``problems`` has one entry for each problem."""

    def __init__(self, problems: Sequence[object]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class ConflictError(InputError):
    """The parameter document was changed after the last apply of a project."""


class RunError(SagebuildError):
    """The training script of a project failed on this machine."""


class ParameterNotFoundError(InputError, KeyError):
    """The parameter document has no value with that name."""

    __str__ = Exception.__str__  # KeyError shows its message in quotation marks


class SmokeTestError(SagebuildError):
    """The live endpoint's answer to the sample request is not the expected one."""


class EvaluationError(SagebuildError):
    """The evaluation job wrote no report, or one without numbers."""


class RollbackError(SagebuildError):
    """The requested rollback is impossible."""


class NotGoodBuildError(RollbackError):
    """The rollback's target did not deploy its model."""


class ModelGoneError(RollbackError):
    """The model or endpoint configuration of the rollback's target was deleted."""


class AlreadyLiveError(RollbackError):
    """The endpoint already serves the rollback's target."""


class PromotionError(SagebuildError):
    """A build cannot be promoted, or not to that stack."""


class NoApprovalPendingError(SagebuildError):
    """No build waits for approval, the given one does not, or it already has an answer."""


class BuildRunningError(SagebuildError):
    """A build is running, and the request cannot wait for its end."""
