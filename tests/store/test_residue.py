"""Nothing of a deleted row stays in SQLite's files."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mmt_grpc.store import Store
from tests.store.backends import Database, database, sqlite_url
from tests.store.material import Tokens, beat, connect, connection, current, lease, refreshed

SECRET = b"planted-ciphertext-" * 600
SECOND = b"refreshed-ciphertext-" * 600


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Database]:
    with database(sqlite_url(tmp_path)) as made:
        yield made


def lived_through(tokens: Tokens) -> tuple[int, bytes]:
    """Connect, refresh and delete a row with recognisable blobs, and return its key."""
    made = connection()
    row = connect(tokens, replace(made, sealed=replace(made.sealed, access_blob=SECRET)))
    brought = replace(refreshed(), access_blob=SECOND, renewal_blob=SECRET)
    assert tokens.commit_refresh(row, attempt_id=lease(tokens, row), refreshed=brought)
    assert tokens.delete(current(tokens, row)) is not None
    return row.shard, row.binding.token_key


def residue(folder: Path) -> list[str]:
    """Return which of the database's files still hold any of it."""
    return sorted(
        path.name for path in folder.iterdir() for piece in (SECRET[:19], SECOND[:21]) if piece in path.read_bytes()
    )


def test_a_deleted_row_is_in_no_file(opened: Database, tmp_path: Path) -> None:
    for _ in range(3):
        lived_through(opened.backend().tokens)

    assert residue(tmp_path) == []
    assert (tmp_path / "mmt.db-wal").stat().st_size == 0


def test_a_row_that_is_there_is_found_by_the_search(opened: Database, tmp_path: Path) -> None:
    made = connection()
    connect(opened.backend().tokens, replace(made, sealed=replace(made.sealed, access_blob=SECRET)))

    assert residue(tmp_path) != []


def test_other_rows_outlive_a_delete(opened: Database) -> None:
    tokens = opened.backend().tokens
    rows = [connect(tokens) for _ in range(20)]
    for row in rows[::2]:
        tokens.delete(row)

    assert [current(tokens, row) for row in rows[1::2]] == rows[1::2]


@contextlib.contextmanager
def reader(folder: Path) -> Iterator[sqlite3.Connection]:
    """Hold a read transaction open, as a backup does."""
    with contextlib.closing(sqlite3.connect(folder / "mmt.db", isolation_level=None)) as connected:
        connected.execute("BEGIN")
        connected.execute("SELECT COUNT(*) FROM token").fetchone()
        yield connected


def finish_by_beat(store: Store) -> None:
    store.replicas.beat(beat())


def finish_by_delete(store: Store) -> None:
    tokens: Tokens = store.tokens  # type: ignore[assignment]  # has both ports without being declared to
    tokens.delete(connect(tokens))


@pytest.mark.parametrize("finish", [finish_by_beat, finish_by_delete])
def test_what_a_reader_held_back_is_finished_later(
    opened: Database, tmp_path: Path, finish: Callable[[Store], None]
) -> None:
    tokens = opened.backend().tokens
    with reader(tmp_path):
        shard, token_key = lived_through(tokens)
        assert tokens.read(shard, token_key).row is None
        assert residue(tmp_path) != []

    finish(opened.store)

    assert residue(tmp_path) == []


def test_the_files_are_their_owners_alone(opened: Database, tmp_path: Path) -> None:
    connect(opened.backend().tokens)

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"mmt.db": 0o600, "mmt.db-wal": 0o600, "mmt.db-shm": 0o600}


def test_commits_are_synced_and_deleted_content_is_overwritten(opened: Database) -> None:
    def pragma(name: str) -> object:
        rows = opened.store._execution.read(lambda session: session.rows(f"PRAGMA {name}"))
        return rows[0][0]

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("secure_delete")) == ("wal", 2, 1)
