"""Decides which container images can run here, and with which program."""

import importlib.util
import re
from pathlib import Path

from botocore.exceptions import ClientError

from local import accounts, clients, config
from local.images import StoredImage, folder_of, load
from local.sagemaker.runners import Runner, run_command, run_in_docker, run_program, run_stored
from sagebuild.container import SERVE, TRAIN
from sagebuild.container.frameworks import (
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


class UnknownImageError(Exception):
    """The image cannot run on this machine; the message says why."""


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
        return _run_stored(stored, "train", base)
    if algorithm := _find_algorithm(image, has_script):
        _check_stand_in(algorithm)
        return run_program(base, _ALGORITHM, algorithm)
    _check(image, TRAINING)
    return run_program(base, TRAIN, image=image)


def processing_runner(
    image: str, base: Path, role_arn: str, *, entrypoint: list[str] | None, arguments: list[str] | None
) -> Runner:
    """The runner of a processing image; like `training_runner`, with the lists of AppSpecification.

    Docker's rules apply: https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-run-image.html
    """
    stored = find_stored(image, role_arn)
    if stored and stored.image.docker_id:
        options = ["--network=host", *([f"--entrypoint={entrypoint[0]}"] if entrypoint else [])]
        return run_in_docker(stored, base, options, [*(entrypoint or [])[1:], *(arguments or [])])
    if not stored:
        _check(image, TRAINING)
    command = [*entrypoint, *(arguments or [])] if entrypoint else stored.default_command(arguments) if stored else []
    if not command:
        raise UnknownImageError(f"local/ needs a ContainerEntrypoint for the image {image}")
    return run_command(stored, command, base, "" if stored else image)


def serving_runner(image: str, base: Path, role_arn: str, port: int, has_script: bool) -> Runner:
    """The runner of an inference image; like `training_runner`, with a free port."""
    if stored := find_stored(image, role_arn):
        return _run_stored(stored, "serve", base, port)
    repository = name_repository(image)
    if algorithm := _find_algorithm(image, has_script):
        _check_stand_in(algorithm)
        return run_program(base, SERVE, str(_ALGORITHM), algorithm)
    if repository in _LANGUAGE_MODELS:
        return run_program(base, _LANGUAGE_MODEL)
    _check(image, SERVING | SAVED_MODEL)
    return run_program(base, SERVE, *list_responder(repository), image=image)


def _find_algorithm(image: str, has_script: bool) -> str | None:
    """The built-in algorithm that the image runs; None for a container that runs the user's script."""
    repository = name_repository(image)
    return repository if repository in ALGORITHMS else None if has_script else _WITHOUT_SCRIPT.get(repository)


def _check_stand_in(algorithm: str) -> None:
    package = ALGORITHMS[algorithm]
    if not package or not importlib.util.find_spec(package):
        raise UnknownImageError(f"local/ cannot run Amazon's built-in algorithm {algorithm}; it runs on AWS")


def _run_stored(stored: StoredImage, argument: str, base: Path, port: int | None = None) -> Runner:
    runner = run_stored(stored, argument, base, port)
    if not runner.docker and not runner.find_program(runner.environment["PATH"]):
        raise UnknownImageError(f"The image has no program {runner.command[0]} on its PATH and no valid ENTRYPOINT")
    return runner


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
