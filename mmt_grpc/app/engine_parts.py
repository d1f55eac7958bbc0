"""What the exchange engine stands on: ports, so that a process and a test put the same engine together."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mmt_grpc.app.losses import Losses
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ports.audit import Audit
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Providers
from mmt_grpc.domain.ports.sealing import Index, RequestIndex, Sealing
from mmt_grpc.domain.ports.store import (
    ConnectRows,
    Installations,
    Ledger,
    Recoveries,
    Replicas,
    SettlementRows,
)
from mmt_grpc.exchange.attempt_records import AttemptLog
from mmt_grpc.exchange.fitness import LeaseObserver
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.refreshing import RefreshObserver
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.upstream import SpoolObserver


class EngineObserver(RefreshObserver, SpoolObserver, LeaseObserver, Protocol):
    """Told of what the engine does, for operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Ports and identity of one exchanger.

    `lanes` are for attempts, of which there is one at most for a row; `revocation_lanes` for what nobody waits for.
    `integrations` are the names of those that `providers` has. `owner` and `life` are 16 bytes; `tokens` and `requests`
    may be one object; `epochs` returns the access and renewal epochs that are loaded, `wall_clock` the host's
    time of day (Unix microseconds), `is_over` whether a life ran on this state directory before. `on_taken` is told
    when another life has taken the replica's id: the process has to end.
    """

    owner: bytes
    life: bytes
    tokens: SettlementRows
    requests: ConnectRows
    replicas: Replicas
    installations: Installations
    recoveries: Recoveries
    ledger: Ledger
    index: Index
    request_index: RequestIndex
    sealing: Sealing
    epochs: Callable[[], tuple[tuple[int, ...], tuple[int, ...]]]
    audit: Audit
    providers: Providers
    integrations: frozenset[str]
    spool: Spool
    attempt_log: AttemptLog
    pacing: Pacing
    lanes: Lanes
    revocation_lanes: Lanes
    clock: Clock
    wall_clock: Callable[[], int]
    is_over: Callable[[bytes], bool]
    on_taken: Callable[[], None]
    randomness: Randomness
    failpoints: Failpoints
    stopping: threading.Event
    losses: Losses
    observer: EngineObserver
    log: EventLog
