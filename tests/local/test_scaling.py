"""Application Auto Scaling in local/ answers AWS's error code for a missing target or policy."""

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine

VARIANT = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/nobody-has-made/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.mark.parametrize(
    ("operation", "more"), [("deregister_scalable_target", {}), ("delete_scaling_policy", {"PolicyName": "none"})]
)
def test_a_missing_target_or_policy_is_not_found(engine: Engine, operation: str, more: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="found for service namespace") as refused:
        getattr(engine.client("application-autoscaling"), operation)(**VARIANT, **more)
    assert refused.value.response["Error"]["Code"] == "ObjectNotFoundException"
