"""Which Python package stands for a framework container, in which version, and how its endpoint answers."""

import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

# By repository of a SageMaker framework container: the package that its scripts need.
TRAINING = {
    "sagemaker-scikit-learn": "sklearn",
    "sagemaker-xgboost": "xgboost",
    "sagemaker-tensorflow-scriptmode": "tensorflow",
    "tensorflow-training": "tensorflow",
    "sagemaker-pytorch": "torch",
    "pytorch-training": "torch",
    "huggingface-pytorch-training": "transformers",
    "mxnet-training": "mxnet",
}
# Containers that serve a script; defaults.py has each framework's defaults.
SERVING = {
    "sagemaker-scikit-learn": "sklearn",
    "sagemaker-xgboost": "xgboost",
    "sagemaker-pytorch": "torch",
    "pytorch-inference": "torch",
    "huggingface-pytorch-inference": "transformers",
}
# Containers whose server reads the script only from the model's archive.
CODE_IN_MODEL = frozenset(
    {"pytorch-inference", "huggingface-pytorch-inference", "sagemaker-tensorflow-serving", "tensorflow-inference"}
)
SAVED_MODEL = {"sagemaker-tensorflow-serving": "tensorflow", "tensorflow-inference": "tensorflow"}
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # packages with another name in the index
_PYTHON = "Python"
_STAND_INS = Path(__file__).with_name("stand_ins")


def list_responder(repository: str) -> list[str]:
    """Return the arguments of serve.py after the folder, for the repository of an inference image."""
    return ["savedmodel.py"] if repository in SAVED_MODEL else ["defaults.py", SERVING[repository]]


def name_repository(image: str) -> str:
    """Return the repository of an image: "pytorch-training" of an address that ends in /pytorch-training:2.0-cpu."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def list_stand_ins(image: str) -> list[str]:
    """Return the folders of the stand-ins for modules that only the container of an image has.

    The containers of scikit-learn and XGBoost, and the older ones of other frameworks, have sagemaker-containers.
    """
    repository = name_repository(image)
    folders = [_STAND_INS / "older_toolkit"] if repository.startswith("sagemaker-") else []
    if repository == "sagemaker-xgboost":
        folders.append(_STAND_INS / "xgboost_container")
    return [str(folder) for folder in folders]


def explain_versions(image: str) -> str:
    """Return a sentence on the versions of an image that this Python does not have, or ""."""
    others = [
        f"{name} {here} (image: {asked})"
        for name, asked in _read_tag(image)
        if asked.split(".") != (here := _find_version(name)).split(".")[: asked.count(".") + 1]
    ]
    return f"Other versions than the image's run here: {', '.join(others)}" if others else ""


def _read_tag(image: str) -> Iterator[tuple[str, str]]:
    """Yield what a framework's tag asks for; a number after a dash is the container's own revision."""
    package = (TRAINING | SERVING | SAVED_MODEL).get(name_repository(image))
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    if package and (version := re.match(r"[0-9]+(\.[0-9]+)*", tag)):
        yield "torch" if package == "transformers" else _DISTRIBUTIONS.get(package, package), version[0]
    if version := re.search(r"-transformers([0-9]+(\.[0-9]+)*)", tag):
        yield "transformers", version[1]
    if package and (version := re.search(r"-py([0-9])([0-9]+)", tag)):  # "py3" alone asks for no version
        yield _PYTHON, f"{version[1]}.{version[2]}"


def _find_version(name: str) -> str:
    """Return the version of Python or of an installed package, such as 2.13.0 for 2.13.0+cpu."""
    if name == _PYTHON:
        return platform.python_version()
    for distribution in (name, f"{name}-cpu"):
        with suppress(metadata.PackageNotFoundError):
            return metadata.version(distribution).partition("+")[0]
    return "none"
