"""From a URL to what runs statements there."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mmt_grpc.store.dialect import Dialect
from mmt_grpc.store.events import OnEvent
from mmt_grpc.store.execution import Execution, FaultReport
from mmt_grpc.store.mysql import MysqlDialect
from mmt_grpc.store.pool import SessionPool
from mmt_grpc.store.reachability import Reachability, Unreachable, place_of
from mmt_grpc.store.servers import KnownServers
from mmt_grpc.store.session import ClockShift, Session
from mmt_grpc.store.settings import Location, SqliteLocation, StoreSettings, locate
from mmt_grpc.store.sqlite import SqliteDialect


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A database that can be spoken to."""

    pool: SessionPool
    execution: Execution
    dialect: Dialect


def connect(
    url: str,
    *,
    pool_size: int,
    settings: StoreSettings | None,
    clock_shift: ClockShift,
    on_fault: Callable[[FaultReport], None],
    on_loss: Callable[[], None] = lambda: None,
    on_event: OnEvent = lambda _, __: None,
    on_unreachable: Callable[[Unreachable], None] = lambda _: None,
    patience: float | None = None,
) -> Connected:
    """Return what runs statements at a URL; connections are opened as they are needed. `UrlError` if it is none.

    `on_loss` is told when the database was away, or another server answers, `on_unreachable` why none can be reached.
    `patience`: seconds that a statement may take, whatever the settings say.
    """
    location, applied = locate(url, settings or StoreSettings())
    applied = _within(patience, applied)
    servers = KnownServers(on_other=on_loss)
    dialect = _dialect(location, applied, servers)

    def lost() -> None:
        servers.forget()
        on_loss()

    def open_session() -> Session:
        return Session(database=dialect.connect(), dialect=dialect, clock_shift=clock_shift)

    reachability = Reachability(place=place_of(location), on_unreachable=on_unreachable)
    pool = SessionPool(
        connect=open_session,
        size=pool_size,
        wait=applied.checkout_timeout,
        on_loss=lost,
        on_opened=reachability.opened,
        on_refused=reachability.refused,
    )
    execution = Execution(pool=pool, on_fault=on_fault, on_event=on_event, turns=dialect.turns)
    return Connected(pool=pool, execution=execution, dialect=dialect)


def _within(patience: float | None, settings: StoreSettings) -> StoreSettings:
    return settings if patience is None else replace(settings, read_timeout=patience, write_timeout=patience)


def _dialect(location: Location, settings: StoreSettings, servers: KnownServers) -> Dialect:
    if isinstance(location, SqliteLocation):
        return SqliteDialect(location=location, settings=settings)
    return MysqlDialect(location=location, settings=settings, on_server=servers.met)
