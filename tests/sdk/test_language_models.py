"""The requests for a language model are those of the SDK's ModelBuilder, but for the differences that are explained."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from sagebuild.builds.context import BuildContext
from sagebuild.images.containers import choose_image
from sagebuild.names import VARIANT
from sagebuild.parameters import parse_parameters
from sagebuild.requests.bodies import build_endpoint, build_endpoint_config, build_model
from sagebuild.requests.machine_images import CUDA_13, CUDA_13_FAMILIES
from tests.unit.test_options import SERVICE

MODEL, TYPE = "Qwen/Qwen3-0.6B", "ml.g5.12xlarge"
ROLE = "arn:aws:iam::123456789012:role/hosting"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model/m"
GPUS = 4  # of the instance type
ENGINES = {"VLLM": "VLLM", "SGLANG": "SGLANG", "TGI": "TGI", "LMI": "DJL_SERVING", "TEI": "TEI"}
# For vLLM and SGLang, the SDK takes Hugging Face's images, which are older and read HF_MODEL_ID. We take AWS's own
# images of its table; their documentation names these variables (sagebuild/llm_engines.py).
MODEL_VARIABLES = {"VLLM": "SM_VLLM_MODEL", "SGLANG": "SM_SGLANG_MODEL_PATH"}
# The SDK leaves vLLM and SGLang on one GPU unless the caller gives these variables; we use all GPUs of the instance.
# For TGI and LMI, both name the number of GPUs, by other variables of the same images.
GPU_VARIABLES = {
    "VLLM": "SM_VLLM_TENSOR_PARALLEL_SIZE",
    "SGLANG": "SM_SGLANG_TP_SIZE",
    "TGI": "SM_NUM_GPUS",
    "LMI": "OPTION_TENSOR_PARALLEL_DEGREE",
}
THEIR_GPU_VARIABLES = {"TGI": "NUM_SHARD", "LMI": "TENSOR_PARALLEL_DEGREE"}
# What only the SDK sends: settings of its script mode and its log, and defaults of the engines, which can be given as
# engineoptions.
ONLY_THEIRS = {
    *("SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY", "SAGEMAKER_CONTAINER_LOG_LEVEL", "SAGEMAKER_REGION"),
    *("SHARDED", "MODEL_LOADING_TIMEOUT", "OPTION_ENGINE", "OPTION_MODEL_LOADING_TIMEOUT", "OPTION_PREDICT_TIMEOUT"),
    *("SERVING_MIN_WORKERS", "SERVING_MAX_WORKERS", "SERVING_OPTS", "TRANSFORMERS_CACHE"),
}
# For LMI, the SDK uploads a folder and downloads the model into it; we send no folder, so the model goes to /tmp.
CACHE = {"HF_HOME", "HUGGINGFACE_HUB_CACHE"}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The requests of the SDK by engine and operation."""
    with pytest.MonkeyPatch.context() as patch:
        return {engine: send_with_the_sdk(patch, server, tmp_path_factory) for engine, server in ENGINES.items()}


def send_with_the_sdk(
    patch: pytest.MonkeyPatch, server: str, folders: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "a")
    patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.serve import model_builder, model_builder_servers
    from sagemaker.serve.builder.schema_builder import SchemaBuilder
    from sagemaker.serve.mode.function_pointers import Mode
    from sagemaker.serve.model_builder import ModelBuilder
    from sagemaker.serve.utils.types import ModelServer

    sent: dict[str, dict[str, Any]] = {}

    def answer(params: dict[str, Any], model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        sent[model.name] = json.loads(params["body"])
        described = {"ModelName": "m", "EndpointName": "m", "EndpointConfigName": "m", "CreationTime": 0}
        arns = {f"{kind}Arn": ARN for kind in ("Model", "EndpointConfig", "Endpoint")}
        facts = {**arns, **described, "EndpointStatus": "InService", "ResponseMetadata": {"HTTPStatusCode": 200}}
        return AWSResponse("", 200, HTTPHeaders(), None), facts

    session = boto3.Session(region_name="eu-west-1")
    session._session.register("before-call.sagemaker", answer)  # type: ignore[arg-type] # hooks may answer
    patch.setattr(boto3, "DEFAULT_SESSION", session)
    # What the SDK asks the hub, JumpStart, EC2 and IAM.
    facts = {"num_attention_heads": 16, "model_type": "qwen3"}
    patch.setattr(model_builder, "resolve_and_validate_role", lambda provided_role, **_: provided_role)
    patch.setattr(model_builder_servers, "_get_model_config_properties_from_hf", lambda *_: facts)
    patch.setattr(model_builder_servers, "_get_gpu_info", lambda *_: GPUS)
    for name in ("_get_default_tgi_configurations", "_get_default_djl_configurations"):
        patch.setattr(model_builder_servers, name, lambda *_: ({}, 128))
    patch.setattr(ModelBuilder, "_is_jumpstart_model_id", lambda _: False)
    sdk = Session(session, default_bucket="uploads")
    patch.setattr(sdk, "_default_bucket", "uploads", raising=False)
    builder = ModelBuilder(
        model=MODEL,
        model_server=ModelServer[server],
        mode=Mode.SAGEMAKER_ENDPOINT,
        instance_type=TYPE,
        sagemaker_session=sdk,
        role_arn=ROLE,
        model_path=str(folders.mktemp(server)),
        schema_builder=SchemaBuilder({"inputs": "x", "parameters": {}}, [{"generated_text": "y"}]),
    )
    builder.build(model_name="m")
    builder.deploy(endpoint_name="m", initial_instance_count=1, wait=False)
    return sent


def build_ours(engine: str) -> tuple[dict[str, Any], dict[str, Any]]:
    document = {"framework": "LLM", "engine": engine, "hubmodel": MODEL, "hostinstancetype": TYPE}
    context = BuildContext(SERVICE, 7, parse_parameters(document))
    image = choose_image(context, "inference").uri
    return build_model(context, image), build_endpoint_config(context, image)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_model_is_the_sdk_s(theirs: dict[str, dict[str, Any]], engine: str) -> None:
    model, _ = build_ours(engine)
    sent = theirs[engine]["CreateModel"]
    assert model["ExecutionRoleArn"] == sent["ExecutionRoleArn"]
    assert model.keys() - sent.keys() == {"Tags"}
    ours, their = model["PrimaryContainer"], sent["PrimaryContainer"]
    if engine in MODEL_VARIABLES:
        assert f"/{engine.lower()}:" in ours["Image"]
        assert f"/huggingface-{engine.lower()}:" in their["Image"]
    else:
        assert ours["Image"] == their["Image"]
    assert their.keys() - ours.keys() == ({"ModelDataSource"} if engine == "LMI" else set())
    environment, expected = dict(ours["Environment"]), dict(their["Environment"])
    assert environment.pop(MODEL_VARIABLES.get(engine, "HF_MODEL_ID")) == expected.pop("HF_MODEL_ID") == MODEL
    if engine in GPU_VARIABLES:
        assert environment.pop(GPU_VARIABLES[engine]) == str(GPUS)
    if engine in THEIR_GPU_VARIABLES:
        assert expected.pop(THEIR_GPU_VARIABLES[engine]) == str(GPUS)
    if engine == "LMI":
        assert {environment.pop(name) for name in CACHE} == {"/tmp"}
        assert {expected.pop(name) for name in CACHE} == {"/opt/ml/model/"}
    assert environment == {name: value for name, value in expected.items() if name not in ONLY_THEIRS}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_endpoint_is_the_sdk_s(theirs: dict[str, dict[str, Any]], engine: str) -> None:
    from sagemaker.serve.model_builder import ModelBuilder

    model, config = build_ours(engine)
    ((ours,), (their,)) = config["ProductionVariants"], theirs[engine]["CreateEndpointConfig"]["ProductionVariants"]
    assert ours.pop("ModelName") == config["EndpointConfigName"]
    assert their.pop("ModelName") == "m"
    if engine in MODEL_VARIABLES:  # the SDK's choice for our image
        image = SimpleNamespace(image_uri=model["PrimaryContainer"]["Image"])
        their["InferenceAmiVersion"] = ModelBuilder._resolve_inference_ami_version(image, TYPE, None)
    assert (ours, ours["VariantName"]) == (their, VARIANT)
    assert config.keys() - theirs[engine]["CreateEndpointConfig"].keys() == {"Tags"}
    endpoint = build_endpoint(SERVICE, config["EndpointConfigName"])
    assert endpoint.keys() == theirs[engine]["CreateEndpoint"].keys() - {"Tags"}


def test_the_machine_images_for_cuda_13_are_the_sdk_s() -> None:
    from sagemaker.serve import model_builder_servers

    assert model_builder_servers._CUDA_13_INFERENCE_AMI == CUDA_13
    families = model_builder_servers._CUDA_13_INFERENCE_AMI_COMPATIBLE_FAMILIES
    assert families == {f"ml.{family}" for family in CUDA_13_FAMILIES}
