"""Where SQLite and a MySQL-like server differ, and nothing else does."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from peewee import Database

from mmt_grpc.store.statement import Row

Turns = Callable[[], AbstractContextManager[None]]
"""Where there is one writer at a time, a transaction's turn; `StoreUnavailableError` if it does not come."""


class Dialect(Protocol):
    """How to reach a database, and the few words that it has of its own."""

    @property
    def clock(self) -> str:
        """The SQL expression of the database's clock: Unix microseconds."""
        ...

    def turns(self) -> AbstractContextManager[None]:
        """Return what each transaction of this process is run within."""
        ...

    @property
    def is_file(self) -> bool:
        """Whether what was deleted has to be driven out of files here."""
        ...

    def connect(self) -> Database:
        """Open one connection that is ready for statements; errors are the driver's, or `StartRefusedError`."""
        ...

    def is_alive(self, database: Database) -> bool:
        """Whether a connection that was idle still answers."""
        ...

    def placeholders(self, sql: str) -> str:
        """Return SQL with the driver's placeholders in place of `:name`."""
        ...

    def by_index(self, name: str) -> str:
        """Return what stands behind a table's name to have it read by that index and no other."""
        ...

    def packed(self, facts: Sequence[str], blobs: Sequence[str]) -> str:
        """Return the expression of a row in as few columns as the database's client likes best.

        `facts` are numbers and labels without blanks, a NULL reads as nothing; `blobs` are never NULL.
        """
        ...

    def unpacked(self, row: Row) -> tuple[Sequence[str], Sequence[bytes]]:
        """Return the facts and the blobs of a row that was selected so."""
        ...

    def begin(self, database: Database) -> None:
        """Begin a transaction that writes."""
        ...

    def table_settings(self, *, partitions: int | None) -> Sequence[str]:
        """Return what stands behind a table's columns, for one that is partitioned by shard or not."""
        ...
