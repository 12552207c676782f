"""Reads what S3 has at an address: whether there is data, which versions of it, and whether it can be copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.running.model_files import list_files
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call
from sagebuild.steps.copy_time import explain_slow_copy

# Ten pages of a list.
MOST_OBJECTS = 10_000


def has_objects(service: Service, uri: str, *, is_one: bool = False) -> bool | None:
    """Return whether S3 has data at an address; None if the bucket denies access.

    The markers of folders that the S3 console creates are no data: they are empty, and their keys end in a slash.

    Parameters
    ----------
    is_one
        Whether the address is one object's; otherwise it is the beginning of keys.
    """
    _, prefix = split_s3_uri(uri)
    with aws_call(f"list {uri}"):
        try:
            found = _list_objects(service, uri, page_size=100)
            if is_one:
                return any(each["Key"] == prefix for each in found)
            return any(each["Size"] or not each["Key"].endswith("/") for each in found)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "NoSuchBucket":
                return False
            if code == "AccessDenied":
                return None
            raise


def list_versions(service: Service, uri: str) -> list[list[Any]]:
    """Return the key, the ETag and the size of each object at an address, which change with its content.

    Raises
    ------
    OverflowError
        There are more than `MOST_OBJECTS`.
    """
    versions: list[list[Any]] = []
    with aws_call(f"list {uri}"):
        for each in _list_objects(service, uri, page_size=1000):
            if len(versions) == MOST_OBJECTS:
                raise OverflowError(f"{uri} has more than {MOST_OBJECTS} objects")
            versions.append([each["Key"], each["ETag"], each["Size"]])
    return versions


def find_slow_copies(service: Service, uri: str, *, packs: bool) -> Iterator[str]:
    """Yield a sentence if Pack Model has no time to copy an archive, or a folder, whose address ends in a slash.

    Parameters
    ----------
    packs
        As `explain_slow_copy` takes it.
    """
    files = (each for each in list_files(service, uri) if uri.endswith("/") or each["uri"] == uri)
    if problem := explain_slow_copy(uri, (each["bytes"] for each in files), packs=packs):
        yield problem


def _list_objects(service: Service, uri: str, page_size: int) -> Iterator[Any]:
    bucket, prefix = split_s3_uri(uri)
    pages = service.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": page_size}
    )
    yield from (each for page in pages for each in page.get("Contents", []))
