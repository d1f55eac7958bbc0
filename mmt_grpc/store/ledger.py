"""The ledger of revocations, in a database of its own."""

import os
from collections.abc import Callable, Sequence
from typing import Final

from mmt_grpc.domain.errors import StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.domain.ports.store import LedgerEntry
from mmt_grpc.store import ledger_tables
from mmt_grpc.store.connecting import Connected, connect
from mmt_grpc.store.events import Randomness
from mmt_grpc.store.execution import Execution, FaultReport
from mmt_grpc.store.faults import DuplicateError
from mmt_grpc.store.reachability import Unreachable
from mmt_grpc.store.refusals import NewerSchemaError, NotMigratedError
from mmt_grpc.store.session import ClockShift, Session
from mmt_grpc.store.settings import StoreSettings

LEDGER_POOL_SIZE: Final = 4
_RECORD_ATTEMPTS: Final = 3

_IDENTITY: Final = "SELECT ledger_id, schema_number FROM ledger WHERE singleton = 1"
_HEAD: Final = "SELECT MAX(position) FROM revocation"
_RECORD: Final = "INSERT INTO revocation (token_key, shard, position) VALUES (:token_key, :shard, {now})"
_CONTAINS: Final = "SELECT 1 FROM revocation WHERE token_key = :token_key"
_SINCE: Final = (
    "SELECT position, shard, token_key FROM revocation WHERE position > :position "
    "ORDER BY position, token_key LIMIT :row_limit"
)


class PeeweeLedger:
    """`Ledger` on a database; errors as the store's."""

    def __init__(self, *, connected: Connected, randomness: Randomness) -> None:
        self._connected = connected
        self._execution: Execution = connected.execution
        self._randomness = randomness

    def migrate(self) -> None:
        """Create the ledger's tables and its identity where they are missing."""
        self._execution.write(lambda session: ledger_tables.create(session, self._connected.dialect, self._randomness))

    def identity(self) -> bytes:
        ledger_id, schema = self._execution.read(_identity)
        if schema > ledger_tables.SCHEMA:
            raise NewerSchemaError
        return ledger_id

    def now(self) -> int:
        return self._execution.read(Session.now)

    def head(self) -> int:
        row = self._execution.read(lambda session: session.row(_HEAD))
        return 0 if row is None or row[0] is None else int(row[0])

    def record(self, shard: int, token_key: bytes) -> None:
        for _ in range(_RECORD_ATTEMPTS):
            try:
                self._execution.write(lambda session: session.change(_RECORD, shard=shard, token_key=token_key))
            except DuplicateError:
                return
            except StoreOutcomeUnknownError:
                continue  # the same entry once more either finds itself or is written
            return
        raise StoreUnavailableError

    def contains(self, token_key: bytes) -> bool:
        return self._execution.read(lambda session: session.row(_CONTAINS, token_key=token_key)) is not None

    def since(self, position: int, limit: int) -> Sequence[LedgerEntry]:
        rows = self._execution.read(lambda session: session.rows(_SINCE, position=position, row_limit=limit))
        return [
            LedgerEntry(position=at, shard=shard, token_key=token_key, revoked_at=at) for at, shard, token_key in rows
        ]

    def close(self) -> None:
        """Close the connections, those in use as they come back."""
        self._connected.pool.close()


def open_ledger(
    url: str,
    *,
    pool_size: int = LEDGER_POOL_SIZE,
    settings: StoreSettings | None = None,
    clock_shift: ClockShift = lambda: 0,
    randomness: Randomness = os.urandom,
    on_fault: Callable[[FaultReport], None] = lambda _: None,
    on_unreachable: Callable[[Unreachable], None] = lambda _: None,
) -> PeeweeLedger:
    """Return the ledger at a URL; connections are opened as they are needed. `UrlError` for a URL that is none."""
    connected = connect(
        url,
        pool_size=pool_size,
        settings=settings,
        clock_shift=clock_shift,
        on_fault=on_fault,
        on_unreachable=on_unreachable,
    )
    return PeeweeLedger(connected=connected, randomness=randomness)


def _identity(session: Session) -> tuple[bytes, int]:
    with session.raw() as database:
        is_there = database.table_exists("ledger")
    row = session.row(_IDENTITY) if is_there else None
    if row is None:
        raise NotMigratedError
    return row[0], row[1]
