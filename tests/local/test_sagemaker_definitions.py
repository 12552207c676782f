"""Models, endpoint configurations and endpoints in local/: describe, list and refusals as on AWS."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import IMAGE, SERVE_DEFAULTS, SERVE_OWN, Host


@pytest.fixture(scope="module")
def host(engine: Engine) -> Host:
    return Host(engine)


def test_definitions_can_be_described_and_invalid_requests_are_refused(host: Host) -> None:
    model = host.model(SERVE_DEFAULTS)
    configuration = host.configure(main=model)
    container = {"Image": IMAGE}
    variant = {"VariantName": "main", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    client = host.sagemaker
    described = client.describe_model(ModelName=model)
    assert described["PrimaryContainer"]["Environment"]["SAGEMAKER_PROGRAM"] == "serve.py"
    described = client.describe_endpoint_config(EndpointConfigName=configuration)
    assert described["ProductionVariants"][0]["ModelName"] == model
    refused: list[tuple[Callable[[], Any], str]] = [
        (
            lambda: client.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=host.role),
            "Cannot create already existing model",
        ),
        (
            lambda: client.create_model(
                ModelName="a",
                PrimaryContainer=container,
                ExecutionRoleArn="arn:aws:iam::123456789012:role/missing",
            ),
            "Could not assume role",
        ),
        (
            lambda: client.create_endpoint_config(EndpointConfigName=configuration, ProductionVariants=[variant]),
            "Cannot create already existing endpoint configuration",
        ),
        (
            lambda: client.create_endpoint_config(
                EndpointConfigName="a", ProductionVariants=[variant | {"ModelName": "none"}]
            ),
            'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/none"',
        ),
        (
            lambda: client.create_endpoint(EndpointName="a", EndpointConfigName="none"),
            "Could not find endpoint configuration",
        ),
        (
            lambda: client.describe_endpoint(EndpointName="none"),
            'Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none".',
        ),
        (lambda: host.invoke("none", b"[1]"), "Endpoint none of account 123456789012 not found"),
        (
            lambda: client.update_endpoint_weights_and_capacities(
                EndpointName="a", DesiredWeightsAndCapacities=[{"VariantName": "main"}]
            ),
            'Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/a"',
        ),
    ]
    for call, message in refused:
        with pytest.raises(ClientError, match=message):
            call()
    client.delete_endpoint_config(EndpointConfigName=configuration)
    client.delete_model(ModelName=model)
    with pytest.raises(ClientError, match="Could not find model"):
        client.describe_model(ModelName=model)


def test_models_configurations_and_endpoints_are_listed(host: Host) -> None:
    client = host.sagemaker
    plain = host.begin(host.configure(main=host.model(SERVE_OWN)))
    host.settle(plain)
    listed = client.list_endpoints(NameContains=plain, StatusEquals="InService")["Endpoints"]
    assert [(one["EndpointName"], one["EndpointStatus"]) for one in listed] == [(plain, "InService")]
    assert client.list_endpoints(NameContains=plain, StatusEquals="Failed")["Endpoints"] == []
    names = [host.model(SERVE_DEFAULTS) for _ in range(3)]
    pages = list(client.get_paginator("list_models").paginate(SortBy="CreationTime", PaginationConfig={"PageSize": 2}))
    found = [one["ModelName"] for page in pages for one in page["Models"]]
    assert len(pages) > 1
    assert found[:3] == names[::-1]
    for _ in range(2):
        host.configure(main=names[0])
    configurations = client.list_endpoint_configs(SortBy="Name", SortOrder="Ascending", MaxResults=2)
    shown = [one["EndpointConfigName"] for one in configurations["EndpointConfigs"]]
    assert shown == sorted(shown)
    assert configurations["NextToken"]
