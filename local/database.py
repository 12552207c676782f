"""A temporary database of this engine, for what is kept for long and seldom read: it takes a few MB of memory at most.

Its file in the data folder has no name, so the operating system deletes it when the process ends, however it ends.
"""

import pickle  # nosec B403: for values of this process only
import sqlite3
import threading
import uuid
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from local import config

_SET_UP = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -1000; -- KB
CREATE TABLE packed (id INTEGER PRIMARY KEY, value BLOB);
CREATE TABLE made (row TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID; -- of the audit
"""

_lock = threading.Lock()
_unused: deque[int | None] = deque()


@contextmanager
def opened() -> Iterator[sqlite3.Connection]:
    """The database, for one thread at a time; each statement is a transaction."""
    with _lock:
        yield _connect()


@cache
def _connect() -> sqlite3.Connection:
    # SQLite's own temporary database would be outside the data folder:
    # https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations
    file = config.current().data / f"database-{uuid.uuid4().hex}"
    connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    connection.executescript(_SET_UP)
    file.unlink()
    return connection


class Packed:
    """A value outside the memory of the process, compressed; it is deleted together with this object."""

    __slots__ = ("_row",)

    def __init__(self, value: Any) -> None:
        self._row: int | None = None  # until it is stored
        packed = zlib.compress(pickle.dumps(value))
        with opened() as database:
            while _unused:
                database.execute("DELETE FROM packed WHERE id = ?", (_unused.popleft(),))
            self._row = database.execute("INSERT INTO packed (value) VALUES (?)", (packed,)).lastrowid

    def __del__(self) -> None:
        # The garbage collector may run anywhere, also where the database is locked.
        _unused.append(self._row)

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Packed":
        """The same object, because the value never changes; a second one would delete the value of the first."""
        return self

    def read(self) -> Any:
        """A copy of the value."""
        with opened() as database:
            (packed,) = database.execute("SELECT value FROM packed WHERE id = ?", (self._row,)).fetchone()
        return pickle.loads(zlib.decompress(packed))  # nosec B301: packed above
