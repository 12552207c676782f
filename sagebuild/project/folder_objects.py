"""Shows the files of a project as if they were in S3 already, so that the checks of a build examine them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import md5
from typing import Any

from boto3.s3.transfer import TransferConfig

from sagebuild.errors import OfflineError

Place = tuple[str, str]  # bucket and key


@dataclass(frozen=True)
class FolderObject:
    """A future object in S3: its size in bytes, and a function that reads it."""

    size: int
    read: Callable[[], bytes]

    @cached_property
    def etag(self) -> str:
        """The ETag that S3 gives to the object; for a large one, a value that no object has.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html: it is an MD5 unless the upload has parts or
        the bucket uses SSE-KMS. boto3 uploads files above the threshold in parts.
        """
        if self.size >= TransferConfig().multipart_threshold:
            return f'"unknown-{self.size}"'
        return f'"{md5(self.read(), usedforsecurity=False).hexdigest()}"'


class FolderObjects:
    """An S3 client that answers from a project for the objects that it brings, and from S3 for all others.

    Parameters
    ----------
    objects
        The future objects by bucket and key.
    client
        The real client; None without a stack.
    """

    def __init__(self, objects: Mapping[Place, FolderObject], client: Any = None) -> None:
        self._objects = objects
        self._client = client

    def get_object(self, **request: Any) -> Any:
        """Read an object, as S3's GetObject does."""
        found = self._objects.get((request["Bucket"], request["Key"]))
        if found is None:
            return self._real.get_object(**request)
        return {"ContentLength": found.size, "Body": io.BytesIO(found.read())}

    def get_paginator(self, name: str) -> Any:
        """Return a paginator, which lists the future objects for ListObjectsV2."""
        return _Pages(self._objects, self) if name == "list_objects_v2" else self._real.get_paginator(name)

    def list_real(self, request: Mapping[str, Any]) -> Iterator[Any]:
        """List the objects that are in S3."""
        yield from self._real.get_paginator("list_objects_v2").paginate(**request)

    @property
    def _real(self) -> Any:
        if self._client is None:
            raise OfflineError("S3 is not examined without a stack; pass --stack to examine it.")
        return self._client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@dataclass(frozen=True)
class _Pages:
    objects: Mapping[Place, FolderObject]
    owner: FolderObjects

    def paginate(self, **request: Any) -> Iterator[Any]:
        """Yield the future objects below a prefix; only if there are none, those that are in S3."""
        found = [
            {"Key": key, "Size": one.size, "ETag": one.etag}
            for (bucket, key), one in self.objects.items()
            if bucket == request["Bucket"] and key.startswith(request["Prefix"])
        ]
        if not found:
            yield from self.owner.list_real(request)
        yield {"Contents": found}


def refuse_client(name: str) -> Any:
    """Refuse to create the client of an AWS service, without a stack.

    Raises
    ------
    OfflineError
        Always.
    """
    raise OfflineError(f"{name} is not examined without a stack; pass --stack to examine it.")
