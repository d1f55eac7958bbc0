"""What a replica does every few seconds: say that it lives, follow the ledger, forget old requests."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import UnavailableError
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import ConnectRows, ReplicaBeat, Replicas
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.reconciling import Reconciling
from mmt_grpc.exchange.spool import Spool

SECONDS: Final = 10.0
BEATS_PER_RECONCILIATION: Final = 6
BEATS_PER_PURGE: Final = 360


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Beats until told to stop; `epochs` says which access and renewal key epochs this replica has loaded."""

    owner: bytes
    life: bytes
    epochs: Callable[[], tuple[tuple[int, ...], tuple[int, ...]]]
    replicas: Replicas
    rows: ConnectRows
    reconciling: Reconciling
    spool: Spool
    lanes: Lanes
    stopping: threading.Event
    log: EventLog

    def beat(self) -> None:
        """Beat once."""
        access_epochs, renewal_epochs = self.epochs()
        self.replicas.beat(
            ReplicaBeat(
                owner=self.owner,
                life=self.life,
                access_epochs=access_epochs,
                renewal_epochs=renewal_epochs,
                running_attempts=self.lanes.count(),
                oldest_spooled_at=self.spool.oldest(),
            )
        )

    def run(self) -> None:
        """Beat in the background."""
        beats = 0
        while not self.stopping.wait(SECONDS):
            beats += 1
            try:
                self.beat()
                if beats % BEATS_PER_RECONCILIATION == 0:
                    self.reconciling.incrementally()
                if beats % BEATS_PER_PURGE == 0:
                    self.rows.purge_requests()
            except UnavailableError as error:
                self.log.warning("beat_failed", reason=error.reason.value)
            except Exception as error:  # noqa: BLE001  # a replica that stops beating would be taken for dead
                self.log.error("beat_failed", error=type(error).__name__)
