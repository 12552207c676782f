"""A training's checkpoints: brought from S3 before it, and written back there while it runs."""

import threading
from contextlib import suppress
from pathlib import Path

from local import config
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import CONTAINER_BASE, Json

DEFAULT_PATH = f"{CONTAINER_BASE}checkpoints"
_SYNC_SECONDS = 10.0


class Checkpoints:
    """The folder of checkpoints of one container, and its copy in S3.

    Parameters
    ----------
    asked
        The CheckpointConfig of the job.
    objects
        S3 as the job's role sees it.
    base
        The folder that is laid out as /opt/ml.
    """

    def __init__(self, asked: Json, objects: Objects, base: Path) -> None:
        self._uri: str = asked["S3Uri"].rstrip("/")
        self._folder = base / (asked.get("LocalPath") or DEFAULT_PATH).removeprefix(CONTAINER_BASE)
        self._objects = objects
        self._stored: dict[str, tuple[int, int]] = {}
        self._ended = threading.Event()
        self._keeper: threading.Thread | None = None

    def fetch(self) -> None:
        """Download the checkpoints of an earlier training, if there are any."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._objects.fetch_into(self._folder, self._objects.list_prefix(f"{self._uri}/"))
        self._stored = self._look()

    def keep(self) -> None:
        """Begin to upload, every few seconds, what is new or has changed."""
        self._keeper = threading.Thread(target=self._work, daemon=True)
        self._keeper.start()

    def finish(self) -> None:
        """Upload for the last time. What a training deletes stays in S3."""
        self._ended.set()
        if self._keeper:
            self._keeper.join()
        self._store()

    def _work(self) -> None:
        while not self._ended.wait(_SYNC_SECONDS / config.current().time_scale):
            # What cannot be uploaded now is tried again, and at the end it fails the job.
            with suppress(ObjectError):
                self._store()

    def _store(self) -> None:
        for name, state in self._look().items():
            if self._stored.get(name) == state:
                continue
            with suppress(FileNotFoundError), (self._folder / name).open("rb") as file:
                self._objects.store(file, f"{self._uri}/{name}")
                self._stored[name] = state

    def _look(self) -> dict[str, tuple[int, int]]:
        """Size and age of every file; one may vanish meanwhile."""
        found = {}
        for path in self._folder.rglob("*"):
            with suppress(FileNotFoundError):
                if path.is_file():
                    state = path.stat()
                    found[str(path.relative_to(self._folder))] = (state.st_size, state.st_mtime_ns)
        return found
