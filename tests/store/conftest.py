"""One suite, every store: the fake, SQLite, MariaDB, MariaDB with partitions, and MySQL where it was asked for."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.backends import (
    PARTITIONS,
    Backend,
    Database,
    database,
    emptied,
    fake_backend,
    migrated_url,
    sqlite_url,
)
from tests.store.material import Tokens
from tests.support.database_server import DatabaseServer
from tests.support.mariadb import mariadb
from tests.support.mysql import mysql

__all__ = ["mariadb", "mysql"]

MYSQL = pytest.param("mysql", marks=pytest.mark.mysql)
DATABASES = ["sqlite", "mariadb", "mariadb-partitioned", MYSQL]


@pytest.fixture(scope="session")
def mariadb_url(mariadb: DatabaseServer) -> str:
    """A migrated database on MariaDB."""
    return migrated_url(mariadb)


@pytest.fixture(scope="session")
def partitioned_url(mariadb: DatabaseServer) -> str:
    """A migrated database on MariaDB whose tokens are partitioned by shard."""
    return migrated_url(mariadb, partitions=PARTITIONS)


@pytest.fixture(scope="session")
def mysql_url(mysql: DatabaseServer) -> str:
    """A migrated database on MySQL."""
    return migrated_url(mysql)


@pytest.fixture(params=DATABASES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database of each kind."""
    with _open(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture(params=["fake", *DATABASES])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """An empty store of each kind."""
    if request.param == "fake":
        yield fake_backend()
        return
    with _open(request.param, request, tmp_path) as made:
        yield made.backend()


@pytest.fixture
def tokens(backend: Backend) -> Tokens:
    """Its rows."""
    return backend.tokens


def _open(kind: str, request: pytest.FixtureRequest, folder: Path) -> contextlib.AbstractContextManager[Database]:
    match kind:
        case "sqlite":
            return database(sqlite_url(folder))
        case "mariadb":
            return emptied(request.getfixturevalue("mariadb_url"))
        case "mariadb-partitioned":
            return emptied(request.getfixturevalue("partitioned_url"))
        case _:
            return emptied(request.getfixturevalue("mysql_url"))
