"""After an outage or failover of the database: nothing is leased until every replica has settled what it holds."""

import threading
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import Recoveries
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.settling import Settling

NEVER: Final = -1


@dataclass(slots=True, kw_only=True)
class Recovery:
    """A replica's part in it: opens a recovery when it notices an outage, and settles each that anybody opened."""

    owner: bytes
    recoveries: Recoveries
    settling: Settling
    lanes: Lanes
    guard: RevivalGuard
    failpoints: Failpoints
    log: EventLog
    woken: threading.Event = field(default_factory=threading.Event)
    """Set when there is something to do at once: whoever takes the steps waits for it."""
    _current: int = NEVER
    _settled: int = NEVER
    _noticed: int = 0
    _opened: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def notice(self) -> None:
        """The database was away, or another one answers: what it acknowledged before may be gone.

        So may what was written of recoveries: a number that this replica remembers is settled anew.
        """
        with self._lock:
            self._settled = NEVER
            self._noticed += 1
        self.woken.set()

    @property
    def is_open(self) -> bool:
        """Whether this replica has to take part before it leases anything.

        Until it has settled what is open: what it starts meanwhile is leased nothing, and would be waited for.
        """
        return self._noticed != self._opened or self._current != self._settled

    def step(self) -> bool:
        """Take part as far as that goes now; True if nothing is open here. Raises `StoreUnavailableError`.

        The store's statements hold everybody's leases back until all have settled; this replica's attempts end first.
        """
        # What is noticed from here on is not in the recovery that is opened here.
        noticed, number = self._noticed, self.recoveries.current()
        if noticed != self._opened:
            if not self.recoveries.open(number):
                return False
            self.failpoints.reach("recovery.after_open")
            self._opened, number = noticed, number + 1
            self.guard.has_opened(number)
            self.log.warning("recovery_opened", number=number)
        # A replica that was forgotten while it was silent, or whose part in it a failover took back unnoticed, starts
        # from 0 in the registry: everybody waits for it, and nobody else can say it.
        self._current, known = number, self.recoveries.settled_by(self.owner)
        if number == self._settled and known is not None and known >= number:
            return True
        self._settled = NEVER
        if known is None or self.lanes.count():
            # Nobody waits for, nor heeds, a replica that is not registered: its next beat comes first.
            return False
        # What the registry calls settled, a new life settles once more: nothing was taken back since.
        if not self.settling.settle_attempts(every=True, awaits_disk=known < number):
            return False
        self.failpoints.reach("recovery.before_settle")
        self.recoveries.settle(self.owner, number)
        self._settled = number
        self.log.info("recovery_settled", number=number)
        return True
