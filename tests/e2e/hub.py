"""A gated language model in a deployed stack, whose token is in nothing that people can read."""

import json
from collections.abc import Iterator
from typing import Any

from local.hub import COMMIT, FILES
from sagebuild.parameters.store import write_document
from tests.e2e.pipelines import Pipeline
from tests.e2e.stack import NAME, DeployedStack

TOKEN = "hf_gated0123"
CHAT = {"messages": [{"role": "user", "content": "Hello"}]}
DOCUMENT = {
    "framework": "LLM",
    "engine": "VLLM",
    "hubmodel": "meta-llama/Llama-3.2-1B",
    "hostinstancetype": "ml.g5.xlarge",
    "networkisolation": True,
}


def use_hub(stack: DeployedStack) -> None:
    """Deploy a gated model in a named pipeline; fetch it in the default pipeline; then fail without the secret."""
    secret = stack.client("secretsmanager").create_secret(Name=f"{NAME}/hub", SecretString=TOKEN)["ARN"]
    pipeline, document = Pipeline(stack, "gated"), DOCUMENT | {"hubsecret": secret}
    write_document(pipeline.service, document, overwrite=True)
    built = pipeline.finish(pipeline.start())
    assert (built["status"], built["source_commit"]) == ("succeeded", COMMIT), built["reason"]
    assert {each["uri"].rpartition("/0/hub/")[2] for each in built["model_files"]} == set(FILES)
    answer = stack.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=pipeline.endpoint, Body=json.dumps(CHAT), ContentType="application/json"
    )
    assert "You said: Hello" in answer["Body"].read().decode()
    seen = [json.dumps(each, default=str) for each in _read_everything(stack, pipeline, built)]
    assert not [each for each in seen if TOKEN in each]
    assert [each for each in seen if f"The source is commit {COMMIT}" in each], "the log of the fetch was not read"

    write_document(pipeline.service.for_pipeline(""), document | {"deployEndpoint": False}, overwrite=True)
    default = stack.finish(stack.start_by_voice())
    assert (default["status"], default["source_commit"]) == ("succeeded", COMMIT), default["reason"]
    stack.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    failed = pipeline.finish(pipeline.start())
    assert (failed["status"], failed["step"]) == ("failed", "Fetch Source")
    sentence = f"The model {DOCUMENT['hubmodel']} could not be copied from the Hugging Face hub: ERROR: the secret"
    assert failed["reason"].startswith(f"{sentence} {secret} cannot be read"), failed["reason"]


def _read_everything(stack: DeployedStack, pipeline: Pipeline, record: dict[str, Any]) -> Iterator[Any]:
    """Yield what AWS and the service report about a build."""
    yield record
    sagemaker, config = stack.client("sagemaker"), record["endpoint_config"]
    yield sagemaker.describe_model(ModelName=record["model"])
    yield sagemaker.describe_endpoint_config(EndpointConfigName=config)
    yield sagemaker.describe_endpoint(EndpointName=pipeline.endpoint)
    yield stack.client("ssm").get_parameters_by_path(Path=f"/{NAME}", Recursive=True)["Parameters"]
    machine = stack.client("stepfunctions")
    for execution in machine.list_executions(stateMachineArn=stack.outputs["BuildStateMachineArn"])["executions"]:
        yield machine.describe_execution(executionArn=execution["executionArn"])
        yield machine.get_execution_history(executionArn=execution["executionArn"])
    codebuild = stack.client("codebuild")
    ids = codebuild.list_builds_for_project(projectName=stack.outputs["SourceProject"])["ids"]
    yield codebuild.batch_get_builds(ids=ids)["builds"]
    logs = stack.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        yield logs.filter_log_events(logGroupName=group["logGroupName"], limit=10000)["events"]
