"""The stores under test: the fake and every database, each empty and migrated."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import pymysql

from mmt_grpc.domain.ports.store import Budgets, CallerAdministration, Installations, Recoveries, Replicas
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.store import Store, open_store
from tests.store.material import Tokens
from tests.support.database_server import DatabaseServer
from tests.support.fakes_store import FakeClock, FakeStore

PARTITIONS = 8
TABLES = ("token", "client", "api_key", "connect_request", "replica", "installation", "event", "provider_budget")


class Planting(Protocol):
    """Writes columns of a row behind the store's back: what only a later version of the service brings about."""

    def __call__(self, row: TokenRow, **columns: int | bytes) -> None: ...


@dataclass(frozen=True)
class Backend:
    """A store by its ports, its clock's shift, and its outbox as (kind, token_key, generation)."""

    tokens: Tokens
    callers: CallerAdministration
    replicas: Replicas
    installations: Installations
    recoveries: Recoveries
    budgets: Budgets
    clock: FakeClock
    events: Callable[[], Sequence[tuple[str, bytes, int]]]
    plant: Planting


@dataclass(frozen=True)
class Database:
    """An empty, migrated database, which tests may look into by SQL, behind the store's back."""

    url: str
    store: Store
    clock: FakeClock

    def query(self, sql: str) -> Sequence[tuple[object, ...]]:
        return query(self.url, sql)

    def backend(self) -> Backend:
        store = self.store
        return Backend(
            store.tokens,  # type: ignore[arg-type]  # has both ports without being declared to
            store.callers,
            store.replicas,
            store.installations,
            store.recoveries,
            store.budgets,
            self.clock,
            self._events,
            self._plant,
        )

    def _plant(self, row: TokenRow, **columns: int | bytes) -> None:
        changes = ", ".join(f"{name} = {_literal(value)}" for name, value in columns.items())
        self.query(f"UPDATE token SET {changes} WHERE token_key = {_literal(row.binding.token_key)}")  # noqa: S608  # literals

    def _events(self) -> Sequence[tuple[str, bytes, int]]:
        rows = self.query("SELECT kind, token_key, generation FROM event ORDER BY at, id")
        return [(_text(kind), bytes(key), int(str(generation))) for kind, key, generation in rows]  # type: ignore[call-overload]  # a blob


def fake_backend() -> Backend:
    fake = FakeStore()

    def events() -> Sequence[tuple[str, bytes, int]]:
        return [(event.kind, event.token_key, event.generation) for event in fake.tokens.events]

    def plant(row: TokenRow, **columns: int | bytes) -> None:
        fake.tokens.rows[row.shard, row.binding.token_key] = replace(row, **columns)  # type: ignore[arg-type]  # by name

    return Backend(
        fake.tokens,  # type: ignore[arg-type]  # has both ports without being declared to
        fake.callers,
        fake.replicas,
        fake.installations,
        fake.recoveries,
        fake.budgets,
        fake.clock,
        events,
        plant,
    )


@contextlib.contextmanager
def database(url: str, *, partitions: int | None = None) -> Iterator[Database]:
    """Migrate the database at a URL, open it, and close it at the end."""
    clock = FakeClock()
    with contextlib.closing(open_store(url, clock_shift=lambda: clock.shift)) as store:
        store.migrate(partitions=partitions)
        yield Database(url, store, clock)


def migrated_url(server: DatabaseServer, *, partitions: int | None = None) -> str:
    """Make and migrate a database on a server, for many tests: a server takes seconds for its CREATE TABLEs."""
    url = server.fresh_database()
    with database(url, partitions=partitions):
        return url


@contextlib.contextmanager
def emptied(url: str) -> Iterator[Database]:
    """Open a migrated database after taking out what the test before left."""
    for table in TABLES:
        query(url, f"DELETE FROM {table}")  # noqa: S608  # names from the tuple above
    with database(url) as opened:
        yield opened


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'mmt.db'}"


def query(url: str, sql: str) -> Sequence[tuple[object, ...]]:
    """Run SQL in a connection of its own and return its rows."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        with contextlib.closing(sqlite3.connect(parts.path[1:], isolation_level=None)) as connection:
            return connection.execute(sql).fetchall()
    socket = parse_qs(parts.query)["unix_socket"][0]
    connected = pymysql.connect(
        unix_socket=socket,
        user=parts.username,
        password=parts.password or "",
        database=parts.path[1:],
        autocommit=True,
        ssl_disabled=True,
    )
    with contextlib.closing(connected), connected.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _literal(value: int | bytes) -> str:
    return f"X'{value.hex()}'" if isinstance(value, bytes) else str(int(value))


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
