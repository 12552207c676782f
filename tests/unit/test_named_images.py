"""Images of AWS's that a document gives by their names."""

from typing import Any

import pytest

from sagebuild.builds.context import BuildContext
from sagebuild.errors import ImageNotFoundError, ParameterError
from sagebuild.images.containers import choose_image
from sagebuild.parameters import parse_parameters
from sagebuild.requests.bodies import build_model
from tests.unit.test_options import SERVICE

BYOD = {"framework": "BYOD", "TrainingImage": "own:1"}


def choose(image: str, instance_type: str = "ml.m5.large", region: str = "eu-west-1") -> str:
    parameters = parse_parameters(BYOD | {"InferenceImage": image, "hostinstancetype": instance_type})
    assert SERVICE.region == region
    return choose_image(BuildContext(SERVICE, 7, parameters), "inference").uri


@pytest.mark.parametrize(
    ("image", "instance_type", "found"),
    [
        ("sagemaker:sagemaker-tritonserver/26.05", "ml.m5.large", "/sagemaker-tritonserver:26.05-py3-cpu"),
        ("sagemaker:sagemaker-tritonserver/26.05", "ml.g5.xlarge", "/sagemaker-tritonserver:26.05-py3"),
        ("sagemaker:autogluon/1.5", "ml.g5.xlarge", "/autogluon-inference:1.5.0-gpu-py311"),
        ("sagemaker:llama-cpp-arm64/1.0.1", "ml.c7g.large", "/llama-cpp-arm64:server-sagemaker-cpu-v1.0.1"),
        (
            "sagemaker:huggingface-neuronx/4.55.4-pytorch2.8.0",
            "ml.inf2.xlarge",
            "/huggingface-pytorch-inference-neuronx:2.8.0-transformers4.55.4-neuronx-py310-sdk2.26.0-ubuntu22.04",
        ),
        ("sagemaker:autogluon/0.3.1/py37", "ml.m5.large", "/autogluon-inference:0.3.1-cpu-py37"),
    ],
)
def test_a_name_is_an_address_in_the_region(image: str, instance_type: str, found: str) -> None:
    host, _, path = choose(image, instance_type).partition("/")
    assert (host.partition(".")[2], f"/{path}") == ("dkr.ecr.eu-west-1.amazonaws.com", found)


@pytest.mark.parametrize(
    ("image", "instance_type", "message"),
    [
        ("sagemaker:triton/1", "ml.m5.large", r"sagemaker:triton/1 names no image of AWS\. .* give framework\. .*vllm"),
        ("sagemaker:vllm/9", "ml.g5.xlarge", "vllm has no inference image of version 9; available: .*0.30.0"),
        (
            "sagemaker:vllm/0.30",
            "ml.m5.large",
            "vllm 0.30 has no .* for ml.m5.large, a cpu instance; available for gpu",
        ),
        ("sagemaker:pytorch-smp/2.8.0", "ml.g5.xlarge", "pytorch-smp has no inference image"),
        ("sagemaker:vllm/0.30/py2", "ml.g5.xlarge", "no inference image for Python py2; available: py312"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_there_are(image: str, instance_type: str, message: str) -> None:
    with pytest.raises(ImageNotFoundError, match=message):
        choose(image, instance_type)


def test_a_name_has_a_version() -> None:
    with pytest.raises(ParameterError, match='InferenceImage is "sagemaker:vllm"; it must be an image'):
        choose("sagemaker:vllm")


def test_every_place_of_an_image_takes_a_name() -> None:
    name = "sagemaker:autogluon/1.5.0"
    script: dict[str, Any] = {
        "framework": "SCIKIT",
        "trainimage": name,
        "hostimage": name,
        "pipeline": [{"image": name}],
    }
    context = BuildContext(SERVICE, 7, parse_parameters(script))
    assert choose_image(context, "training").uri.endswith("/autogluon-training:1.5.0-cpu-py311")
    serving = choose_image(context, "inference").uri
    assert serving.endswith("/autogluon-inference:1.5.0-cpu-py311")
    assert build_model(context, serving)["Containers"][0]["Image"] == serving
