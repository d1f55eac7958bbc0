"""What a replica says of itself every few seconds, whatever else it does: others wait ten minutes for a silent one."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError, UnavailableError
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import ReplicaBeat, Replicas
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.database_clock import DatabaseClock, Sighting
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.presence import IdTakenError, Presence
from mmt_grpc.exchange.spool import Spool

SECONDS: Final = 10.0


@dataclass(slots=True, kw_only=True)
class Heartbeat:
    """Beats until it is ended; `epochs` says which access and renewal key epochs this replica has loaded.

    `wall_clock` returns this host's time of day, Unix microseconds; `on_beat` is called after each beat, however it
    went.
    """

    owner: bytes
    life: bytes
    presence: Presence
    replicas: Replicas
    database_clock: DatabaseClock
    clock: Clock
    wall_clock: Callable[[], int]
    epochs: Callable[[], tuple[tuple[int, ...], tuple[int, ...]]]
    guard: RevivalGuard
    spool: Spool
    lanes: Lanes
    on_beat: Callable[[], object]
    log: EventLog
    _ended: threading.Event = field(default_factory=threading.Event)

    def beat(self) -> None:
        """Beat once; `StoreUnavailableError`, and nothing written, if the database is another installation's.

        `IdTakenError` if another life works under this replica's id.
        """
        if self.guard.look() is None:
            raise StoreUnavailableError
        access_epochs, renewal_epochs = self.epochs()
        beat = ReplicaBeat(
            owner=self.owner,
            life=self.life,
            access_epochs=access_epochs,
            renewal_epochs=renewal_epochs,
            running_attempts=self.lanes.count(),
            oldest_spooled_at=self.spool.oldest(),
        )
        elapsed, wall = self.clock.elapsed(), self.wall_clock()
        beaten = self.presence.beat(beat)
        seen = Sighting(
            now=beaten.now,
            others=beaten.others,
            elapsed=(elapsed, self.clock.elapsed()),
            wall=(wall, self.wall_clock()),
        )
        # Before the clock is trusted again; where it fails, the next beat finds the same jump.
        self._redate(self.database_clock.misdated(seen))
        self.database_clock.observe(seen)

    def _redate(self, misdated: Mapping[bytes, tuple[int, int]]) -> None:
        """Have replicas that another clock timed be seen by this one: they are waited for as long as any is."""
        for owner, (at, by_this) in misdated.items():
            if self.replicas.redate(owner, seen_at=at, to=by_this):
                self.log.warning("replica_redated", replica=owner.hex())

    def run(self) -> None:
        """Beat on a thread of its own: what is settled or compared may take minutes, and the replica lives."""
        while not self._ended.wait(SECONDS):
            try:
                self.beat()
            except IdTakenError:
                return
            except UnavailableError as error:
                self.log.warning("beat_failed", reason=error.reason.value)
            except Exception as error:  # noqa: BLE001  # a replica that stops beating would be taken for dead
                self.log.error("beat_failed", error=type(error).__name__)
            finally:
                self.on_beat()

    def end(self) -> None:
        """Have `run` return at once."""
        self._ended.set()
