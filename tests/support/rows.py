"""Rows of `token` changed by hand, as whoever has stolen the database's password would."""

from __future__ import annotations

import contextlib
import sqlite3
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql

SEALED = ("access_key", "renewal_key", "access_blob", "renewal_blob", "metadata_blob")


@dataclass(frozen=True)
class Rows:
    """The table, through a connection of its own for each change."""

    database_url: str

    def keys(self) -> set[bytes]:
        """The keys of all rows."""
        return {bytes(row[0]) for row in self._run("SELECT token_key FROM token")}

    def read(self, token_key: bytes, *columns: str) -> dict[str, Any]:
        """Columns of one row, all that are sealed if none is named."""
        columns = columns or SEALED
        (row,) = self._run(f"SELECT {', '.join(columns)} FROM token WHERE token_key = ?", token_key)  # noqa: S608  # names
        return dict(zip(columns, row, strict=True))

    def write(self, *changes: tuple[bytes, Mapping[str, Any]]) -> None:
        """Change rows, all in one transaction."""
        with self._session() as cursor:
            for token_key, values in changes:
                names = ", ".join(f"{name} = ?" for name in values)
                self._ask(cursor, f"UPDATE token SET {names} WHERE token_key = ?", *values.values(), token_key)  # noqa: S608  # names

    def _run(self, statement: str, *values: object) -> Sequence[Sequence[Any]]:
        with self._session() as cursor:
            self._ask(cursor, statement, *values)
            rows: Sequence[Sequence[Any]] = cursor.fetchall()
            return rows

    @staticmethod
    def _ask(cursor: Any, statement: str, *values: object) -> None:
        marker = "?" if isinstance(cursor, sqlite3.Cursor) else "%s"
        cursor.execute(statement.replace("?", marker), values)

    @contextlib.contextmanager
    def _session(self) -> Iterator[Any]:
        url = urllib.parse.urlsplit(self.database_url)
        if url.scheme == "sqlite":
            with contextlib.closing(sqlite3.connect(url.path, timeout=30)) as connection, connection:
                yield connection.cursor()
            return
        server = pymysql.connect(
            unix_socket=urllib.parse.parse_qs(url.query)["unix_socket"][0],
            user=url.username,
            password=url.password or "",
            database=url.path.strip("/"),
            ssl_disabled=True,
        )
        with contextlib.closing(server), server.cursor() as cursor:
            yield cursor
            server.commit()
