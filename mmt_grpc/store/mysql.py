"""MySQL and MariaDB: strict sessions in UTC, READ COMMITTED, bounded waits, TLS unless it stays on the machine."""

import importlib
import math
import re
import ssl
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import pymysql
from peewee import Database, MySQLDatabase, PeeweeException
from pymysql.constants import CLIENT

from mmt_grpc.store.refusals import LaxSqlModeError
from mmt_grpc.store.servers import Server
from mmt_grpc.store.settings import Driver, ServerLocation, StoreSettings
from mmt_grpc.store.statement import Row, execute

_PARAMETER: Final = re.compile(r":([a-z_][a-z0-9_]*)")
_STRICT_MODES: Final = frozenset({"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"})


class _QuietMysqlDatabase(MySQLDatabase):
    """Peewee's database on a chosen driver, without its debug log, which would carry every statement's parameters."""

    def __init__(self, database: str, *, driver: Any, **options: Any) -> None:  # noqa: ANN401  # a DB-API module
        self._driver = driver
        super().__init__(database, thread_safe=False, **options)

    def _connect(self) -> object:
        return self._driver.connect(database=self.database, autocommit=True, **self.connect_params)

    def _log_query(self, sql: object, params: object) -> None:
        """Log nothing."""


class MysqlDialect:
    """A database on a server."""

    # NOW() is of the session's time zone, UTC, which has no hour twice.
    clock = "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)"
    is_file = False

    def __init__(
        self,
        *,
        location: ServerLocation,
        settings: StoreSettings,
        on_server: Callable[[Server], None] = lambda _: None,
    ) -> None:
        """`on_server` is told which server a connection was opened to, before anything is asked of it."""
        self._location = location
        self._settings = settings
        self._on_server = on_server

    def connect(self) -> Database:
        location, settings = self._location, self._settings
        whole = math.ceil if settings.driver is Driver.MYSQLCLIENT else float
        database = _QuietMysqlDatabase(
            location.database,
            driver=_driver(settings.driver),
            host=location.host,
            port=location.port,
            user=location.user,
            password=location.password,
            charset="utf8mb4",
            sql_mode=settings.sql_mode,
            init_command=self._init_command(),
            connect_timeout=whole(settings.connect_timeout),
            read_timeout=whole(settings.read_timeout),
            write_timeout=whole(settings.write_timeout),
            # An UPDATE counts the rows it found, as in SQLite, not those that it made differ.
            client_flag=CLIENT.FOUND_ROWS,
            **({} if location.unix_socket is None else {"unix_socket": location.unix_socket}),
            **_tls(location, settings),
        )
        database.connect()
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def turns(self) -> AbstractContextManager[None]:
        return nullcontext()

    def is_alive(self, database: Database) -> bool:
        try:
            execute(database, "DO 0")
        except (PeeweeException, OSError):
            return False
        return True

    def placeholders(self, sql: str) -> str:
        return _PARAMETER.sub(r"%(\1)s", sql)

    def by_index(self, name: str) -> str:
        return f"FORCE INDEX ({name})"

    def packed(self, facts: Sequence[str], blobs: Sequence[str]) -> str:
        # One column of bytes: how many blobs, their lengths, the facts, then the blobs themselves. PyMySQL spends more
        # on each further column than it takes to cut this apart.
        lengths = ", ".join(f"LENGTH({blob})" for blob in blobs)
        values = ", ".join(f"COALESCE({fact}, '')" for fact in facts)
        return f"CONCAT(CONCAT_WS(' ', {len(blobs)}, {lengths}, {values}), '|', {', '.join(blobs)})"

    def unpacked(self, row: Row) -> tuple[Sequence[str], Sequence[bytes]]:
        head, _, rest = row[0].partition(b"|")
        count, *fields = head.decode().split(" ")
        blobs: list[bytes] = []
        at = 0
        for length in fields[: int(count)]:
            blobs.append(rest[at : at + int(length)])
            at += int(length)
        return fields[int(count) :], blobs

    def begin(self, database: Database) -> None:
        database.begin()

    def table_settings(self, *, partitions: int | None) -> Sequence[str]:
        settings = ("ENGINE=InnoDB", "CHARACTER SET binary")
        return settings if partitions is None else (*settings, f"PARTITION BY KEY (shard) PARTITIONS {int(partitions)}")

    def _init_command(self) -> str:
        """Return the one SET of a session."""
        settings = self._settings
        assignments = ["time_zone = '+00:00'", f"innodb_lock_wait_timeout = {max(1, round(settings.lock_timeout))}"]
        if settings.wsrep_sync_wait is not None:
            assignments.append(f"wsrep_sync_wait = {int(settings.wsrep_sync_wait)}")
        if settings.group_replication_consistency is not None:
            assignments.append(f"group_replication_consistency = '{settings.group_replication_consistency}'")
        return "SET " + ", ".join(f"SESSION {assignment}" for assignment in assignments)

    def _prepare(self, database: Database) -> None:
        # A guarded UPDATE needs no snapshot, and what it did not find must be seen as it is by the next SELECT of the
        # transaction. READ COMMITTED also takes no gap locks, over which INSERTs of other keys deadlock, and never
        # raises MariaDB's error 1020.
        execute(database, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        mode, *server = execute(database, "SELECT @@SESSION.sql_mode, @@hostname, @@port, @@server_id").fetchone()
        if _STRICT_MODES.isdisjoint((mode if isinstance(mode, str) else mode.decode()).split(",")):
            raise LaxSqlModeError
        self._on_server(tuple(server))


def _driver(driver: Driver) -> Any:  # noqa: ANN401  # a DB-API module
    if driver is Driver.PYMYSQL:
        return pymysql
    return importlib.import_module("MySQLdb")  # an option that is not installed by default


def _tls(location: ServerLocation, settings: StoreSettings) -> dict[str, object]:
    encrypted = location.is_encrypted(settings.tls)
    if settings.driver is Driver.MYSQLCLIENT:
        if not encrypted:
            return {"ssl_mode": "DISABLED"}
        files = {"ca": settings.tls_ca, "cert": settings.tls_cert, "key": settings.tls_key}
        return {"ssl_mode": "VERIFY_IDENTITY", "ssl": {name: path for name, path in files.items() if path}}
    if not encrypted:
        return {"ssl_disabled": True}
    context = ssl.create_default_context(cafile=settings.tls_ca)
    if settings.tls_cert is not None:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return {"ssl": context}
