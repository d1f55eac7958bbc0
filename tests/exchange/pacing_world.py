"""What paces refreshes, over a clock that a test moves, a store in memory, and rows that are due."""

import bisect
import itertools
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS, Scope
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.domain.ports.store import Taken, Terms
from mmt_grpc.domain.token_row import Binding, SealedToken, TokenRow, TokenState
from mmt_grpc.exchange.admission import Admission
from mmt_grpc.exchange.budget import Rate
from mmt_grpc.exchange.pacing import Pacing
from tests.support.fake_budgets import FakeBudgets
from tests.support.fake_rows import FakeClock
from tests.support.fakes_clock import ManualClock, SeededRandomness
from tests.support.fakes_failure import RecordingLog

SECOND = MICROSECONDS
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DATABASE_AHEAD = 1_800_000_000 * SECOND
"""The database's clock is nothing like the machine's own."""
UPHOLD_RATE = Rate(50, 300)


def error(failure: Failure, *, limited: bool = False, wait: float | None = None) -> ProviderError:
    return ProviderError(failure, integration="uphold", rate_limited=limited, retry_after=wait)


DEAD = error(Failure.NOT_SENT)
REFUSED_US = error(Failure.OUR_OUTAGE)
REFUSED_GRANT = error(Failure.PERMANENT)
LIMITED = error(Failure.NOT_CONSUMED, limited=True, wait=30)


class BudgetStore:
    """`Budgets` over a clock that a test moves; `lag` is how long each way to the store takes."""

    def __init__(self, *, clock: ManualClock, lenient: bool) -> None:
        self._clock = clock
        database_clock = FakeClock(source=lambda: clock.elapsed() + DATABASE_AHEAD)
        self._budgets = FakeBudgets(clock=database_clock, lenient=lenient)
        self.asked = 0
        self.lag = 0
        self.away = False

    def take(self, integration: str, *, count: int, terms: Terms) -> Taken | int:
        self._answer()
        self._clock.advance(self.lag)
        taken = self._budgets.take(integration, count=count, terms=terms)
        self._clock.advance(self.lag)
        return taken

    def postpone(self, integration: str, wait: int) -> None:
        self._answer()
        self._budgets.postpone(integration, wait)

    def _answer(self) -> None:
        self.asked += 1
        if self.away:
            raise StoreUnavailableError


class Gauge:
    """`PacingObserver` that remembers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []
        self.circuits: dict[tuple[str, str], str] = {}

    def breaker(self, integration: str, *, is_open: bool) -> None:
        self.told.append((integration, is_open))

    def circuit(self, integration: str, circuit: str, state: str) -> None:
        self.circuits[integration, circuit] = state


@dataclass
class PacingWorld:
    """One store, one clock, and as many replicas as a test wants."""

    clock: ManualClock = field(default_factory=ManualClock)
    log: RecordingLog = field(default_factory=RecordingLog)
    gauge: Gauge = field(default_factory=Gauge)
    lenient: bool = False

    def __post_init__(self) -> None:
        self.store = BudgetStore(clock=self.clock, lenient=self.lenient)

    def replica(self, *, seed: int = 1, places: int = 16, released: Sequence[str] = (), **rates: Rate) -> Pacing:
        return Pacing(
            rates=rates,
            budgets=self.store,
            clock=self.clock,
            randomness=SeededRandomness(seed),
            log=self.log,
            observer=self.gauge,
            places=places,
            released_brakes=released,
        )


def admitted(pacing: Pacing, integration: str = "uphold", *, demand: bool = True, key: bytes = b"k") -> Admission:
    admission = pacing.admit(integration, demand=demand, account=key)
    assert isinstance(admission, Admission)
    return admission


def ends(pacing: Pacing, outcome: ProviderError | None, *, key: bytes = b"k", times: int = 1) -> None:
    """Have requests admitted one after the other, all of which end so."""
    for _ in range(times):
        with admitted(pacing, key=key) as admission:
            admission.learn(outcome)


class ClockedEvent(threading.Event):
    """An event whose waits move the clock instead of taking time."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        if not self.is_set():
            self._clock.sleep(round(timeout * MICROSECONDS))
        return self.is_set()


class DueTable:
    """`DueRows` in memory, by an index as in a database; times are the database's, which here is the clock's own."""

    def __init__(self, *, clock: ManualClock) -> None:
        self._clock = clock
        self._index: defaultdict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self._rows: dict[bytes, TokenRow] = {}
        self.readings: list[tuple[str, int]] = []
        self.censuses = 0
        self.away = False

    def add(self, number: int, *, integration: str = "coinbase", next_refresh_at: int | None) -> TokenRow:
        row = row_of(number, integration=integration)
        self._rows[row.binding.token_key] = row
        self.move(row, next_refresh_at)
        return self.row(row.binding.token_key)

    def row(self, key: bytes) -> TokenRow:
        return self._rows[key]

    def move(self, row: TokenRow, next_refresh_at: int | None) -> None:
        """Have a row refreshed at another time."""
        key, index = row.binding.token_key, self._index[row.binding.integration]
        before = self._rows[key].next_refresh_at
        if before is not None:
            index.remove((before, key))
        if next_refresh_at is not None:
            bisect.insort(index, (next_refresh_at, key))
        self._rows[key] = replace(row, next_refresh_at=next_refresh_at)

    def due(self, integration: str, limit: int) -> Sequence[TokenRow]:
        self.readings.append((integration, limit))
        if self.away:
            raise StoreUnavailableError
        now = self._clock.elapsed()
        due = itertools.takewhile(lambda entry: entry[0] <= now, self._index[integration])
        return [self._rows[key] for _, key in itertools.islice(due, limit)]

    def integrations(self) -> Sequence[str]:
        self.censuses += 1
        if self.away:
            raise StoreUnavailableError
        return sorted(name for name, index in self._index.items() if index)


def row_of(number: int, *, integration: str) -> TokenRow:
    key = number.to_bytes(32)
    return TokenRow(
        shard=0,
        binding=Binding(key, key, integration, Scope.READ, 1),
        end_user_key=key,
        client_key=key,
        account_key=key,
        state=TokenState.ACTIVE,
        reason=None,
        version=1,
        grant_number=1,
        attempt_id=None,
        lease_owner=None,
        lease_until=None,
        doubt=None,
        doubt_owner=None,
        not_before=None,
        failures=0,
        access_expires_at=None,
        renewal_expires_at=None,
        next_refresh_at=None,
        refreshed_at=None,
        connected_at=0,
        sealed=SealedToken(1, 1, b"", b"", b"", b"", b""),
    )
