"""Uploads the files of a container's folder to S3, at its end or while it runs."""

import threading
from contextlib import suppress
from pathlib import Path

from local import config
from local.sagemaker.objects import ObjectError, Objects

_SYNC_SECONDS = 10.0


class Upload:
    """A folder of a container, and its copy in S3.

    Parameters
    ----------
    folder
        The folder.
    uri
        The prefix in S3.
    objects
        S3 in the job's role.
    follows_links
        Whether to upload the files that symbolic links name.
    """

    def __init__(self, folder: Path, uri: str, objects: Objects, *, follows_links: bool = True) -> None:
        self._folder, self._uri, self._objects = folder, uri.rstrip("/"), objects
        self._follows_links = follows_links
        self._stored: dict[str, tuple[int, int]] = {}
        self._ended = threading.Event()
        self._uploader: threading.Thread | None = None

    def start_upload(self) -> None:
        """Start to upload new and changed files every few seconds."""
        self._uploader = threading.Thread(target=self._upload_regularly, daemon=True)
        self._uploader.start()

    def finish(self) -> None:
        """Upload for the last time. Files that the container deletes stay in S3."""
        self._ended.set()
        if self._uploader:
            self._uploader.join()
        self._upload()

    def _upload_regularly(self) -> None:
        while not self._ended.wait(config.scale_seconds(_SYNC_SECONDS)):
            # A failed upload is retried; only the last one fails the job.
            with suppress(ObjectError):
                self._upload()

    def _upload(self) -> None:
        for name, state in self._list_files().items():
            if self._stored.get(name) == state:
                continue
            with suppress(FileNotFoundError), (self._folder / name).open("rb") as file:
                self._objects.store(file, f"{self._uri}/{name}")
                self._stored[name] = state

    def _list_files(self) -> dict[str, tuple[int, int]]:
        """The size and modification time of every file; files may be deleted at the same time."""
        found = {}
        for path in self._folder.rglob("*"):
            with suppress(FileNotFoundError):
                if path.is_file() and (self._follows_links or not path.is_symlink()):
                    state = path.stat()
                    found[str(path.relative_to(self._folder))] = (state.st_size, state.st_mtime_ns)
        return found
