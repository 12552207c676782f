"""Lists and deletes the copies of model files that the builds' models serve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sagebuild.builds.records import ModelFile
from sagebuild.names import key_model_folder
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


def list_files(service: Service, uri: str) -> Iterator[ModelFile]:
    """Yield the objects whose addresses begin with an S3 URI, in the order of their keys."""
    bucket, prefix = split_s3_uri(uri)
    with aws_call(f"list {uri}"):
        for page in service.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield {
                    "uri": f"s3://{bucket}/{found['Key']}",
                    "etag": found["ETag"].strip('"'),
                    "bytes": found["Size"],
                }


def locate_copies(service: Service, number: int) -> str:
    """Return the S3 URI of the folder with the copies of a build."""
    return f"s3://{service.settings.model_bucket}/{key_model_folder(service, number)}"


def list_copies(service: Service, number: int) -> list[ModelFile]:
    """Return the copies of a build as they are now."""
    return list(list_files(service, locate_copies(service, number)))


def delete_copies(service: Service, number: int) -> None:
    """Delete the copies of a build."""
    copies = list_copies(service, number)
    keys: list[ObjectIdentifierTypeDef] = [{"Key": split_s3_uri(each["uri"])[1]} for each in copies]
    with aws_call(f"delete the model files of build {number}"):
        for first in range(0, len(keys), 1000):  # the most that one call deletes
            batch = keys[first : first + 1000]
            service.s3.delete_objects(Bucket=service.settings.model_bucket, Delete={"Objects": batch, "Quiet": True})
