"""One connection: statements with named, checked parameters, and the database's clock."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from peewee import Database

from mmt_grpc.store import faults
from mmt_grpc.store.columns import check
from mmt_grpc.store.dialect import Dialect
from mmt_grpc.store.statement import Row, execute

ClockShift = Callable[[], int]
"""Microseconds by which the database's clock is taken to be ahead of itself."""

_NOW: Final = "{now}"
_BY_INDEX: Final = re.compile(r"\{by index (\w+)\}")
_PACKED: Final = re.compile(r"\{packed ([^|}]*) \| ([^}]*)\}")


class Session:
    """A connection in the hands of one thread at a time.

    Statements are written once for every database: `:name` is a parameter named after the column it goes into, `{now}`
    the database's clock, `{packed a, b | c}` columns to be unpacked by `packed_row`, `{by index i}` behind a table the
    index to read it by. Any error of the driver leaves as
    a `StatementError`.
    """

    def __init__(self, *, database: Database, dialect: Dialect, clock_shift: ClockShift) -> None:
        self._database = database
        self._dialect = dialect
        self._clock_shift = clock_shift
        self._compiled: dict[str, tuple[str, bool]] = {}
        self.happened: list[tuple[str, str]] = []
        """The events of the transaction that is open: kind and integration."""

    def row(self, sql: str, **parameters: object) -> Row | None:
        """Return the only row of a SELECT."""
        row: Row | None = self._run(_fetch_one, sql, parameters)
        return row

    def packed_row(self, sql: str, **parameters: object) -> tuple[Sequence[str], Sequence[bytes]] | None:
        """Return the facts and the blobs of the only row of a SELECT of `{packed …}`."""
        row = self._run(_fetch_one, sql, parameters)
        return None if row is None else self._dialect.unpacked(row)

    def rows(self, sql: str, **parameters: object) -> Sequence[Row]:
        """Return all rows of a SELECT."""
        rows: Sequence[Row] = self._run(_fetch_all, sql, parameters)
        return rows

    def change(self, sql: str, **parameters: object) -> int:
        """Run an INSERT, UPDATE or DELETE; return how many rows it found."""
        count: int = self._run(_row_count, sql, parameters)
        return count

    def now(self) -> int:
        """Return the database's clock, Unix microseconds."""
        row = self.row("SELECT {now}")
        if row is None:
            raise RuntimeError("a SELECT without a table has one row")
        return int(row[0])

    def begin(self) -> None:
        """Begin a transaction that writes."""
        self.happened.clear()
        with _translated():
            self._dialect.begin(self._database)

    def commit(self) -> None:
        """Commit it."""
        with _translated():
            self._database.commit()

    def rollback(self) -> None:
        """Undo it."""
        with _translated():
            self._database.rollback()

    def is_alive(self) -> bool:
        """Whether the connection still answers after it was idle."""
        return self._dialect.is_alive(self._database)

    @contextmanager
    def raw(self) -> Iterator[Database]:
        """Hand out Peewee's database for what is no statement of the service: schema, checkpoints."""
        with _translated():
            yield self._database

    def close(self) -> None:
        """Close the connection, whatever state it is in."""
        try:
            self._database.close()
        except Exception:  # noqa: BLE001  # a broken connection may fail in any way; it is being thrown away
            self._database.dispose()

    def _run(self, take: Callable[[Any], Any], sql: str, parameters: dict[str, object]) -> Any:  # noqa: ANN401  # as taken
        check(parameters)
        compiled = self._compiled.get(sql)
        if compiled is None:
            compiled = self._compiled[sql] = self._compile(sql)
        text, reads_clock = compiled
        if reads_clock:
            parameters["shift"] = self._clock_shift()
        try:
            return take(execute(self._database, text, parameters))
        except Exception as error:  # noqa: BLE001  # drivers raise what they like; unknown is a class of its own
            raise faults.read(error) from None

    def _compile(self, sql: str) -> tuple[str, bool]:
        text = sql.replace(_NOW, f"({self._dialect.clock} + :shift)")
        text = _PACKED.sub(lambda found: self._dialect.packed(found[1].split(", "), found[2].split(", ")), text)
        text = _BY_INDEX.sub(lambda found: self._dialect.by_index(found[1]), text)
        return self._dialect.placeholders(text), _NOW in sql


def _fetch_one(cursor: Any) -> Any:  # noqa: ANN401  # a driver's cursor
    return cursor.fetchone()


def _fetch_all(cursor: Any) -> Any:  # noqa: ANN401  # a driver's cursor
    return cursor.fetchall()


def _row_count(cursor: Any) -> Any:  # noqa: ANN401  # a driver's cursor
    return cursor.rowcount


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  # drivers raise what they like; unknown is a class of its own
        raise faults.read(error) from None
