"""The engine's data folder: private to the user, locked by one engine, with its access key and the objects of S3."""

import fcntl
import os
import re
import secrets
import shutil
import stat
from dataclasses import replace
from pathlib import Path

from local.config import ACCESS_KEY_FILE, CannotStartError, Config

OBJECTS = "s3"  # its folder for the contents of objects
_LOCK = "lock"
_KEY_PREFIX = "LOCAL"  # AWS's keys begin with AKIA or ASIA, so this one is never taken for a real one

_lock_file = -1


def prepare(settings: Config) -> Config:
    """Make and lock the folder, without the objects of an earlier engine.

    Returns
    -------
    Config
        The settings, with the folder's access key.

    Raises
    ------
    CannotStartError
        When the folder cannot be used, or another engine uses it.
    """
    _lock(settings)
    shutil.rmtree(settings.data / OBJECTS, ignore_errors=True)
    (settings.data / OBJECTS).mkdir()
    return replace(settings, access_key=_read_access_key(settings.data / ACCESS_KEY_FILE))


def _lock(settings: Config) -> None:
    """Lock the data folder for this process; the operating system releases it when the process ends."""
    global _lock_file
    try:
        _lock_file = _open_private(settings.data)
        fcntl.flock(_lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(_lock_file, 200).decode().strip()
        raise CannotStartError(
            f"{settings.data} is in use by another engine ({holder}); stop it, or use another folder: "
            f"--data {settings.data}-{settings.port}"
        ) from error
    except OSError as error:
        raise CannotStartError(
            f"cannot write to {error.filename or settings.data} ({error.strerror}); use another folder: --data FOLDER"
        ) from error
    os.truncate(_lock_file, 0)
    os.write(_lock_file, f"process {os.getpid()}, {settings.endpoint_url}\n".encode())


def _open_private(folder: Path) -> int:
    """Open the file that locks a folder; make the folder, which only this user may open."""
    lock = folder / _LOCK
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        if any(folder.iterdir()) and not lock.exists():
            raise CannotStartError(
                f"{folder} has other files, and other users can open it; use another folder: --data FOLDER"
            )
        folder.chmod(0o700)
    return os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)


def _read_access_key(file: Path) -> str:
    """The access key of the folder, which stays the same after a restart; a new folder gets a random one."""
    try:
        if not file.exists():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
                new.write(_KEY_PREFIX + secrets.token_hex(10).upper())
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStartError(f"cannot read the access key in {file} ({error}); delete the file") from error
    if not re.fullmatch(r"[A-Za-z0-9]{4,64}", key):
        raise CannotStartError(f"the access key in {file} must be 4 to 64 letters and digits; delete it for a new one")
    return key
