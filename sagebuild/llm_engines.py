"""The facts of each engine that serves a language model: its images, and the variables by which its container is set.

The images are those of the SageMaker SDK's tables (sagebuild/images/images.json, section ``named``). A new engine is a
row here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Engine:
    """The facts of one engine.

    Parameters
    ----------
    tables
        The SDK's table of images for each processor that the engine runs on.
    model
        The variable with the model: an id of the Hugging Face hub, or a folder of the container.
    option
        The beginning of the variable for an engine option; the option's name follows in upper case.
    gpus
        The variable with the number of GPUs that hold one copy of the model; empty if the engine uses one GPU alone.
    """

    tables: dict[str, str]
    model: str
    option: str
    gpus: str = ""


# The folder of the container into which SageMaker copies the model's data.
MODEL_FOLDER = "/opt/ml/model"
# The names by which the containers take a token for the hub. SageMaker shows the variables of a model to everyone who
# may describe it, so a document has no token.
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_API_TOKEN")
ENGINES: dict[str, Engine] = {
    # https://aws.github.io/deep-learning-containers/: SM_VLLM_MAX_MODEL_LEN is the option --max-model-len of vLLM.
    "VLLM": Engine({"gpu": "vllm"}, "SM_VLLM_MODEL", "SM_VLLM_", "SM_VLLM_TENSOR_PARALLEL_SIZE"),
    # https://docs.djl.ai/master/docs/serving/serving/docs/lmi/deployment_guide/configurations.html: OPTION_...
    "LMI": Engine({"gpu": "djl-lmi", "inf": "djl-neuronx"}, "HF_MODEL_ID", "OPTION_", "OPTION_TENSOR_PARALLEL_DEGREE"),
    # https://github.com/sgl-project/sglang/blob/main/docker/serve: SM_SGLANG_CONTEXT_LENGTH is --context-length.
    "SGLANG": Engine({"gpu": "sglang"}, "SM_SGLANG_MODEL_PATH", "SM_SGLANG_", "SM_SGLANG_TP_SIZE"),
    # https://huggingface.co/docs/text-generation-inference/reference/launcher: each option has a variable. SM_NUM_GPUS
    # is from sagemaker-entrypoint.sh of https://github.com/huggingface/text-generation-inference.
    "TGI": Engine({"gpu": "huggingface-llm", "inf": "huggingface-llm-neuronx"}, "HF_MODEL_ID", "", "SM_NUM_GPUS"),
    # https://huggingface.co/docs/text-embeddings-inference/cli_arguments: each option has a variable.
    "TEI": Engine({"gpu": "huggingface-tei", "cpu": "huggingface-tei-cpu"}, "HF_MODEL_ID", ""),
}


def name_option(engine: str, option: str) -> str:
    """Return the variable of the container for an option: ``max-model-len`` of VLLM is SM_VLLM_MAX_MODEL_LEN."""
    return ENGINES[engine].option + option.upper().replace("-", "_")
