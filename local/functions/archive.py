"""Validates and unpacks deployment archives, and makes the temporary folders of sandboxes."""

import hashlib
import io
import os
import re
import shutil
import threading
import uuid
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from local import config, processes
from local.archives import unpack_zip

_MAX_UNZIPPED_BYTES = 262_144_000  # Lambda's quota for a function with its layers.
DESCRIPTIONS = "botocore/data"  # of the operations of AWS's services
_lock = threading.Lock()


def check(archive: bytes) -> None:
    """Refuse an archive that Lambda cannot unpack.

    Raises
    ------
    InvalidParameterValueException
        When it is not a .zip archive, or is too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as content:
            size = sum(item.file_size for item in content.infolist())
    except zipfile.BadZipFile:
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from None
    if size > _MAX_UNZIPPED_BYTES:
        raise InvalidParameterValueException(f"Unzipped size must be smaller than {_MAX_UNZIPPED_BYTES} bytes")


def unpack(archive: bytes) -> Path:
    """The folder with a function's code; the same archive is unpacked only once."""
    return _unpack(archive, hashlib.sha256(archive).hexdigest(), lambda _: False)


def unpack_layer(layer: Any) -> Path:
    """The folder that represents /opt, with what a layer has and the engine's libraries do not.

    A package that both have is the engine's, because a layer's may be built for Lambda's platform. Of botocore, the
    layer's descriptions of the services are unpacked: a function can then call only the operations that its layer has.

    Parameters
    ----------
    layer
        One of moto's LayerVersions.
    """
    return _unpack(layer.code_bytes, layer.code_sha_256, _is_represented)


def _is_represented(name: str) -> bool:
    """Whether the engine's libraries represent an entry of a layer."""
    # https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html lists both folders.
    found = re.match(r"python/(?:lib/python[\d.]+/site-packages/)?(?P<path>(?P<package>[^/]+).*)", name)
    if found is None or found["path"].startswith(f"{DESCRIPTIONS}/"):
        return False
    return _stem(found["package"]) in _list_installed()


@cache
def _list_installed() -> frozenset[str]:
    folders = processes.LIBRARIES.split(os.pathsep)
    return frozenset(_stem(path.name) for folder in folders for path in Path(folder).iterdir())


def _stem(name: str) -> str:
    """The name of a package without a version or an ending."""
    return name.partition("-")[0].partition(".")[0]


def _unpack(archive: bytes, digest: str, left_out: Callable[[str], bool]) -> Path:
    folder = config.current().data / "functions" / re.sub(r"\W", "", digest)[:32]
    with _lock:
        if not folder.exists():
            # The rename makes the folder appear only when it is complete.
            part = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}")
            part.mkdir(parents=True)
            unpack_zip(io.BytesIO(archive), part, left_out)
            part.rename(folder)
    return folder


def scratch() -> Path:
    """Make the temporary folder of a sandbox."""
    folder = config.current().data / "functions" / "tmp" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder


def discard(folder: Path) -> None:
    """Delete a temporary folder."""
    shutil.rmtree(folder, ignore_errors=True)
