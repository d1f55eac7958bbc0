"""What a replica does every few seconds: say that it lives, follow the ledger, forget old requests."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError, UnavailableError
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import ConnectRows, ReplicaBeat, Replicas
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.comparing import Comparing
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.recovery import Recovery
from mmt_grpc.exchange.settling import Settling
from mmt_grpc.exchange.spool import Spool

SECONDS: Final = 10.0
RECOVERY_SECONDS: Final = 1.0
PROOF: Final = "proof"
BEATS_PER_LOOK_BACK: Final = 6
"""Beats between comparisons that look back for entries which the ledger's other writers committed late."""
BEATS_PER_PURGE: Final = 360


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Beats until told to stop; `epochs` says which access and renewal key epochs this replica has loaded."""

    owner: bytes
    life: bytes
    epochs: Callable[[], tuple[tuple[int, ...], tuple[int, ...]]]
    replicas: Replicas
    rows: ConnectRows
    guard: RevivalGuard
    comparing: Comparing
    spool: Spool
    lanes: Lanes
    disk: Disk
    settling: Settling
    recovery: Recovery
    stopping: threading.Event
    log: EventLog

    def beat(self) -> None:
        """Beat once; `StoreUnavailableError`, and nothing written, if the database is another installation's."""
        if self.guard.look() is None:
            raise StoreUnavailableError
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

    def keep_honest(self, *, looks_back: bool = False) -> None:
        """Settle what runs no more, take part in recoveries, follow the ledger, find out whether a disk works again."""
        self.prove_disk()
        self.settling.settle_attempts(every=False)
        if self.recovery.step():
            self.comparing.step(looks_back=looks_back)

    def prove_disk(self) -> None:
        """Write and remove a record, if the disk has refused one."""
        if self.disk.is_trusted:
            return
        try:
            self.spool.put(PROOF, self.owner, b"")
            self.spool.scrub(PROOF, self.owner)
        except StoreUnavailableError:
            return
        self.disk.mended()

    def run(self) -> None:
        """Beat in the background; while a recovery is open, more often."""
        beats = 0
        while not self.stopping.wait(RECOVERY_SECONDS if self.recovery.is_open else SECONDS):
            beats += 1
            try:
                self.beat()
                self.keep_honest(looks_back=beats % BEATS_PER_LOOK_BACK == 0)
                if beats % BEATS_PER_PURGE == 0:
                    self.rows.purge_requests()
            except UnavailableError as error:
                self.log.warning("beat_failed", reason=error.reason.value)
            except Exception as error:  # noqa: BLE001  # a replica that stops beating would be taken for dead
                self.log.error("beat_failed", error=type(error).__name__)
