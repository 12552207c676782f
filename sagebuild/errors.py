"""Everything that sagebuild refuses or fails on purpose; the state machine and the skill match these names."""


class SagebuildError(Exception):
    """Any error that sagebuild raises on purpose."""


class MissingSettingError(SagebuildError):
    """The environment lacks a variable that the deployment should have set."""


class AwsUnavailableError(SagebuildError):
    """AWS throttled the call, did not answer in time, or failed on its side: the same call may succeed later."""

    # An attribute and not a class of its own: the state machine retries by this one name.
    throttled = False


class ParameterError(SagebuildError):
    """The parameter document asks for something that cannot be built."""


class InvalidValueError(ParameterError):
    """A value that somebody wants to give a parameter does not fit, while the document as it is does."""


class MalformedMessageError(SagebuildError):
    """A message of the launch queue that nobody can read as a request for a build."""


class ImageNotFoundError(ParameterError):
    """No container image exists for what was asked."""


class PreflightError(SagebuildError):
    """Something that the build needs is not there, found before anything paid has started."""


class HookError(SagebuildError):
    """A person's own function failed, or returned a request that the build cannot make."""


class SourceError(SagebuildError):
    """A folder or a git checkout cannot be made into a source archive."""


class NoBuildsError(SagebuildError):
    """No build was ever started in this stack."""


class NoBuildRunningError(SagebuildError):
    """There is no running build to act on."""


class BuildNotFoundError(SagebuildError):
    """The number belongs to no build of this stack."""


class StillRunningError(SagebuildError):
    """Something that was told to stop has not confirmed it in the time given."""


class StackNotFoundError(SagebuildError):
    """CloudFormation knows no such stack in this account and region, or it is none of sagebuild's."""


class CredentialsError(SagebuildError):
    """There are no AWS credentials, or AWS does not take them."""


class RegionError(SagebuildError):
    """It is not said in which AWS region to look, or nothing answers there."""


class AccessDeniedError(SagebuildError):
    """The person's credentials do not allow the call."""


class NotConfirmedError(SagebuildError):
    """Something was asked for, and did not show in the time given."""


class EndpointError(SagebuildError):
    """There is no endpoint that could answer, or its model failed to."""


class InputError(SagebuildError):
    """What a person handed in cannot be used."""


class SmokeTestError(SagebuildError):
    """The live endpoint did not answer the sample request as it was asked to."""


class RollbackError(SagebuildError):
    """A rollback was asked for that cannot be done."""


class NotGoodBuildError(RollbackError):
    """The build to roll back to did not leave the endpoint with its model."""


class ModelGoneError(RollbackError):
    """The model or the endpoint configuration to roll back to was deleted."""


class AlreadyLiveError(RollbackError):
    """The endpoint serves already what a rollback would make it serve."""


class NoApprovalPendingError(SagebuildError):
    """No build waits for an answer, or not that one, or somebody has answered already."""


class BuildRunningError(SagebuildError):
    """A build runs, and what was asked for does not wait for its end."""
