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
# Those that serve what a script defines; what it leaves out, each does in its own way (container_defaults.py).
_SERVING = {
    "sagemaker-scikit-learn": "sklearn",
    "sagemaker-xgboost": "xgboost",
    "sagemaker-pytorch": "torch",
    "pytorch-inference": "torch",
}
# Of these, the server finds a script in the model's own archive alone.
_CODE_IN_MODEL = frozenset({"pytorch-inference", "sagemaker-tensorflow-serving", "tensorflow-inference"})
_SAVED_MODEL = {"sagemaker-tensorflow-serving": "tensorflow", "tensorflow-inference": "tensorflow"}
# Amazon's own algorithms exist on AWS alone; for some another package may stand in (container_algorithm.py).
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


class UnknownImageError(Exception):
    """An image cannot be run on this machine."""


@dataclass(frozen=True)
class Runner:
    """How an image is run here.

    Parameters
    ----------
    program
        What stands for the image's entry point; its first argument is the container's folder.
    arguments
        Its further arguments.
    code_in_model
        Whether a model server of this image ignores a script's address in SAGEMAKER_SUBMIT_DIRECTORY.
    """

    program: Path
    arguments: tuple[str, ...] = ()
    code_in_model: bool = False


def training_runner(image: str) -> Runner:
    """The runner of a training image.

    Raises
    ------
    UnknownImageError
        The image cannot be run here; the message says which can.
    """
    repository = _repository(image)
    if repository in ALGORITHMS:
        return _stand_in(repository, "train")
    _check(image, _TRAINING)
    return Runner(_HERE / "container_train.py")


def serving_runner(image: str) -> Runner:
    """The runner of an inference image; raises as training_runner does."""
    repository = _repository(image)
    if repository in ALGORITHMS:
        return _stand_in(repository, "serve")
    _check(image, _SERVING | _SAVED_MODEL)
    way = (
        ("container_savedmodel.py",) if repository in _SAVED_MODEL else ("container_defaults.py", _SERVING[repository])
    )
    return Runner(_HERE / "container_serve.py", way, repository in _CODE_IN_MODEL)


def _stand_in(algorithm: str, role: str) -> Runner:
    package = ALGORITHMS[algorithm]
    if not package or not importlib.util.find_spec(package):
        raise UnknownImageError(f"local/ cannot run Amazon's built-in algorithm {algorithm}; it runs on AWS")
    if role == "train":
        return Runner(_HERE / "container_algorithm.py", (algorithm,))
    return Runner(_HERE / "container_serve.py", ("container_algorithm.py", algorithm))


def _check(image: str, packages: dict[str, str]) -> None:
    runnable = [repository for repository, package in packages.items() if importlib.util.find_spec(package)]
    if _repository(image) not in runnable:
        names = ", ".join(runnable) or "none, as no framework is installed"
        raise UnknownImageError(f"local/ cannot run the image {image}; it runs script-mode images: {names}")


def _repository(image: str) -> str:
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]
