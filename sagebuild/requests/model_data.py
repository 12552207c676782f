"""Writes the members of a container that name the data of its model.

The state Create Model does the same in JSONata, because the address is known only after the training.
"""

from __future__ import annotations

from typing import Any


def build_model_data(artifacts: str) -> dict[str, Any]:
    """Return the members of a container for an archive, for a folder that ends in a slash, or for no data if empty.

    https://docs.aws.amazon.com/sagemaker/latest/dg/large-model-inference-uncompressed.html
    """
    if not artifacts:
        return {}
    if artifacts.endswith("/"):
        folder = {"S3Uri": artifacts, "S3DataType": "S3Prefix", "CompressionType": "None"}
        return {"ModelDataSource": {"S3DataSource": folder}}
    return {"ModelDataUrl": artifacts}
