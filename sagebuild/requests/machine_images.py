"""Chooses the machine image of an endpoint's instances, whose driver must be new enough for the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters


# As the SageMaker SDK chooses it (serve/model_builder_servers.py): the driver for containers with CUDA 13, and the
# families of instances for which SageMaker documents it. tests/sdk/test_language_models.py compares both.
CUDA_13 = "al2023-ami-sagemaker-inference-gpu-4-1"
CUDA_13_TAG = "cu130"
CUDA_13_FAMILIES = ("g4dn", "g5", "g6", "g6e", "p4d", "p4de", "p5", "p5e", "p5en")


def choose_machine_image(parameters: BuildParameters, image: str | None) -> str | None:
    """Return ``inferenceami``, or the machine image that a container with CUDA 13 needs; None for SageMaker's default.

    Parameters
    ----------
    image
        The address of the serving image, whose tag names the version of CUDA; None if it is not known.
    """
    family = parameters.hostinstancetype.split(".")[1]
    needs_driver = CUDA_13_TAG in (image or "").rpartition(":")[2].split("-")
    if parameters.inferenceami or parameters.serverless:
        return parameters.inferenceami
    return CUDA_13 if needs_driver and family in CUDA_13_FAMILIES else None
