"""The rules of framework LLM."""

from collections.abc import Iterator

from sagebuild.instance_facts import count_gpus, processor_of
from sagebuild.llm_engines import ENGINES, TOKEN_VARIABLES, name_option
from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.llm import LlmParameters
from sagebuild.parameters.rules import Rule, rule_of

LLM_RULES: list[Rule] = []
_rule = rule_of(LLM_RULES)


@_rule("framework", "hubmodel", "ModelArtifacts", "skiptrain", "networkisolation", "hubsecret")
def _a_language_model_has_one_source(parameters: BuildParameters) -> Iterator[str]:
    if not isinstance(parameters, LlmParameters):
        return
    if not parameters.hubmodel and not parameters.ModelArtifacts:
        yield "hubmodel and ModelArtifacts are both missing; give the id of a model, or the address of its files in S3."
    if parameters.hubmodel and parameters.ModelArtifacts:
        yield "hubmodel and ModelArtifacts are both given; give one of them."
    if parameters.skiptrain:
        yield "skiptrain is not for framework LLM, which trains nothing; leave it out."
    if parameters.hubsecret and not parameters.hubmodel:
        yield "hubsecret is for a model of the hub, and hubmodel is missing; give both, or neither."
    if parameters.hubmodel and parameters.networkisolation and not parameters.hubsecret:
        yield "hubmodel needs a network to download from; give ModelArtifacts, or leave out networkisolation."


@_rule("framework", "engine", "serverless", "hostinstancetype", "gpus")
def _an_engine_fits_its_instance(parameters: BuildParameters) -> Iterator[str]:
    if not isinstance(parameters, LlmParameters):
        return
    if parameters.serverless:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, feature exclusions: GPUs
        yield "serverless is not for framework LLM; give hostinstancetype."
    engine = ENGINES[parameters.engine]
    host, kind = parameters.hostinstancetype, processor_of(parameters.hostinstancetype)
    if kind not in engine.tables:
        runs = f"engine {parameters.engine} runs on {' and '.join(engine.tables)} instances"
        yield f"hostinstancetype is {host}, a {kind} instance; {runs}."
        return
    there = count_gpus(host)
    if parameters.gpus and not engine.gpus:
        yield f"gpus is not for engine {parameters.engine}, which uses one GPU; leave it out."
    elif parameters.gpus and kind == "gpu" and there is not None and parameters.gpus > there:
        yield f"gpus is {parameters.gpus}; {host} has {there}."
    elif parameters.gpus is None and there is None and engine.gpus:
        yield (
            f"gpus is missing; the number of GPUs of {host} is not known, so give the number for one copy of the model."
        )


@_rule("framework", "modelhostingenvironment", "engineoptions")
def _a_document_has_no_token(parameters: BuildParameters) -> Iterator[str]:
    if not isinstance(parameters, LlmParameters):
        return
    given = {f"modelhostingenvironment.{name}": name for name in parameters.modelhostingenvironment}
    given |= {f"engineoptions.{name}": name.replace("-", "_") for name in parameters.engineoptions}
    for place, name in given.items():
        if name.upper() in TOKEN_VARIABLES:
            yield (
                f"{place} would store a secret in the document and in the model, where others can read it; store it in "
                "Secrets Manager, and give the ARN of the secret in hubsecret."
            )


@_rule("framework", "engine", "engineoptions", "modelhostingenvironment")
def _each_variable_is_set_once(parameters: BuildParameters) -> Iterator[str]:
    if not isinstance(parameters, LlmParameters):
        return
    facts = ENGINES[parameters.engine]
    own = {facts.model: "hubmodel or ModelArtifacts", facts.gpus: "gpus"}
    for option in parameters.engineoptions:
        variable = name_option(parameters.engine, option)
        if variable in own:
            yield f"engineoptions.{option} is set by the build; give {own[variable]} instead."
        if variable in parameters.modelhostingenvironment:
            yield f"engineoptions.{option} and modelhostingenvironment.{variable} are the same variable; give it once."
    for variable in parameters.modelhostingenvironment:
        if variable in own:
            yield f"modelhostingenvironment.{variable} is set by the build; give {own[variable]} instead."
