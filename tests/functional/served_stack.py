"""A stack that other processes find: moto's server, and the outputs of the stack."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from tests.functional.conftest import REGION, STACK, Stack

OPTIONS = ("--stack", STACK, "--region", REGION)


def environment(address: str) -> dict[str, str]:
    """The environment in which AWS's tools talk to moto."""
    return {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@contextmanager
def serving_stack(stack: Stack) -> Iterator[str]:
    """The address of moto's server, where the stack has the outputs that sagebuild looks for."""
    settings = stack.settings
    outputs = {
        "BuildsTable": settings["BUILDS_TABLE"],
        "CodeBucket": settings["CODE_BUCKET"],
        "DataBucket": settings["DATA_BUCKET"],
        "Framework": settings["FRAMEWORK"],
        "HostingRoleArn": settings["HOSTING_ROLE_ARN"],
        "ImageLogGroup": "images",
        "ImageProject": settings["IMAGE_PROJECT"],
        "SourceProject": settings["SOURCE_PROJECT"],
        "ImageRepositoryUri": "registry/images",
        "LaunchTopicArn": settings["RESULTS_TOPIC_ARN"],
        "ModelBucket": settings["MODEL_BUCKET"],
        "ParametersName": settings["PARAMETERS_NAME"],
        "ResultsTopicArn": settings["RESULTS_TOPIC_ARN"],
        "StateMachineArn": settings["STATE_MACHINE_ARN"],
        "TrainingRoleArn": settings["TRAINING_ROLE_ARN"],
        "BucketAccess": settings["BUCKET_ACCESS"],
    }
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    client: Any = boto3.client("cloudformation", region_name=REGION)
    client.create_stack(StackName=STACK, TemplateBody=json.dumps(template))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
