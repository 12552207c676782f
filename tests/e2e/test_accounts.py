"""The service in two accounts of one engine, under the same name: each builds, serves and is removed alone."""

import pytest
from botocore.exceptions import ClientError

from tests.e2e.stack import NAME, DeployedStack, deploy, run_serverless

OTHER = "210987654321"


@pytest.mark.usefixtures("serving")
def test_a_stack_in_another_account_is_separate_from_the_one_of_the_same_name(stack: DeployedStack) -> None:
    live, number = stack.live_config(), stack.last_number()
    other = deploy(stack.engine.in_account(OTHER))
    assert f":{OTHER}:" in other.outputs["StateMachineArn"]
    assert other.outputs["DataBucket"] != stack.outputs["DataBucket"]
    record = other.build()
    assert (record["status"], record["number"]) == ("succeeded", 1)
    assert record["model_package"] == f"arn:aws:sagemaker:us-east-1:{OTHER}:model-package/{NAME}/1"
    assert other.ask_endpoint() > 0.9
    assert (stack.live_config(), stack.last_number()) == (live, number)
    with pytest.raises(ClientError, match="AccessDenied"):
        other.client("s3").get_object(Bucket=stack.outputs["DataBucket"], Key="train/digits.csv")
    removed = run_serverless(other.engine, "remove")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert other.client("dynamodb").list_tables()["TableNames"] == []
    assert other.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert stack.live_config() == live
    assert stack.build()["status"] == "succeeded"
