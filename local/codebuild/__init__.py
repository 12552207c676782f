"""CodeBuild: builds whose commands run on this machine, with a stand-in for Docker where there is none."""

MOTO_NAMES = (
    "moto.codebuild.exceptions.InvalidInputException",
    "moto.codebuild.exceptions.ResourceAlreadyExistsException",
    "moto.codebuild.exceptions.ResourceNotFoundException",
    "moto.codebuild.models.CodeBuildBackend",
    "moto.codebuild.models.codebuild_backends",
    "moto.codebuild.responses.CodeBuildResponse.codebuild_backend",
    "moto.codebuild.responses.CodeBuildResponse.start_build",
    "moto.core.responses.ActionResult",
)


def install() -> None:
    """Put this package in place of what moto has of CodeBuild."""
    # moto reads its environment at import, which the engine sets before it calls this.
    from local.codebuild import backend

    backend.install()
