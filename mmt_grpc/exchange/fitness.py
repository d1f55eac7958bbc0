"""Whether this replica may lease anything now, and what keeps it from that."""

from dataclasses import dataclass
from typing import Protocol

from mmt_grpc.exchange.database_clock import DatabaseClock
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.presence import Presence
from mmt_grpc.exchange.recovery import Recovery


class LeaseObserver(Protocol):
    """Told of what keeps a replica from refreshing anything."""

    def leases_held_back(self, why: str, *, is_held: bool) -> None:
        """Say whether one reason (`disk`, `clock`, `recovery`, `presence`) holds now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """A replica leases while its disk and its database's clock are trusted, its id is its own, no recovery is open."""

    disk: Disk
    presence: Presence
    database_clock: DatabaseClock
    recovery: Recovery
    observer: LeaseObserver

    def may_lease(self) -> bool:
        """Whether this replica may lease anything now; whoever asks has the observer told why not."""
        held = {
            "disk": not self.disk.is_trusted,
            "clock": not self.database_clock.is_trusted,
            "recovery": self.recovery.is_open,
            "presence": not self.presence.is_ours,
        }
        for why, is_held in held.items():
            self.observer.leases_held_back(why, is_held=is_held)
        return not any(held.values())
