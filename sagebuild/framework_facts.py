"""The facts of each framework, in one table. A new framework is a row here, a model in parameters and an example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Version = tuple[int, int]


class MpiNames(NamedTuple):
    """The hyperparameters by which a container starts several processes with mpirun."""

    enabled: str
    processes: str
    options: str


# https://github.com/aws/sagemaker-training-toolkit, params.py
TOOLKIT_MPI = MpiNames(
    "sagemaker_mpi_enabled", "sagemaker_mpi_num_of_processes_per_host", "sagemaker_mpi_custom_mpi_options"
)
# sagemaker-python-sdk 2.x, chainer/estimator.py
CHAINER_MPI = MpiNames("sagemaker_use_mpi", "sagemaker_process_slots_per_host", "sagemaker_additional_mpi_options")


@dataclass(frozen=True)
class FrameworkFacts:
    """The facts of one framework; the defaults hold for most script-mode frameworks.

    "sdk" is github.com/aws/sagemaker-python-sdk: 1.x for TensorFlow up to 1.10, 2.x for everything else.

    Parameters
    ----------
    images
        Name of the framework's table of images in the sdk (image_uri_config); None where there is no such table.
    version_parameter
        The parameter that names the image's version; None where the document names none.
    has_script
        Whether the container runs the user's script, found by hyperparameters and variables that the build sets.
    trains_on_one_instance
        Whether a training has at most one instance.
    strategies
        Values of distribution.strategy that the container supports: the parameter ``distribution`` of the sdk's
        estimator, https://sagemaker.readthedocs.io/en/v2/api/training/estimators.html
    mpi
        Hyperparameters for strategy mpi.
    script_arguments
        Parameters that the script gets as hyperparameters, with the hyperparameters' names.
    takes_model_dir
        Whether the script gets the argument ``model_dir``, except in versions up to last_legacy.
    last_legacy
        Last version whose container calls functions of the script instead of running it (sdk, tensorflow/estimator.py).
    first_code_in_model
        First version whose model server reads the script only from the model's archive, and ignores an address in
        SAGEMAKER_SUBMIT_DIRECTORY; None for none (sdk, _LOWEST_MMS_VERSION in pytorch/model.py and mxnet/model.py).
    serves_without_script
        Whether a server of first_code_in_model or later has a default for every function of a serving script.
    needs_model_fn
        Whether the server has no default for the function model_fn of a serving script (serving.py or
        handler_service.py of the framework's container).
    default_model
        The model that the server loads if the script has no model_fn, where it may not be what the training saved.
    tensorflow_serving
        Whether TensorFlow Serving serves the versions after last_legacy.
    first_without_p2
        First version without images for ml.p2, a family that AWS retired; None for none.
    defines_metrics
        Whether AWS defines the metrics: CreateTrainingJob refuses definitions for a built-in algorithm.
    spot_hours_without_checkpoints
        Maximum of MaxWaitTimeInSeconds, in hours, for a spot training without checkpoints; None for no limit.
        https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
    may_bring_model
        Whether the image may bring its own model, so that the container gets no model data.
    data_channel
        Name of the only channel when the document defines none.
    """

    images: str | None
    version_parameter: str | None = "frameworkversion"
    has_script: bool = True
    trains_on_one_instance: bool = False
    strategies: tuple[str, ...] = ()
    mpi: MpiNames = TOOLKIT_MPI
    script_arguments: tuple[tuple[str, str], ...] = ()
    takes_model_dir: bool = False
    last_legacy: Version | None = None
    first_code_in_model: Version | None = None
    serves_without_script: bool = False
    needs_model_fn: bool = False
    default_model: str = ""
    tensorflow_serving: bool = False
    first_without_p2: Version | None = None
    defines_metrics: bool = False
    spot_hours_without_checkpoints: int | None = None
    may_bring_model: bool = False
    data_channel: str = "training"


FRAMEWORKS: dict[str, FrameworkFacts] = {
    "TENSORFLOW": FrameworkFacts(
        "tensorflow",
        version_parameter="tensorflowversion",
        strategies=("parameter_server", "mpi", "smdistributed"),
        script_arguments=(("trainingsteps", "training_steps"), ("evaluationsteps", "evaluation_steps")),
        takes_model_dir=True,
        last_legacy=(1, 10),
        first_code_in_model=(1, 11),
        serves_without_script=True,
        tensorflow_serving=True,
        first_without_p2=(2, 12),
    ),
    "MXNET": FrameworkFacts(
        "mxnet",
        version_parameter="mxnetversion",
        strategies=("parameter_server", "mpi"),
        first_code_in_model=(1, 4),
    ),
    "PYTORCH": FrameworkFacts(
        "pytorch",
        strategies=("mpi", "smdistributed", "torch_distributed"),
        first_code_in_model=(1, 2),
        # sagemaker-pytorch-inference-toolkit, default_pytorch_inference_handler.py
        default_model="the only TorchScript file (.pt or .pth)",
        first_without_p2=(1, 13),
    ),
    # sdk, sklearn/estimator.py refuses more than one training instance.
    "SCIKIT": FrameworkFacts("sklearn", trains_on_one_instance=True, needs_model_fn=True),
    "CHAINER": FrameworkFacts("chainer", strategies=("mpi",), mpi=CHAINER_MPI, needs_model_fn=True),
    "XGBOOST": FrameworkFacts("xgboost", needs_model_fn=True),
    # https://github.com/aws/sagemaker-huggingface-inference-toolkit: every handler function has a default.
    "HUGGINGFACE": FrameworkFacts(
        "huggingface",
        strategies=("mpi", "smdistributed", "torch_distributed"),
        first_code_in_model=(0, 0),
        serves_without_script=True,
    ),
    # Each algorithm has a table of images; all but xgboost have the single version 1.
    "AMAZON": FrameworkFacts(
        None,
        has_script=False,
        defines_metrics=True,
        spot_hours_without_checkpoints=1,
        data_channel="train",
    ),
    # The engines have tables of images of their own: sagebuild/llm_engines.py.
    "LLM": FrameworkFacts(None, version_parameter="engineversion", has_script=False),
    "BYOD": FrameworkFacts(None, version_parameter=None, has_script=False, may_bring_model=True),
}
