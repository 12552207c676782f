"""Checkpoints of a training job: downloaded from S3 before it, and uploaded while it runs."""

import threading
from contextlib import suppress
from pathlib import Path

from local import config
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import CONTAINER_BASE, Json

DEFAULT_PATH = f"{CONTAINER_BASE}checkpoints"
_SYNC_SECONDS = 10.0


class Checkpoints:
    """The checkpoint folder of one container, and its copy in S3.

    Parameters
    ----------
    settings
        The job's CheckpointConfig.
    objects
        S3 in the job's role.
    base
        The folder that represents /opt/ml.
    """

    def __init__(self, settings: Json, objects: Objects, base: Path) -> None:
        self._uri: str = settings["S3Uri"].rstrip("/")
        self._folder = base / (settings.get("LocalPath") or DEFAULT_PATH).removeprefix(CONTAINER_BASE)
        self._objects = objects
        self._stored: dict[str, tuple[int, int]] = {}
        self._ended = threading.Event()
        self._uploader: threading.Thread | None = None

    def fetch(self) -> None:
        """Download the checkpoints of an earlier job, if any."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._objects.fetch_into(self._folder, self._objects.list_prefix(f"{self._uri}/"))
        self._stored = self._list_files()

    def start_upload(self) -> None:
        """Start to upload new and changed files every few seconds."""
        self._uploader = threading.Thread(target=self._upload_regularly, daemon=True)
        self._uploader.start()

    def finish(self) -> None:
        """Upload for the last time. Files that the training deletes stay in S3."""
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
                if path.is_file():
                    state = path.stat()
                    found[str(path.relative_to(self._folder))] = (state.st_size, state.st_mtime_ns)
        return found
