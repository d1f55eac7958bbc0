"""Reading and deleting rows of `token`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final

from mmt_grpc.domain.ports.store import Reading
from mmt_grpc.domain.token_row import AccessRow, TokenRow
from mmt_grpc.store.events import Event, Outbox
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.parsing import OnUnparsable, RowParser
from mmt_grpc.store.rows import ACCESS_BLOBS, ACCESS_FACTS, ROW_COLUMNS, access_row, token_row
from mmt_grpc.store.session import Session

_BY_KEY: Final = "FROM token WHERE shard = :shard AND token_key = :token_key"
_READ_ACCESS: Final = f"SELECT {{packed {ACCESS_FACTS} | {ACCESS_BLOBS}}} {_BY_KEY}"
_READ_ACCESS_AND_METADATA: Final = f"SELECT {{packed {ACCESS_FACTS} | {ACCESS_BLOBS}, metadata_blob}} {_BY_KEY}"
_READ: Final = f"SELECT {{now}}, {ROW_COLUMNS} {_BY_KEY}"
MANY: Final = 100
"""Rows that one statement reads."""
_ONE_OF_MANY: Final = " OR ".join(
    f"(shard = :shard{number} AND token_key = :token_key{number})" for number in range(MANY)
)
_READ_MANY: Final = f"SELECT {ROW_COLUMNS} FROM token WHERE {_ONE_OF_MANY}"
_READ_IDENTITY: Final = (
    f"SELECT {{now}}, {ROW_COLUMNS} FROM token WHERE shard = :shard AND identity_key = :identity_key"
)
_READ_ACCOUNT: Final = f"SELECT {ROW_COLUMNS} FROM token WHERE account_key = :account_key LIMIT :row_limit"
_DELETE: Final = "DELETE FROM token WHERE shard = :shard AND token_key = :token_key AND version = :version"


class PeeweeTokenRows:
    """`TokenRows` on a database; `after_delete` drives what was deleted out of files.

    A row that does not parse is a `RowUnparsableError` for who asks for it by its key; where rows are looked for, it is
    left out, and `on_unparsable` told.
    """

    def __init__(
        self, *, execution: Execution, outbox: Outbox, after_delete: Callable[[], None], on_unparsable: OnUnparsable
    ) -> None:
        self._execution = execution
        self._outbox = outbox
        self._after_delete = after_delete
        self._parser = RowParser(on_unparsable=on_unparsable)

    def now(self) -> int:
        return self._execution.read(Session.now)

    def read_access(self, shard: int, token_key: bytes, *, metadata: bool = False) -> Reading[AccessRow | None]:
        sql = _READ_ACCESS_AND_METADATA if metadata else _READ_ACCESS

        return self._execution.read(lambda session: _read_access(session, sql, shard, token_key))

    def read(self, shard: int, token_key: bytes) -> Reading[TokenRow | None]:
        return self._read(_READ, shard=shard, token_key=token_key)

    def read_many(self, keys: Collection[tuple[int, bytes]]) -> Mapping[bytes, TokenRow]:
        wanted, found = list(keys), list[TokenRow]()
        for start in range(0, len(wanted), MANY):
            # Always as many, the last one repeated: one statement, whatever the number of rows.
            chunk = [*wanted[start : start + MANY], *[wanted[-1]] * MANY][:MANY]
            found += self._execution.read(partial(_read_chunk, chunk))
        return {row.binding.token_key: row for row in found}

    def read_identity(self, shard: int, identity_key: bytes) -> Reading[TokenRow | None]:
        return self._read(_READ_IDENTITY, shard=shard, identity_key=identity_key)

    def read_account(self, account_key: bytes, limit: int) -> Sequence[TokenRow]:
        rows = self._execution.read(
            lambda session: session.rows(_READ_ACCOUNT, account_key=account_key, row_limit=limit)
        )
        return self._parser.parsed(rows)

    def delete(self, row: TokenRow) -> int | None:
        key = {"shard": row.shard, "token_key": row.binding.token_key}

        def work(session: Session) -> int | None:
            now = session.now()
            if not session.change(_DELETE, **key, version=row.version):
                return None
            self._outbox.add(session, Event.REVOKED, shard=row.shard, binding=row.binding, at=now)
            return now

        deleted_at = self._execution.write(work)
        if deleted_at is not None:
            self._after_delete()
        return deleted_at

    def _read(self, sql: str, **key: object) -> Reading[TokenRow | None]:
        def work(session: Session) -> Reading[TokenRow | None]:
            row = session.row(sql, **key)
            return Reading(None, session.now()) if row is None else Reading(token_row(row[1:]), row[0])

        return self._execution.read(work)


def _read_chunk(chunk: Sequence[tuple[int, bytes]], session: Session) -> list[TokenRow]:
    shards = {f"shard{number}": shard for number, (shard, _) in enumerate(chunk)}
    keys = {f"token_key{number}": key for number, (_, key) in enumerate(chunk)}
    return [token_row(row) for row in session.rows(_READ_MANY, **shards, **keys)]


def _read_access(session: Session, sql: str, shard: int, token_key: bytes) -> Reading[AccessRow | None]:
    row = session.packed_row(sql, shard=shard, token_key=token_key)
    if row is None:
        return Reading(None, session.now())
    return Reading(*access_row(*row, shard=shard, token_key=token_key))
