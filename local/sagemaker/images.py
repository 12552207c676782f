"""Decides which container images can run here, and with which program."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError

from local import accounts, clients, config, processes
from local.images import StoredImage, folder_of, load
from local.sagemaker import paths
from sagebuild.container import SERVE, TRAIN
from sagebuild.container.frameworks import (
    CODE_IN_MODEL,
    SAVED_MODEL,
    SERVING,
    TRAINING,
    list_responder,
    name_repository,
)

_ALGORITHM = Path(__file__).with_name("container_algorithm.py")
_LANGUAGE_MODEL = Path(__file__).with_name("container_llm.py")

# Containers of engines that serve language models, for which a stand-in answers (container_llm.py).
_LANGUAGE_MODELS = frozenset(
    {
        *("vllm", "sglang", "djl-inference", "huggingface-vllm", "huggingface-sglang"),
        *("huggingface-pytorch-tgi-inference", "tei", "tei-cpu"),
    }
)
# Amazon's algorithms run only on AWS; for some, another package is a stand-in (container_algorithm.py).
ALGORITHMS: dict[str, str | None] = {
    "blazingtext": None,
    "factorization-machines": None,
    "forecasting-deepar": None,
    "image-classification": None,
    "ipinsights": None,
    "kmeans": "sklearn",
    "knn": None,
    "lda": None,
    "linear-learner": "sklearn",
    "ntm": None,
    "object-detection": None,
    "object2vec": None,
    "pca": None,
    "randomcutforest": None,
    "semantic-segmentation": None,
    "seq2seq": None,
    "xgboost": "xgboost",
}
# Framework images that run as an algorithm without a script: sagemaker-xgboost-container, training.py and serving.py.
_WITHOUT_SCRIPT = {"sagemaker-xgboost": "xgboost"}
_OWN = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)(?P<reference>[:@].+)?"
)
_CONTAINER_PORT = 8080  # of a serving container


class UnknownImageError(Exception):
    """The image cannot run on this machine; the message says why."""


@dataclass(frozen=True)
class Runner:
    """The process that runs an image.

    Parameters
    ----------
    command
        The command line.
    folder
        The working directory.
    environment
        The variables that it needs in addition to those of the job or model.
    port
        The port that it serves on; None if the process writes it to the file ``port``.
    docker
        The Docker program and the container's name, if Docker runs it.
    code_in_model
        Whether the image ignores SAGEMAKER_SUBMIT_DIRECTORY.
    """

    command: list[str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int | None = None
    docker: tuple[str, str] | None = None
    code_in_model: bool = False

    def pass_environment(self, names: list[str]) -> list[str]:
        """The command line that passes these environment variables to the program."""
        if not self.docker:
            return self.command
        at = self.command.index("run") + 1
        return [*self.command[:at], *(f"--env={name}" for name in names), *self.command[at:]]

    def end(self) -> None:
        """Remove Docker's container, which outlives its client process."""
        if self.docker:
            program, name = self.docker
            subprocess.run([program, "rm", "--force", name], capture_output=True, check=False)


def training_runner(image: str, base: Path, role_arn: str, has_script: bool) -> Runner:
    """The runner of a training image.

    Parameters
    ----------
    base
        The folder that represents /opt/ml.
    role_arn
        The role that pulls the image.
    has_script
        Whether the job names a script. Without one, some framework images run as a built-in algorithm.

    Raises
    ------
    UnknownImageError
        When the image cannot run here.
    """
    if stored := find_stored(image, role_arn):
        return _run_stored(stored, "train", base, "--network=host")
    if algorithm := _find_algorithm(image, has_script):
        _check_stand_in(algorithm)
        return _run_here(base, _ALGORITHM, algorithm)
    _check(image, TRAINING)
    return _run_here(base, TRAIN)


def processing_runner(
    image: str, base: Path, role_arn: str, *, entrypoint: list[str] | None, arguments: list[str] | None
) -> Runner:
    """The runner of a processing image; like `training_runner`, with the lists of AppSpecification.

    Docker's rules apply: https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-run-image.html
    """
    stored = find_stored(image, role_arn)
    if stored and stored.image.docker_id:
        return _run_in_docker(stored, base, entrypoint, arguments or [])
    if not stored:
        _check(image, TRAINING)
        if not entrypoint:
            raise UnknownImageError(f"local/ needs a ContainerEntrypoint for the image {image}")
    command = [*entrypoint, *(arguments or [])] if entrypoint else stored.default_command(arguments) if stored else []
    if stored:
        command = [stored.locate(part) for part in command]
    # The image's own Python does not run here, whatever its path.
    if command and Path(command[0]).name in ("python", "python3"):
        command[0] = Path(command[0]).name
    environment = stored.run_environment() if stored else {}
    environment = paths.translate(environment, base)
    path = environment.get("PATH") or f"{Path(sys.executable).parent}:{os.defpath}"
    environment |= {"PATH": f"{base / paths.BIN}:{path}", "SAGEMAKER_BASE_DIR": str(base)}
    # Packages that a script installs belong to the job.
    environment["PIP_TARGET"] = str(base / "packages")
    folder = stored.run_folder if stored else base
    return Runner(paths.translate(command, base), folder, environment)


def serving_runner(image: str, base: Path, role_arn: str, port: int, has_script: bool) -> Runner:
    """The runner of an inference image; like `training_runner`, with a free port."""
    if stored := find_stored(image, role_arn):
        return _run_stored(stored, "serve", base, f"--publish=127.0.0.1:{port}:{_CONTAINER_PORT}", port=port)
    repository = name_repository(image)
    if algorithm := _find_algorithm(image, has_script):
        _check_stand_in(algorithm)
        return _run_here(base, SERVE, str(_ALGORITHM), algorithm)
    if repository in _LANGUAGE_MODELS:
        return _run_here(base, _LANGUAGE_MODEL)
    _check(image, SERVING | SAVED_MODEL)
    return _run_here(base, SERVE, *list_responder(repository), code_in_model=repository in CODE_IN_MODEL)


def _run_here(base: Path, program: Path, *arguments: str, code_in_model: bool = False) -> Runner:
    command = [processes.PYTHON, "-P", str(program), str(base), *arguments]
    return Runner(command, base, {"PYTHONPATH": processes.LIBRARIES}, code_in_model=code_in_model)


def _run_in_docker(stored: StoredImage, base: Path, entrypoint: list[str] | None, arguments: list[str]) -> Runner:
    program, name = shutil.which("docker") or "docker", f"local-{uuid.uuid4().hex}"
    options = ["--rm", f"--name={name}", "--network=host", f"--volume={base}:/opt/ml"]
    if entrypoint:
        options += [f"--entrypoint={entrypoint[0]}"]
        arguments = [*entrypoint[1:], *arguments]
    command = [program, "run", *options, stored.image.docker_id, *arguments]
    return Runner(command, base, processes.docker_environment(), None, (program, name))


def _find_algorithm(image: str, has_script: bool) -> str | None:
    """The built-in algorithm that the image runs; None for a container that runs the user's script."""
    repository = name_repository(image)
    return repository if repository in ALGORITHMS else None if has_script else _WITHOUT_SCRIPT.get(repository)


def _check_stand_in(algorithm: str) -> None:
    package = ALGORITHMS[algorithm]
    if not package or not importlib.util.find_spec(package):
        raise UnknownImageError(f"local/ cannot run Amazon's built-in algorithm {algorithm}; it runs on AWS")


def _run_stored(stored: StoredImage, argument: str, base: Path, network: str, port: int | None = None) -> Runner:
    if stored.image.docker_id:
        program, name = shutil.which("docker") or "docker", f"local-{uuid.uuid4().hex}"
        options = ["--rm", f"--name={name}", network, f"--volume={base}:/opt/ml"]
        command = [program, "run", *options, stored.image.docker_id, argument]
        return Runner(command, base, processes.docker_environment(), port, (program, name))
    # These replace /opt/ml and port 8080 of a container.
    variables = {"SAGEMAKER_BASE_DIR": str(base)}
    if port:
        variables |= {"SAGEMAKER_BIND_TO_PORT": str(port), "PORT": str(port)}
    command, environment = stored.run_command(argument), stored.run_environment()
    if not shutil.which(command[0], path=environment["PATH"]):
        raise UnknownImageError(f"The image has no program {command[0]} on its PATH and no valid ENTRYPOINT")
    return Runner(command, stored.run_folder, environment | variables, port)


def find_stored(image: str, role_arn: str | None) -> StoredImage | None:
    """The stored image; None for an image outside this account's ECR.

    Raises
    ------
    UnknownImageError
        When it does not exist, or the role may not pull it.
    """
    address = _OWN.fullmatch(image)
    if not address or address["account"] != accounts.current():
        return None
    reference = address["reference"] or ":latest"
    wanted = {"imageDigest" if reference.startswith("@") else "imageTag": reference[1:]}
    try:
        ecr = clients.client("ecr", address["region"], role_arn)
        found = ecr.batch_get_image(repositoryName=address["name"], imageIds=[wanted])["images"]
    except ClientError as error:
        raise UnknownImageError(f"{image}: {error.response['Error']['Message']}") from error
    stored = load(folder_of(config.current().data / "images", found[0]["imageId"]["imageDigest"])) if found else None
    if not stored:
        raise UnknownImageError(f"{image} is not among the images that CodeBuild has built here")
    return stored


def _check(image: str, packages: dict[str, str]) -> None:
    runnable = [repository for repository, package in packages.items() if importlib.util.find_spec(package)]
    if name_repository(image) not in runnable:
        names = ", ".join(runnable) or "none, because no framework is installed"
        raise UnknownImageError(f"local/ cannot run the image {image}; it runs script-mode images: {names}")
