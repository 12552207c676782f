"""Framework LLM: the image, the variables and the refusals of each engine."""
# ruff: noqa: E501

import json
from typing import Any

import pytest

from sagebuild.builds.context import BuildContext
from sagebuild.errors import ParameterError
from sagebuild.images.containers import choose_image
from sagebuild.parameters import parse_document, parse_parameters
from sagebuild.requests.bodies import build_model
from sagebuild.requests.llm import CACHE
from sagebuild.requests.machine_images import CUDA_13
from sagebuild.requests.training import build_bodies, plan_training
from tests.unit.test_options import SERVICE
from tests.unit.wrong_options import SERVERLESS

HUB = "Qwen/Qwen3-0.6B"
FILES = "s3://model/llama/"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sagebuild-test/hub-Ab"


def llm(engine: str = "VLLM", **more: Any) -> dict[str, Any]:
    return {"framework": "LLM", "engine": engine, "hubmodel": HUB, **more}


def container(document: dict[str, Any]) -> dict[str, Any]:
    context = BuildContext(SERVICE, 7, parse_parameters(document))
    body: dict[str, Any] = build_model(context, choose_image(context, "inference").uri)["PrimaryContainer"]
    return body


@pytest.mark.parametrize(
    ("document", "image", "environment"),
    [
        (llm(), "/vllm:0.30.0-gpu-py312-cu130-ubuntu24.04-sagemaker",
         {"SM_VLLM_MODEL": HUB, "SM_VLLM_TENSOR_PARALLEL_SIZE": "1"}),
        (llm(hostinstancetype="ml.g5.12xlarge", engineversion="0.29", engineoptions={"max-model-len": 4096}),
         "/vllm:0.29.0-gpu-py312-cu130-ubuntu24.04-sagemaker",
         {"SM_VLLM_MODEL": HUB, "SM_VLLM_TENSOR_PARALLEL_SIZE": "4", "SM_VLLM_MAX_MODEL_LEN": "4096"}),
        (llm("LMI", gpus=2, hostinstancetype="ml.g5.12xlarge", engineoptions={"rolling_batch": "vllm"}),
         "/djl-inference:0.38.0-lmi29.0.0-cu130",
         {"HF_MODEL_ID": HUB, "OPTION_TENSOR_PARALLEL_DEGREE": "2", "OPTION_ROLLING_BATCH": "vllm"}),
        (llm("SGLANG", engineoptions={"context-length": 2048}),
         "/sglang:0.5.20-gpu-py312-cu130-ubuntu24.04-sagemaker",
         {"SM_SGLANG_MODEL_PATH": HUB, "SM_SGLANG_TP_SIZE": "1", "SM_SGLANG_CONTEXT_LENGTH": "2048"}),
        (llm("TGI", engineoptions={"max-input-tokens": 1000}, modelhostingenvironment={"LOG": "1"}),
         "/huggingface-pytorch-tgi-inference:2.7.0-tgi3.3.6-gpu-py311-cu124-ubuntu22.04",
         {"HF_MODEL_ID": HUB, "SM_NUM_GPUS": "1", "MAX_INPUT_TOKENS": "1000", "LOG": "1"}),
        (llm("TEI"), "/tei:2.0.1-tei1.8.2-gpu-py310-cu122-ubuntu22.04", {"HF_MODEL_ID": HUB}),
        (llm("TEI", hostinstancetype="ml.m5.large"), "/tei-cpu:2.0.1-tei1.8.2-cpu-py310-ubuntu22.04",
         {"HF_MODEL_ID": HUB}),
        (llm(hubmodel=None, ModelArtifacts=FILES), "/vllm:0.30.0-gpu-py312-cu130-ubuntu24.04-sagemaker",
         {"SM_VLLM_MODEL": "/opt/ml/model", "HF_HUB_OFFLINE": "1", "SM_VLLM_TENSOR_PARALLEL_SIZE": "1"}),
    ],
)  # fmt: skip
def test_an_engine_gets_its_image_and_its_variables(
    document: dict[str, Any], image: str, environment: dict[str, str]
) -> None:
    body = container(document)
    assert f"/{body['Image'].partition('/')[2]}" == image
    assert body["Environment"] == environment | CACHE


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        (llm(), CUDA_13),
        (llm(inferenceami="al2-ami-sagemaker-inference-gpu-3-1"), "al2-ami-sagemaker-inference-gpu-3-1"),
        (llm("TGI"), None),  # whose image has CUDA 12
        (llm(hostinstancetype="ml.g4ad.xlarge", gpus=1), None),  # for which SageMaker does not document the driver
    ],
)
def test_a_container_with_cuda_13_gets_a_driver_for_it(document: dict[str, Any], wanted: str | None) -> None:
    context = BuildContext(SERVICE, 7, parse_parameters(document))
    bodies = build_bodies(context, None, choose_image(context, "inference").uri)
    (variant,) = bodies["endpointConfig"]["ProductionVariants"]
    assert variant.get("InferenceAmiVersion") == wanted


def test_a_language_model_is_not_trained() -> None:
    for document, artifacts in ((llm(), ""), (llm(hubmodel=None, ModelArtifacts=FILES), FILES)):
        context = BuildContext(SERVICE, 7, parse_parameters(document))
        planned = plan_training(context, None)
        assert (planned.mode, planned.artifacts) == ("none", artifacts)
        assert build_bodies(context, None, "image:1").keys() == {"model", "endpointConfig"}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"framework": "LLM", "hubmodel": HUB}, "engine is missing; it must be one of VLLM, LMI, SGLANG, TGI, TEI."),
        (llm(hubmodel="gpt2 large"), 'hubmodel is "gpt2 large"; it must be an id of the Hugging Face hub such as Qwen/Qwen3-0.6B.'),
        (llm(hubmodel=None), "hubmodel and ModelArtifacts are both missing; give the id of a model, or the address of its files in S3."),
        (llm(ModelArtifacts=FILES), "hubmodel and ModelArtifacts are both given; give one of them."),
        (llm(skiptrain=True), "skiptrain is not for framework LLM, which trains nothing; leave it out."),
        (llm(networkisolation=True), "hubmodel needs a network to download from; give ModelArtifacts, or leave out networkisolation."),
        (llm(hubmodel=None, ModelArtifacts=FILES, hubsecret=SECRET), "hubsecret is for a model of the hub, and hubmodel is missing; give both, or neither."),
        (llm(hubsecret="hf_1"), 'hubsecret is "hf_1"; it must be the ARN of a secret in Secrets Manager.'),
        (llm(serverless=SERVERLESS), "serverless is not for framework LLM; give hostinstancetype."),
        (llm(hostinstancetype="ml.m5.large"), "hostinstancetype is ml.m5.large, a cpu instance; engine VLLM runs on gpu instances."),
        (llm("LMI", hostinstancetype="ml.c7g.large"), "hostinstancetype is ml.c7g.large, a graviton instance; engine LMI runs on gpu and inf instances."),
        (llm(gpus=2), "gpus is 2; ml.g5.xlarge has 1."),
        (llm("TEI", gpus=1), "gpus is not for engine TEI, which uses one GPU; leave it out."),
        (llm(hostinstancetype="ml.g7.2xlarge"), "gpus is missing; the number of GPUs of ml.g7.2xlarge is not known, so give the number for one copy of the model."),
        (llm(modelhostingenvironment={"HF_TOKEN": "hf_1"}), "modelhostingenvironment.HF_TOKEN would store a secret in the document and in the model, where others can read it; store it in Secrets Manager, and give the ARN of the secret in hubsecret."),
        (llm("TGI", engineoptions={"hf-token": "hf_1"}), "engineoptions.hf-token would store a secret in the document and in the model, where others can read it; store it in Secrets Manager, and give the ARN of the secret in hubsecret."),
        (llm(engineoptions={"model": "x"}), "engineoptions.model is set by the build; give hubmodel or ModelArtifacts instead."),
        (llm(modelhostingenvironment={"SM_VLLM_TENSOR_PARALLEL_SIZE": 1}), "modelhostingenvironment.SM_VLLM_TENSOR_PARALLEL_SIZE is set by the build; give gpus instead."),
        (llm(engineoptions={"seed": 1}, modelhostingenvironment={"SM_VLLM_SEED": 1}), "engineoptions.seed and modelhostingenvironment.SM_VLLM_SEED are the same variable; give it once."),
    ],
)  # fmt: skip
def test_a_document_that_cannot_serve_is_refused(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as error:
        parse_document(json.dumps(document))
    assert str(error.value).splitlines() == [sentence]
