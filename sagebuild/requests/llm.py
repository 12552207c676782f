"""Builds the environment by which the container of an engine finds its model and its options."""

from __future__ import annotations

from sagebuild.llm_engines import ENGINES, MODEL_FOLDER, name_option
from sagebuild.parameters.llm import LlmParameters

# As the SDK sets them: the root disk of an instance is small, and /tmp is on its storage volume.
CACHE = {"HF_HOME": "/tmp", "HUGGINGFACE_HUB_CACHE": "/tmp"}  # in a container of its own  # nosec B108


def build_llm_environment(parameters: LlmParameters) -> dict[str, str]:
    """Return the variables of the container, without those of ``modelhostingenvironment``.

    Like the SDK (serve/model_builder_servers.py), a model in S3 is at /opt/ml/model, and the container stays offline.
    """
    engine = ENGINES[parameters.engine]
    environment = {engine.model: str(parameters.hubmodel) if parameters.brings_model else MODEL_FOLDER}
    if not parameters.brings_model:
        environment["HF_HUB_OFFLINE"] = "1"
    environment |= CACHE
    if engine.gpus and (gpus := parameters.gpus_per_copy):
        environment[engine.gpus] = str(gpus)
    return environment | {
        name_option(parameters.engine, name): value for name, value in parameters.engineoptions.items()
    }
