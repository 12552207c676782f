"""Validates and unpacks deployment archives, and makes the temporary folders of sandboxes."""

import hashlib
import io
import shutil
import threading
import uuid
import zipfile
from pathlib import Path

from moto.awslambda.exceptions import InvalidParameterValueException

from local import config
from local.archives import unpack_zip

_MAX_UNZIPPED_BYTES = 262_144_000  # Lambda's quota for a function with its layers.
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
    """The folder with an archive's files; the same archive is unpacked only once."""
    folder = config.current().data / "functions" / hashlib.sha256(archive).hexdigest()[:32]
    with _lock:
        if not folder.exists():
            # The rename makes the folder appear only when it is complete.
            part = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}")
            part.mkdir(parents=True)
            unpack_zip(io.BytesIO(archive), part)
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
