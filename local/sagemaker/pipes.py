"""Pipe mode: streams the objects of a training channel through one named pipe per epoch."""

import errno
import gzip
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_POLL_SECONDS = 0.02
_RECORDIO_MAGIC = 0xCED7230A


class Pipe:
    """The pipes of one channel on one machine.

    Parameters
    ----------
    path
        The channel's path; the pipes' paths end in _0, _1 and so on.
    read_epoch
        Reads the records of the channel from the start.
    """

    def __init__(self, path: Path, read_epoch: Callable[[], Iterator[bytes]]) -> None:
        self._path, self._read_epoch = path, read_epoch
        self._ended = threading.Event()
        self.failure = ""
        self._make(0)

    def start(self) -> None:
        """Start waiting for a reader of the first epoch."""
        threading.Thread(target=self._feed, name=f"pipe {self._path.name}", daemon=True).start()

    def end(self) -> None:
        """Stop waiting for readers."""
        self._ended.set()

    def _feed(self) -> None:
        epoch = 0
        while (pipe := self._open(epoch)) is not None:
            with suppress(BrokenPipeError), os.fdopen(pipe, "wb") as file:
                # A reader may stop early and open the next epoch.
                self._make(epoch + 1)
                try:
                    for record in self._read_epoch():
                        file.write(record)
                except BrokenPipeError:
                    raise
                except Exception as error:  # after any error, the job must not treat a part of an epoch as the whole
                    self.failure = str(error)
                    self._name(epoch + 1).unlink(missing_ok=True)
                    return
            self._name(epoch).unlink(missing_ok=True)
            epoch += 1

    def _open(self, epoch: int) -> int | None:
        """Open the pipe of an epoch when it has a reader; None when the job has ended."""
        while not self._ended.wait(_POLL_SECONDS):
            try:
                pipe = os.open(self._name(epoch), os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    continue
                return None
            os.set_blocking(pipe, True)
            return pipe
        return None

    def _make(self, epoch: int) -> None:
        with suppress(FileNotFoundError):  # the job has ended
            os.mkfifo(self._name(epoch))

    def _name(self, epoch: int) -> Path:
        return self._path.with_name(f"{self._path.name}_{epoch}")


def wrap_record(content: bytes) -> bytes:
    """A RecordIO record: magic number, length, and the content padded to a multiple of four bytes."""
    return struct.pack("<II", _RECORDIO_MAGIC, len(content)) + content + b"\0" * (-len(content) % 4)


def decompress(content: bytes) -> bytes:
    """The content of a gzip file."""
    with suppress(gzip.BadGzipFile, zlib.error, EOFError):
        return gzip.decompress(content)
    raise ValueError("an object of a channel with the CompressionType Gzip is not a gzip file")
