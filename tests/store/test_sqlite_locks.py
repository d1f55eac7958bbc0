"""Connections of one process to one SQLite file leave each other's locks alone."""

import subprocess
import sys
from pathlib import Path

from mmt_grpc.store.settings import SqliteLocation, StoreSettings
from mmt_grpc.store.sqlite import SqliteDialect
from mmt_grpc.store.statement import execute

VISITOR = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM t").fetchall()
connection.close()
"""


def test_a_visitor_who_leaves_does_not_take_the_log_away_under_those_who_stay(tmp_path: Path) -> None:
    """Whoever closes a file last removes its log: a process that has lost its locks does not count as being there."""
    path = tmp_path / "mmt.db"
    dialect = SqliteDialect(location=SqliteLocation(path=str(path)), settings=StoreSettings())
    first = dialect.connect()
    execute(first, "CREATE TABLE t (number INTEGER)")
    second = dialect.connect()
    try:
        subprocess.run([sys.executable, "-c", VISITOR, path], check=True)
        assert path.with_name("mmt.db-wal").exists()
        execute(first, "INSERT INTO t VALUES (1)")
        assert execute(second, "SELECT COUNT(*) FROM t").fetchone() == (1,)
        counted = VISITOR.replace("fetchall()", "fetchone()[0] == 1 or sys.exit(1)")
        subprocess.run([sys.executable, "-c", counted, path], check=True)
    finally:
        first.close()
        second.close()


def test_a_new_file_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "mmt.db"
    database = SqliteDialect(location=SqliteLocation(path=str(path)), settings=StoreSettings()).connect()
    try:
        execute(database, "CREATE TABLE t (number INTEGER)")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        assert set(modes.values()) == {0o600}, modes
    finally:
        database.close()
