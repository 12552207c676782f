"""Writes and reads the members of a container that name the data of its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def build_model_data(artifacts: str) -> dict[str, Any]:
    """Return the members of a container for an archive, for a folder that ends in a slash, or for no data if empty.

    https://docs.aws.amazon.com/sagemaker/latest/dg/large-model-inference-uncompressed.html
    """
    if is_archive(artifacts):
        return {"ModelDataUrl": artifacts}
    folder = {"S3Uri": artifacts, "S3DataType": "S3Prefix", "CompressionType": "None"}
    return {"ModelDataSource": {"S3DataSource": folder}} if artifacts else {}


def is_archive(artifacts: str) -> bool:
    """Return whether the address of a model's data is that of an archive."""
    return bool(artifacts) and not artifacts.endswith("/")


def read_model_data(container: Mapping[str, Any]) -> str:
    """Return the address that `build_model_data` wrote into a container; empty if it has no data."""
    folder = container.get("ModelDataSource", {}).get("S3DataSource", {})
    return str(container.get("ModelDataUrl") or folder.get("S3Uri", ""))
