"""CodeBuild: runs the commands of builds on this machine, with a substitute for Docker if there is none."""

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
    """Replace moto's CodeBuild by this package."""
    # moto reads its environment at import time; the engine sets it before this call.
    from local.codebuild import backend

    backend.install()
