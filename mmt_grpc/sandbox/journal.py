"""The state file: every change of a record is one upsert, so a restart finds all tokens again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

_BUSY_SECONDS = 2.0
"""How long to wait for a sandbox that is just letting go of the file."""
_SCHEMA = "CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID"
_UPSERT = "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"


class Journal:
    """Records on disk; with no path it forgets everything, which is what most tests want."""

    def __init__(self, *, path: Path | None) -> None:
        """Open or create the file with mode 0600; raises sqlite3.OperationalError if another sandbox holds it."""
        self._db: sqlite3.Connection | None = None
        if path is not None:
            # SQLite gives its -wal file the mode of the database file.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            path.chmod(0o600)
            self._db = _open(path)

    def records(self, kind: str) -> Iterator[str]:
        """The bodies of all records of one kind."""
        if self._db is not None:
            for (body,) in self._db.execute("SELECT body FROM record WHERE kind = ?", (kind,)):
                yield body

    def put(self, kind: str, key: str, body: str) -> None:
        """Remember a record with the next commit."""
        if self._db is not None:
            self._db.execute(_UPSERT, (kind, key, body))

    def drop(self, kind: str, key: str) -> None:
        """Forget a record with the next commit."""
        if self._db is not None:
            self._db.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))

    def commit(self) -> None:
        """Hand all changes since the last commit to the kernel: they survive a kill, not a power cut."""
        if self._db is not None and self._db.in_transaction:
            self._db.commit()

    def close(self) -> None:
        """Commit and let go of the file."""
        if self._db is not None:
            self._db.commit()
            self._db.close()
            self._db = None


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    try:
        # Exclusive: two sandboxes on one file would each accept the same one-time token.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(_SCHEMA)
        db.execute("BEGIN IMMEDIATE")
        db.commit()
    except sqlite3.Error:
        db.close()
        raise
    return db
