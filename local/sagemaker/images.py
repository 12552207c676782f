"""The one place that says which container images can be run here, and by which program."""

import importlib.util
import re
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError

from local import clients, config, processes
from local.images import StoredImage, folder_of, load

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
_OWN = re.compile(
    rf"{config.ACCOUNT}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)(?P<reference>[:@].+)?"
)
_CONTAINER_PORT = 8080  # where SageMaker asks a container that serves


class UnknownImageError(Exception):
    """An image cannot be run on this machine."""


@dataclass(frozen=True)
class Runner:
    """How an image is run here.

    Parameters
    ----------
    command
        The command line.
    folder
        Where it starts.
    environment
        What it needs besides what the job or model gives it.
    port
        Where it will serve; None if it says so itself, in a file named port.
    docker
        The program and the name of the container, if this is Docker's.
    code_in_model
        Whether a model server of this image ignores a script's address in SAGEMAKER_SUBMIT_DIRECTORY.
    """

    command: list[str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int | None = None
    docker: tuple[str, str] | None = None
    code_in_model: bool = False

    def pass_environment(self, names: list[str]) -> list[str]:
        """The command line that hands these variables of its environment on to the program."""
        if not self.docker:
            return self.command
        at = self.command.index("run") + 1
        return [*self.command[:at], *(f"--env={name}" for name in names), *self.command[at:]]

    def end(self) -> None:
        """See that nothing goes on that is no child of the process."""
        if self.docker:
            program, name = self.docker
            subprocess.run([program, "rm", "--force", name], capture_output=True, check=False)


def training_runner(image: str, base: Path, role_arn: str) -> Runner:
    """The runner of a training image.

    Parameters
    ----------
    base
        The folder that is laid out as /opt/ml is.
    role_arn
        In whose role the image is pulled.

    Raises
    ------
    UnknownImageError
        The image cannot be run here; the message says which can.
    """
    if stored := find_stored(image, role_arn):
        return _run_stored(stored, "train", base, "--network=host")
    repository = _repository(image)
    if repository in ALGORITHMS:
        _check_stand_in(repository)
        return _run_here(base, "container_algorithm.py", repository)
    _check(image, _TRAINING)
    return _run_here(base, "container_train.py")


def serving_runner(image: str, base: Path, role_arn: str, port: int) -> Runner:
    """The runner of an inference image; as training_runner, with a port that is free."""
    if stored := find_stored(image, role_arn):
        return _run_stored(stored, "serve", base, f"--publish=127.0.0.1:{port}:{_CONTAINER_PORT}", port=port)
    repository = _repository(image)
    if repository in ALGORITHMS:
        _check_stand_in(repository)
        return _run_here(base, "container_serve.py", "container_algorithm.py", repository)
    _check(image, _SERVING | _SAVED_MODEL)
    way = ["container_savedmodel.py"] if repository in _SAVED_MODEL else ["container_defaults.py", _SERVING[repository]]
    return _run_here(base, "container_serve.py", *way, code_in_model=repository in _CODE_IN_MODEL)


def _run_here(base: Path, program: str, *arguments: str, code_in_model: bool = False) -> Runner:
    command = [processes.PYTHON, "-P", str(_HERE / program), str(base), *arguments]
    return Runner(command, base, {"PYTHONPATH": processes.LIBRARIES}, code_in_model=code_in_model)


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
    # A container finds /opt/ml and takes port 8080; a process of this machine has to be told of both.
    told = {"SAGEMAKER_BASE_DIR": str(base)}
    if port:
        told |= {"SAGEMAKER_BIND_TO_PORT": str(port), "PORT": str(port)}
    command, environment = stored.run_command(argument), stored.run_environment()
    if not shutil.which(command[0], path=environment["PATH"]):
        raise UnknownImageError(f"The image has no program {command[0]} that can be executed, and no ENTRYPOINT")
    return Runner(command, stored.run_folder, environment | told, port)


def find_stored(image: str, role_arn: str | None) -> StoredImage | None:
    """The image, if it is of this account's ECR.

    Raises
    ------
    UnknownImageError
        It is to be there, and is not, or the role may not pull it.
    """
    address = _OWN.fullmatch(image)
    if not address:
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
    if _repository(image) not in runnable:
        names = ", ".join(runnable) or "none, as no framework is installed"
        raise UnknownImageError(f"local/ cannot run the image {image}; it runs script-mode images: {names}")


def _repository(image: str) -> str:
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]
