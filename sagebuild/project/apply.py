"""Makes a pipeline of a stack match a project: source archive, parameter document, data."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.differences import Change
from sagebuild.client.document import Parameters
from sagebuild.client.upload_results import format_size
from sagebuild.errors import ConflictError, InputError
from sagebuild.parameters.json_text import read_leniently
from sagebuild.parameters.store import find_document, name_document
from sagebuild.project.applied import describe_applied, find_foreign_change
from sagebuild.project.content import Content, InputData, read_content
from sagebuild.project.file import Definition, ProjectData
from sagebuild.project.git import describe_commit
from sagebuild.project.resources import ResourcesChange, apply_resources, find_resources_change
from sagebuild.service import Service, aws_call

_HASH = "sha256"  # the metadata of an object


@dataclass(frozen=True)
class Upload:
    """A file to upload: its name below data, its path, and the bucket and key."""

    name: str
    path: Path
    bucket: str
    key: str


@dataclass(frozen=True)
class ProjectChanges:
    """The differences between a project and a pipeline.

    Parameters
    ----------
    document
        The document before and after.
    brings_archive
        Whether the source archive is not in the code bucket yet.
    uploads
        The data files that differ.
    notes
        Sentences about objects that stay.
    conflict
        Explains a change of the document that no project made; empty without one.
    commit
        The git commit of the project, with -dirty if its files differ from it; empty without one.
    resources
        What happens to the stack of the project's own resources; None if it does not change.
    """

    content: Content
    document: Change
    brings_archive: bool
    uploads: Sequence[Upload]
    notes: Sequence[str]
    conflict: str
    commit: str
    resources: ResourcesChange | None = None

    @property
    def is_empty(self) -> bool:
        """False if the pipeline differs from the project."""
        return not (self.document.differences or self.brings_archive or self.uploads or self.resources)

    @property
    def lines(self) -> list[str]:
        """A line for each difference, which begins with +, - or ~."""
        lines = []
        if self.brings_archive and (archive := self.content.archive):
            count = len(archive.listing.files)
            files = "1 file" if count == 1 else f"{count} files"
            lines.append(f"+ source: {archive.name} ({files}, {format_size(archive.listing.size)})")
        lines += [str(self.resources)] if self.resources else []
        lines += self.document.differences
        lines += [f"+ data.{one.name}: s3://{one.bucket}/{one.key}" for one in self.uploads]
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        archive = self.content.archive
        return {
            "archive": archive.name if archive and self.brings_archive else None,
            "resources": self.resources.action if self.resources else None,
            "changes": self.document.to_list(),
            "data": [f"s3://{one.bucket}/{one.key}" for one in self.uploads],
            "notes": list(self.notes),
            "conflict": self.conflict,
            "commit": self.commit,
        }

    def __str__(self) -> str:
        return "\n".join(self.lines) or "No changes."


def find_changes(definition: Definition, service: Service) -> ProjectChanges:
    """Compare a project with a pipeline; scripts first create the data that does not exist.

    Raises
    ------
    ProjectFileError
        The project is invalid.
    InputError
        A script that creates data failed.
    """
    create_data(definition)
    with translating_errors():
        content = read_content(definition, service)
        stored = find_document(service) or ""
        document = Change(read_leniently(stored), content.document)
        conflict = find_foreign_change(service) if stored and document.differences else ""
        place = content.archive_place
        brings_archive = place is not None and not _exists(service, *place)
        uploads = [upload for data in content.data for upload in _find_uploads(service, data)]
        notes = [note for data in content.data for note in _find_others(service, data)]
        resources = find_resources_change(content)
    commit = describe_commit(definition.folder)
    return ProjectChanges(content, document, brings_archive, uploads, notes, conflict, commit, resources)


def apply_changes(changes: ProjectChanges, *, overwrite: bool = False) -> None:
    """Write what differs: the archive first, because resources and document name it, and the data last.

    Parameters
    ----------
    overwrite
        Replace a document that was changed after the last apply.

    Raises
    ------
    ConflictError
        The document was changed after the last apply, or after the comparison.
    """
    changes = deploy_resources(changes, overwrite=overwrite)
    content, service = changes.content, changes.content.service
    with translating_errors():
        if changes.document.differences:
            if not overwrite:
                _require_unchanged(service, changes.document)
            description = describe_applied(content.text, changes.commit)
            Parameters(service).replace(content.document, description=description)
        for upload in changes.uploads:
            _send(service, upload)


def deploy_resources(changes: ProjectChanges, *, overwrite: bool = False) -> ProjectChanges:
    """Write the archive and the project's own resources, and return the changes that remain.

    Raises
    ------
    ConflictError
        The document was changed after the last apply.
    """
    if changes.conflict and not overwrite:
        raise ConflictError(
            f"{changes.conflict}\nNothing was applied. Put the change into the project file, or pass --overwrite (in "
            "Python: overwrite=True) to replace the document."
        )
    content, service = changes.content, changes.content.service
    with translating_errors():
        if changes.brings_archive and content.archive and (place := content.archive_place):
            with aws_call(f"upload {content.archive.name}"):
                service.s3.upload_fileobj(BytesIO(content.archive.content), *place)
        if changes.resources:
            apply_resources(service, changes.resources)
    return replace(changes, brings_archive=False, resources=None)


def _require_unchanged(service: Service, document: Change) -> None:
    """Raise an error if the document is neither the one that was compared with the project, nor the project's own."""
    current = read_leniently(find_document(service) or "")
    if current not in (document.before, document.after):
        lines = Change(document.before, current).differences
        raise ConflictError(
            "\n".join([f"{name_document(service)} was changed while the project was applied:", *lines])
            + "\nThe document and the data were not written; apply the project again."
        )


def create_data(definition: Definition) -> None:
    """Run each script whose data does not exist.

    Raises
    ------
    InputError
        A script failed, or did not create its path.
    """
    for name, source in definition.content.data.items():
        if source.script and not (definition.folder / source.path).exists():
            _run_script(definition, name, source)


def _run_script(definition: Definition, name: str, source: ProjectData) -> None:
    command = [sys.executable, str(source.script), source.path]
    ended = subprocess.run(command, cwd=definition.folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
        raise InputError(f"data.{name}: {source.script} failed: {reason}")
    if not (definition.folder / source.path).exists():
        raise InputError(f"data.{name}: {source.script} did not create {source.path}, which it got as its argument.")


def _find_uploads(service: Service, data: InputData) -> Iterator[Upload]:
    for path, key in data.files:
        if _read_hash(service, data.bucket, key) != _hash(path):
            yield Upload(data.place.name, path, data.bucket, key)


def _find_others(service: Service, data: InputData) -> Iterator[str]:
    """Yield a sentence if the prefix has objects that are not in the project."""
    own = {key for _, key in data.files}
    with aws_call(f"list s3://{data.bucket}/{data.prefix}"):
        pages = service.s3.get_paginator("list_objects_v2").paginate(Bucket=data.bucket, Prefix=data.prefix)
        others = [one["Key"] for page in pages for one in page.get("Contents", ()) if one["Key"] not in own]
    if others:
        yield (
            f"{data.place.opening} also has {len(others)} objects that are not in the project, such as "
            f"s3://{data.bucket}/{others[0]}."
        )


def _send(service: Service, upload: Upload) -> None:
    metadata = {"Metadata": {_HASH: _hash(upload.path)}}
    with upload.path.open("rb") as content, aws_call(f"upload {upload.path}"):
        service.s3.upload_fileobj(content, upload.bucket, upload.key, ExtraArgs=metadata)


def _read_hash(service: Service, bucket: str, key: str) -> str:
    """Return the hash that an earlier apply stored with an object; empty if there is none."""
    found = _head(service, bucket, key)
    return str(found["Metadata"].get(_HASH, "")) if found else ""


def _exists(service: Service, bucket: str, key: str) -> bool:
    return _head(service, bucket, key) is not None


def _head(service: Service, bucket: str, key: str) -> Any:
    """Return HeadObject's answer; None if there is no such object, or if the user may not read it."""
    with aws_call(f"look for s3://{bucket}/{key}"):
        try:
            return service.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html: 403 without s3:ListBucket
            if error.response["Error"]["Code"] in ("404", "403", "NoSuchKey", "AccessDenied"):
                return None
            raise


def _hash(path: Path) -> str:
    with path.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()
