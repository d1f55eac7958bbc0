"""`mmt dev` opens an empty database or its own, and no other."""

import sqlite3
from pathlib import Path

from tests.support.service import ended


def test_a_database_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "theirs.db"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE customers (name TEXT)")
    connection.close()

    done = ended("dev", "--state-dir", str(tmp_path / "state"), MMT_DATABASE_URL=f"sqlite:///{database}")

    assert done.returncode == 1
    assert "holds tables that are not MMT's" in done.stderr
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("customers",)]
    connection.close()
