"""A build copies a gated language model, and its token is in nothing that people can read."""

import json
from collections.abc import Iterator
from typing import Any

from local.hub import COMMIT, FILES
from tests.e2e.stack import NAME, DeployedStack

TOKEN = "hf_gated0123"
MODEL = "meta-llama/Llama-3.2-1B"


def build(stack: DeployedStack, secret: str) -> dict[str, Any]:
    """Build with the token of a secret; the record."""
    document = {"framework": "LLM", "engine": "VLLM", "hubmodel": MODEL, "hubsecret": secret, "deployEndpoint": False}
    stack.client("ssm").put_parameter(
        Name=stack.outputs["ParametersName"], Value=json.dumps(document), Type="String", Overwrite=True
    )
    return stack.finish(stack.start_by_voice())


def test_a_gated_model_is_copied_and_its_token_is_nowhere(stack: DeployedStack) -> None:
    secret = stack.client("secretsmanager").create_secret(Name=f"{NAME}/hub", SecretString=TOKEN)["ARN"]
    built = build(stack, secret)
    assert (built["status"], built["source_commit"]) == ("succeeded", COMMIT), built["reason"]
    assert {each["uri"].rpartition("/0/hub/")[2] for each in built["model_files"]} == set(FILES)
    model = stack.client("sagemaker").describe_model(ModelName=built["model"])["PrimaryContainer"]
    assert model["Environment"]["HF_HUB_OFFLINE"] == "1"
    assert model["ModelDataSource"]["S3DataSource"]["S3Uri"] == built["artifacts"]
    seen = [json.dumps(each, default=str) for each in _read_everything(stack, built)]
    assert not [each for each in seen if TOKEN in each]
    assert [each for each in seen if f"The source is commit {COMMIT}" in each], "the log of the fetch was not read"

    stack.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    failed = build(stack, secret)
    assert (failed["status"], failed["step"]) == ("failed", "Fetch Source")
    sentence = (
        f"The model {MODEL} could not be copied from the Hugging Face hub: ERROR: the secret {secret} cannot be read"
    )
    assert failed["reason"].startswith(sentence), failed["reason"]


def _read_everything(stack: DeployedStack, record: dict[str, Any]) -> Iterator[Any]:
    """Yield what AWS and the service report about a build."""
    yield record
    yield stack.client("sagemaker").describe_model(ModelName=record["model"])
    yield stack.client("ssm").get_parameters_by_path(Path=f"/{NAME}", Recursive=True)["Parameters"]
    machine = stack.client("stepfunctions")
    for execution in machine.list_executions(stateMachineArn=stack.outputs["StateMachineArn"])["executions"]:
        yield machine.describe_execution(executionArn=execution["executionArn"])
        yield machine.get_execution_history(executionArn=execution["executionArn"])
    codebuild = stack.client("codebuild")
    ids = codebuild.list_builds_for_project(projectName=stack.outputs["SourceProject"])["ids"]
    yield codebuild.batch_get_builds(ids=ids)["builds"]
    logs = stack.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        yield logs.filter_log_events(logGroupName=group["logGroupName"], limit=10000)["events"]
