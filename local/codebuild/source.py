"""Fetches the source of a build from the engine's S3 or with git."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.archives import unpack_zip

Json = dict[str, Any]
# Runs a command in a folder; returns its exit code and output.
Run = Callable[[list[str], Path], tuple[int, str]]

_GIT = ("GITHUB", "GITHUB_ENTERPRISE", "GITLAB", "GITLAB_SELF_MANAGED", "BITBUCKET")


class SourceError(Exception):
    """The source cannot be fetched; the message says why."""


def fetch(source: Json, version: str | None, folder: Path, s3: Any, run: Run) -> str:
    """Fetch the source into a folder.

    Parameters
    ----------
    source
        A ProjectSource.
    version
        Commit, branch, tag or version of the S3 object; None is the newest.
    s3
        A client in the build's role.

    Returns
    -------
    str
        The version that was fetched; empty if there are no versions.

    Raises
    ------
    SourceError
        When it cannot be fetched.
    """
    kind, location = source["type"], source.get("location", "")
    folder.mkdir(parents=True)
    if kind == "NO_SOURCE":
        return ""
    if kind == "S3":
        try:
            return _fetch_objects(s3, location, version, folder)
        except ClientError as error:
            details = error.response["Error"]
            raise SourceError(f"{details['Code']}: {details['Message']} ({location})") from error
    if kind in _GIT:
        return _clone(location, version, folder, run)
    raise SourceError(f"local/ has no sources of type {kind}; give the source in S3 or by a git address")


def _fetch_objects(s3: Any, location: str, version: str | None, folder: Path) -> str:
    bucket, _, key = location.rpartition(":::")[2].partition("/")
    if key.endswith("/"):
        _fetch_folder(s3, bucket, key, folder)
        return ""
    given = {"VersionId": version} if version else {}
    archive = folder.with_suffix(".zip")
    answer = s3.get_object(Bucket=bucket, Key=key, **given)
    with archive.open("wb") as file:
        shutil.copyfileobj(answer["Body"], file)
    try:
        unpack_zip(archive, folder)
    except zipfile.BadZipFile as error:
        raise SourceError(f"{location} is not a zip archive; CodeBuild unpacks no other format") from error
    archive.unlink()
    return str(answer.get("VersionId") or answer["ETag"].strip('"'))


def _fetch_folder(s3: Any, bucket: str, prefix: str, folder: Path) -> None:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", []) if not entry["Key"].endswith("/")]
    if not keys:
        raise SourceError(f"there are no objects at {bucket}/{prefix}")
    for key in keys:
        path = (folder / key.removeprefix(prefix)).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise SourceError(f"the key {key} leads outside the source's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def _clone(location: str, version: str | None, folder: Path, run: Run) -> str:
    # Without "--", git would read an address that starts with a hyphen as an option.
    commands = [["git", "clone", "--quiet", "--", location, str(folder)]]
    if version:
        commands.append(["git", "checkout", "--quiet", version, "--"])
    for command in commands:
        code, printed = run(command, folder)
        if code:
            raise SourceError(f"git {command[1]} failed for {location}: {printed.strip() or f'exit status {code}'}")
    return run(["git", "rev-parse", "HEAD"], folder)[1].strip()
