"""The parameters of framework LLM, which serves a language model and trains none."""

from typing import Annotated, Literal

from pydantic import Field

from sagebuild.instance_facts import count_gpus
from sagebuild.llm_engines import ENGINES
from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.git_options import SecretArn
from sagebuild.parameters.instances import InstanceType
from sagebuild.parameters.kinds import Choice, WholeNumber
from sagebuild.parameters.text_kinds import Scalar, Text, Version

Engine = Literal["VLLM", "LMI", "SGLANG", "TGI", "TEI"]
HubModel = Text("an id of the Hugging Face hub such as Qwen/Qwen3-0.6B", r"[\w.-]+/[\w.-]+", 200)
EngineOption = Annotated[
    str, Text("an option of the engine such as max-model-len", r"[a-zA-Z][a-zA-Z0-9]*([_-][a-zA-Z0-9]+)*", 200)
]


class LlmParameters(BuildParameters):
    """A language model in the container of an engine; serving only."""

    framework: Annotated[Literal["LLM"], Choice(Literal["LLM"])]
    hostinstancetype: Annotated[str, InstanceType] = Field(
        default="ml.g5.xlarge", description="Type of the instances behind the endpoint."
    )
    engine: Annotated[Engine, Choice(Engine)] = Field(
        description="Engine that serves the model: vLLM, LMI (DJL), SGLang and TGI generate text, TEI makes embeddings."
    )
    engineversion: Annotated[str | None, Version()] = Field(
        default=None, description="Version of the engine's image in the SageMaker SDK's table. Default: the newest."
    )
    hubmodel: Annotated[str | None, HubModel] = Field(
        default=None,
        description="Model that the container downloads from the Hugging Face hub, instead of ModelArtifacts.",
    )
    hubsecret: Annotated[str | None, SecretArn] = Field(
        default=None,
        description="Secret with the hub's token for a gated hubmodel, which each build then copies to S3. Its name "
        "must begin with the stack's name and a slash, such as sagebuild-dev/hub.",
    )
    gpus: Annotated[int | None, WholeNumber(1, 16)] = Field(
        default=None,
        description="Number of GPUs that hold one copy of the model. Default: all GPUs of the instance type.",
    )
    engineoptions: dict[EngineOption, Annotated[str, Scalar(1024)]] = Field(
        default={},
        max_length=80,
        description="Options of the engine, by the names in its own documentation; the container gets each as an "
        "environment variable.",
    )

    @property
    def has_training(self) -> bool:
        """False: the framework serves only."""
        return False

    @property
    def gpus_per_copy(self) -> int | None:
        """The number of GPUs that hold one copy: one for an engine that takes no number, and else all by default."""
        there = count_gpus(self.hostinstancetype)
        return self.gpus or (there if ENGINES[self.engine].gpus else there and 1)

    @property
    def brings_model(self) -> bool:
        """True when the container downloads its model; False when SageMaker copies it from S3."""
        return not self.ModelArtifacts
