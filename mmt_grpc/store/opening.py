"""Opening a database by its URL: the one place where the parts of the store are put together."""

import functools
import os
from collections.abc import Callable, Sequence
from typing import Final

from mmt_grpc.store.budgets import PeeweeBudgets
from mmt_grpc.store.callers import PeeweeCallers
from mmt_grpc.store.connect import PeeweeGrants
from mmt_grpc.store.connecting import Connected, connect
from mmt_grpc.store.events import OnEvent, Outbox, Randomness
from mmt_grpc.store.execution import Execution, FaultReport
from mmt_grpc.store.installations import PeeweeInstallations
from mmt_grpc.store.migrations.runner import LATEST, migrate, schema_number
from mmt_grpc.store.parsing import OnUnparsable
from mmt_grpc.store.reachability import Unreachable
from mmt_grpc.store.recoveries import PeeweeRecoveries
from mmt_grpc.store.refusals import NotMigratedError
from mmt_grpc.store.reinstatement import PeeweeReinstatementRows
from mmt_grpc.store.replicas import PeeweeReplicas
from mmt_grpc.store.requests import PeeweeRequests
from mmt_grpc.store.residue import LogTruncation
from mmt_grpc.store.session import ClockShift, Session
from mmt_grpc.store.settings import StoreSettings

POOL_SIZE: Final = 16
"""Connections of a worker at most."""
MIGRATION_PATIENCE: Final = 24 * 60 * 60.0
"""Seconds that one CREATE or ALTER may take: on a large table they take long, and cutting one off gains nothing."""


class PeeweeTokens(PeeweeReinstatementRows, PeeweeRequests, PeeweeGrants):
    """`SettlementRows`, `ReinstatementRows` and `ConnectRows` on a database."""

    def __init__(
        self, *, execution: Execution, outbox: Outbox, after_delete: Callable[[], None], on_unparsable: OnUnparsable
    ) -> None:
        PeeweeReinstatementRows.__init__(
            self, execution=execution, outbox=outbox, after_delete=after_delete, on_unparsable=on_unparsable
        )
        PeeweeGrants.__init__(self, execution=execution, outbox=outbox)


class Store:
    """A database, by its ports: `tokens`, `callers`, `replicas`, `installations`, `recoveries`, `budgets`."""

    def __init__(
        self,
        *,
        connected: Connected,
        migrating: Callable[[], Connected],
        outbox: Outbox,
        on_unparsable: OnUnparsable,
    ) -> None:
        self._connected = connected
        self._migrating = migrating
        execution = self._execution = connected.execution
        truncation = LogTruncation(execution=execution) if connected.dialect.is_file else None
        self.tokens = PeeweeTokens(
            execution=execution,
            outbox=outbox,
            after_delete=truncation.after_delete if truncation else _nothing,
            on_unparsable=on_unparsable,
        )
        self.callers = PeeweeCallers(execution=execution)
        self.replicas = PeeweeReplicas(
            execution=execution, after_beat=truncation.after_beat if truncation else _nothing
        )
        self.installations = PeeweeInstallations(execution=execution)
        self.recoveries = PeeweeRecoveries(execution=execution)
        self.budgets = PeeweeBudgets(execution=execution)

    def migrate(self, *, partitions: int | None = None) -> Sequence[int]:
        """Run the missing migrations, once, from one process; return their numbers.

        `partitions`: how many of `token` by shard, on a server; None for none. Raises `NewerSchemaError`.
        """
        connected = self._migrating()
        try:
            return migrate(connected.execution, connected.dialect, partitions=partitions)
        finally:
            connected.pool.close()

    def schema_number(self) -> int:
        """Return the number of the newest migration that the database has had, 0 for an empty database."""
        return schema_number(self._execution)

    def is_empty(self) -> bool:
        """Whether the database holds no table at all, ours or another's."""

        def look(session: Session) -> bool:
            with session.raw() as database:
                return not database.get_tables()

        return self._execution.read(look)

    def check_schema(self) -> None:
        """Raise `NotMigratedError` if the schema is behind; migrations only add, so a newer one serves as well."""
        if self.schema_number() < LATEST:
            raise NotMigratedError

    def ping(self) -> int:
        """Return the database's clock; `StoreUnavailableError` if it does not answer."""
        return self.tokens.now()

    def close(self) -> None:
        """Close the connections, those in use as they come back."""
        self._connected.pool.close()


def open_store(
    url: str,
    *,
    pool_size: int = POOL_SIZE,
    settings: StoreSettings | None = None,
    clock_shift: ClockShift = lambda: 0,
    randomness: Randomness = os.urandom,
    on_fault: Callable[[FaultReport], None] = lambda _: None,
    on_loss: Callable[[], None] = lambda: None,
    on_event: OnEvent = lambda _, __: None,
    on_unparsable: OnUnparsable = lambda _: None,
    on_unreachable: Callable[[Unreachable], None] = lambda _: None,
) -> Store:
    """Return the store at a URL; no connection is opened before the first is needed.

    `clock_shift` moves the database's clock by microseconds, for tests; `on_loss` is told when the database was
    away, `on_event` of what happened to tokens, once it is known to be committed, `on_unparsable` of rows that were
    left out of what was looked for, `on_unreachable` why no connection can be had.

    Raises `UrlError` for a URL that is none.
    """
    open_pool = functools.partial(
        connect,
        url,
        settings=settings,
        clock_shift=clock_shift,
        on_fault=on_fault,
        on_unreachable=on_unreachable,
    )
    return Store(
        connected=open_pool(pool_size=pool_size, on_loss=on_loss, on_event=on_event),
        migrating=lambda: open_pool(pool_size=1, patience=MIGRATION_PATIENCE),
        outbox=Outbox(randomness=randomness),
        on_unparsable=on_unparsable,
    )


def _nothing() -> None:
    """A server's files are its own."""
