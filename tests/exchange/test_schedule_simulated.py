"""Ten thousand tokens that expire in the same minute, over several replicas and hours of a clock in memory."""

import bisect
import heapq
import itertools
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange import lifetimes
from mmt_grpc.exchange.admission import Admission
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.scheduler import TICK, Scheduler
from tests.exchange.pacing_world import HOUR, MINUTE, SECOND, UPHOLD_RATE, DueTable, PacingWorld
from tests.support.fakes_clock import SeededRandomness


class Fleet:
    """Replicas over one table, one store and one clock; a refresh takes no time and brings a token of an hour."""

    def __init__(self, *, integration: str, replicas: int) -> None:
        self.world = PacingWorld()
        self.clock = self.world.clock
        self.table = DueTable(clock=self.clock)
        self.randomness = SeededRandomness(7)
        self.integration = integration
        self.sent: list[int] = []
        self.refreshed: Counter[bytes] = Counter()
        self._happenings: list[tuple[int, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self.pacings = [self.world.replica(seed=seed, uphold=UPHOLD_RATE) for seed in range(replicas)]
        self.schedulers = [self._scheduler(seed, pacing) for seed, pacing in enumerate(self.pacings)]

    def connect(self, tokens: int) -> None:
        """Connect so many tokens that expire in the same minute, an hour from now."""
        for number in range(tokens):
            expires_at = self.clock.elapsed() + HOUR + self.randomness.jitter(0, MINUTE)
            self.table.add(number, integration=self.integration, next_refresh_at=self._next(expires_at))

    def run(self, time: int) -> None:
        """Let all replicas work, each a fraction of a tick after the one before, on one line of time."""
        began = self.clock.elapsed()
        for number, scheduler in enumerate(self.schedulers):
            self._at(began + number * TICK // 3, partial(self._tick, scheduler))
        while self._happenings[0][0] < began + time:
            at, _, happening = heapq.heappop(self._happenings)
            self.clock.advance(max(0, at - self.clock.elapsed()))
            happening()

    def _tick(self, scheduler: Scheduler) -> None:
        self._at(self.clock.elapsed() + TICK, partial(self._tick, scheduler))
        for planned in scheduler.plan():
            self._at(planned.at, partial(scheduler.launch, planned.row))

    def _at(self, at: int, happening: Callable[[], object]) -> None:
        heapq.heappush(self._happenings, (at, next(self._order), happening))

    def buckets(self, width: int = 10 * SECOND) -> list[int]:
        """Return how many were sent in each 10 s, from the first to the last."""
        counts = Counter(at // width for at in self.sent)
        return [counts[bucket] for bucket in range(min(counts), max(counts) + 1)]

    def _next(self, expires_at: int) -> int | None:
        return lifetimes.next_refresh(
            expires_at, now=self.clock.elapsed(), refreshable=True, randomness=self.randomness
        )

    def _scheduler(self, seed: int, pacing: Pacing) -> Scheduler:
        def start(row: TokenRow) -> bool:
            standing = self.table.row(row.binding.token_key)
            if standing.next_refresh_at is None or standing.next_refresh_at > self.clock.elapsed():
                return False
            admission = pacing.admit(self.integration, demand=False, account=row.binding.token_key)
            if not isinstance(admission, Admission):
                return False
            with admission:
                self.sent.append(self.clock.elapsed())
                self.refreshed[row.binding.token_key] += 1
                self.table.move(standing, self._next(self.clock.elapsed() + HOUR))
                admission.learn(None)
            return True

        return Scheduler(
            rows=self.table,
            integrations=[self.integration],
            start=start,
            wait=pacing.wait,
            clock=self.clock,
            randomness=SeededRandomness(100 + seed),
            stopping=threading.Event(),
            log=self.world.log,
        )


class TestTenThousandTokensOfOneMinute:
    def test_they_are_refreshed_in_time_without_a_burst(self) -> None:
        fleet = Fleet(integration="coinbase", replicas=3)
        fleet.connect(10_000)

        fleet.run(HOUR - 14 * MINUTE)

        buckets = fleet.buckets()
        mean = 10_000 / len(buckets)
        assert len(fleet.refreshed) == 10_000
        assert set(fleet.refreshed.values()) == {1}
        assert len(buckets) >= 90
        assert max(buckets) <= 1.5 * mean

    def test_what_an_outage_has_piled_up_goes_evenly_too(self) -> None:
        fleet = Fleet(integration="coinbase", replicas=1)
        fleet.connect(10_000)
        fleet.clock.advance(HOUR)

        fleet.run(5 * MINUTE)

        buckets = fleet.buckets()
        assert len(fleet.refreshed) == 10_000
        assert max(buckets) <= 1.5 * 10_000 / len(buckets)

    def test_a_rate_limit_is_kept_in_every_window_and_used(self) -> None:
        fleet = Fleet(integration="uphold", replicas=3)
        fleet.connect(10_000)
        fleet.clock.advance(30 * MINUTE)

        fleet.run(HOUR)

        fullest = max(
            bisect.bisect_right(fleet.sent, at + 300 * SECOND) - number for number, at in enumerate(fleet.sent)
        )
        assert fullest <= UPHOLD_RATE.requests
        # Four fifths of it, evenly, and a row is never sent twice over.
        assert len(fleet.sent) >= 0.7 * UPHOLD_RATE.requests * HOUR / (300 * SECOND)
        assert set(fleet.refreshed.values()) == {1}
        buckets = fleet.buckets(MINUTE)
        assert max(buckets) <= 1.5 * len(fleet.sent) / len(buckets)
