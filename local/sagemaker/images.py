"""The one place that says which container images can be run here, and by which program."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent

# Repository of a SageMaker framework container -> the package without which its scripts cannot run.
_TRAINING = {
    "sagemaker-scikit-learn": "sklearn",
    "sagemaker-xgboost": "xgboost",
    "sagemaker-tensorflow-scriptmode": "tensorflow",
    "tensorflow-training": "tensorflow",
    "sagemaker-pytorch": "torch",
    "pytorch-training": "torch",
    "mxnet-training": "mxnet",
}
# Serving has defaults of its own in every framework's container; only scikit-learn's are followed here.
_SERVING = {"sagemaker-scikit-learn": "sklearn"}


class UnknownImageError(Exception):
    """An image cannot be run on this machine."""


@dataclass(frozen=True)
class Runner:
    """How an image is run here: the program that stands for its entry point."""

    program: Path


def training_runner(image: str) -> Runner:
    """The runner of a training image.

    Raises
    ------
    UnknownImageError
        The image cannot be run here; the message says which can.
    """
    _check(image, _TRAINING)
    return Runner(_HERE / "container_train.py")


def serving_runner(image: str) -> Runner:
    """The runner of an inference image; raises as training_runner does."""
    _check(image, _SERVING)
    return Runner(_HERE / "container_serve.py")


def _check(image: str, packages: dict[str, str]) -> None:
    runnable = [repository for repository, package in packages.items() if importlib.util.find_spec(package)]
    repository = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    if repository not in runnable:
        names = ", ".join(runnable) or "none, as no framework is installed"
        raise UnknownImageError(f"local/ cannot run the image {image}; it runs script-mode images: {names}")
