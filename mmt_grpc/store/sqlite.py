"""SQLite: write-ahead log, every commit synced, deleted content overwritten."""

import contextlib
import os
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from peewee import Database, SqliteDatabase

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.store.settings import SqliteLocation, StoreSettings
from mmt_grpc.store.statement import Row

_PRAGMAS: Final = (
    ("journal_mode", "wal"),
    ("synchronous", "full"),
    ("secure_delete", "on"),
    # Nothing of a row may spill into a temporary file that no checkpoint reaches.
    ("temp_store", "memory"),
    ("trusted_schema", "off"),
)
_NANOSECONDS: Final = 1_000
_OWNER_ONLY: Final = 0o600


class _QuietSqliteDatabase(SqliteDatabase):
    """Peewee's database without its debug log, which would carry every statement's parameters."""

    def _log_query(self, sql: object, params: object) -> None:
        """Log nothing."""


class SqliteDialect:
    """One database file, for several processes at once."""

    clock = "mmt_now()"
    is_file = True

    def __init__(self, *, location: SqliteLocation, settings: StoreSettings) -> None:
        self._path = location.path
        self._lock_timeout = settings.lock_timeout
        self._turn = threading.Lock()

    @contextmanager
    def turns(self) -> Iterator[None]:
        # SQLite has its writers try again by chance, and some of many wait very long. So the threads of a process queue
        # up here, and only one of each process tries.
        if not self._turn.acquire(timeout=self._lock_timeout):
            raise StoreUnavailableError
        try:
            yield
        finally:
            self._turn.release()

    def connect(self) -> Database:
        self._create()
        database = _QuietSqliteDatabase(
            self._path,
            pragmas=_PRAGMAS,
            timeout=self._lock_timeout,
            thread_safe=False,
            check_same_thread=False,
            lock_type="IMMEDIATE",
        )
        database.register_function(_now, "mmt_now", 0, deterministic=False)
        database.connect()
        return database

    def _create(self) -> None:
        """Make a missing file; the log and the shared memory beside it take over its mode.

        It is never opened for that: closing any descriptor of a file drops every lock of the process on it, those of
        its other connections too (POSIX), and the next process to leave would take the log away under them.
        """
        with contextlib.suppress(FileExistsError):
            os.mknod(self._path, stat.S_IFREG | _OWNER_ONLY)

    def is_alive(self, database: Database) -> bool:
        return not database.is_closed()

    def placeholders(self, sql: str) -> str:
        return sql

    def by_index(self, name: str) -> str:
        return f"INDEXED BY {name}"

    def packed(self, facts: Sequence[str], blobs: Sequence[str]) -> str:
        return ", ".join((" || ' ' || ".join(f"COALESCE({fact}, '')" for fact in facts), *blobs))

    def unpacked(self, row: Row) -> tuple[Sequence[str], Sequence[bytes]]:
        return row[0].split(" "), row[1:]

    def begin(self, database: Database) -> None:
        # IMMEDIATE: waits for the write lock here, where nothing is applied yet, and never fails for it later.
        database.begin()

    def table_settings(self, *, partitions: int | None) -> Sequence[str]:
        if partitions is not None:
            raise ValueError("SQLite has no partitions")
        return ("STRICT",)


def _now() -> int:
    return time.time_ns() // _NANOSECONDS
