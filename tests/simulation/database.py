"""The database: rows that a failover may take back, outages, and what befalls statements."""

from collections import deque
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.store import RecordedRequest, Replica
from mmt_grpc.domain.token_row import TokenRow
from tests.simulation.attempt import Key
from tests.simulation.oracle import Oracle
from tests.simulation.scheduler import Scheduler
from tests.support.fakes_store import FakeClock, FakeStore

BEGINNING: Final = 1_800_000_000 * MICROSECONDS
LONGEST_MEMORY: Final = 20 * MICROSECONDS

Snapshot = tuple[
    dict[Key, TokenRow],
    dict[bytes, RecordedRequest],
    dict[bytes, Replica],
    dict[bytes, int],
    dict[bytes, int],
    object,
    int,
]


class Database:
    """The one database, its failovers and its outages."""

    def __init__(self, *, scheduler: Scheduler, keeps_history: bool) -> None:
        self.scheduler = scheduler
        self.clock = FakeClock(source=lambda: BEGINNING + scheduler.now)
        self.store = FakeStore(clock=self.clock)
        self.clock_set_at = -BEGINNING
        self.seen_truly: dict[bytes, int] = {}
        """When each replica was seen, in simulated time."""
        self.epoch = 0
        self.down_until = 0
        self.read_only_until = 0
        self.locks: dict[Key, int] = {}
        self.fates: list[str] = []
        """What befalls the next statements that change something, in order."""
        self.doubt_lasts = 0
        """Microseconds after which a failover takes the next doubt back; 0: none does."""
        self._keeps_history = keeps_history
        self._history: deque[tuple[int, Snapshot]] = deque()

    @property
    def rows(self) -> dict[Key, TokenRow]:
        return self.store.tokens.rows

    def seen_at(self, owner: bytes) -> int:
        replicas = {replica.beat.owner: replica.seen_at for replica in self.store.replicas.list()}
        return replicas.get(owner, 0)

    def remember(self) -> None:
        """Keep what stands now, for a failover that takes back what comes after."""
        if not self._keeps_history:
            return
        now = self.scheduler.now
        self._history.append((now, self._snapshot()))
        while len(self._history) > 1 and self._history[1][0] < now - LONGEST_MEMORY:
            self._history.popleft()

    def has_doubted(self, oracle: Oracle) -> None:
        """A row was put in doubt."""
        lasts, self.doubt_lasts = self.doubt_lasts, 0
        if lasts:
            margin = MICROSECONDS // 100
            self.scheduler.at(self.scheduler.now + lasts, lambda: self.fail_over(lasts + margin, oracle))

    def fail_over(self, loses: int, oracle: Oracle) -> None:
        """Another server goes on with what had come to it: the last `loses` microseconds are taken back."""
        cut = self.scheduler.now - loses
        self.epoch += 1
        self.locks.clear()
        if loses:
            while len(self._history) > 1 and self._history[-1][0] > cut:
                self._history.pop()
            if self._history:
                before = set(self.rows)
                self._restore(self._history[-1][1])
                oracle.restored |= set(self.rows) - before
                for attempt in oracle.attempts.values():
                    if attempt.leased_at > cut and attempt.undone_at is None:
                        attempt.undone_at = self.scheduler.now
        self.scheduler.note(f"database: failover, losing {loses / MICROSECONDS} s")

    def _snapshot(self) -> Snapshot:
        store = self.store
        replicas, installations = store.replicas, store.installations
        return (
            dict(store.tokens.rows),
            dict(store.tokens.requests),
            dict(replicas._replicas),
            dict(replicas._settled),
            dict(self.seen_truly),
            installations._installation,
            installations.recovery,
        )

    def _restore(self, snapshot: Snapshot) -> None:
        store = self.store
        rows, requests, replicas, settled, seen, installation, recovery = snapshot
        self.seen_truly = dict(seen)
        store.tokens.rows.clear()
        store.tokens.rows.update(rows)
        store.tokens.requests = dict(requests)
        store.replicas._replicas = dict(replicas)
        store.replicas._settled = dict(settled)
        vars(store.installations)["_installation"] = installation
        store.installations.recovery = recovery
