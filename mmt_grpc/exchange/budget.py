"""A provider's rate limit, kept by all replicas together: in any window no more requests than it allows.

The store counts each request at a moment T between its being asked and its answer. Here the request is let through at
most `tolerance` after the store was asked, so at most as long after T, and it reaches the provider within `slack` of
that. So what arrives within `seconds` has its T in an interval of seconds + slack + tolerance, which is the window that
the store counts over: all of the limit may be used at once, and never more of it.
"""

import threading
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.store import Budgets, Terms

SLACK_SHARE: Final = 20
LONGEST_SLACK: Final = 15 * MICROSECONDS
"""From admission to the POST it takes less than this, or the POST is not written."""
TOLERANCE_SHARE: Final = 64
"""Of a long window as little is lost to the store's answer as to its counting in 64 parts."""
SHORT_TOLERANCE: Final = MICROSECONDS
SHORT_TOLERANCE_SHARE: Final = 9
"""Of a short one up to a ninth, as the store takes its time to answer however short the window is."""
SCHEDULED_TENTHS: Final = 8
"""What nobody waits for gets at most so many tenths of the limit; the others are left to calls that wait."""
CHUNK: Final = 10
CHUNKED_FROM: Final = 500
"""From so many requests in a window on, a chunk is taken at a time for calls that wait; what is not used is lost."""
SHORTEST_PAUSE: Final = 20_000
"""Between two questions to the store in this process after it gave nothing."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: int

    @property
    def tolerance(self) -> int:
        """For how many microseconds after the store was asked what it gave may be let through."""
        window = self.seconds * MICROSECONDS
        return max(window // TOLERANCE_SHARE, min(window // SHORT_TOLERANCE_SHARE, SHORT_TOLERANCE))

    @property
    def demand(self) -> Terms:
        """For calls that wait: all of it, at once if need be."""
        window = self.seconds * MICROSECONDS
        slack = min(window // SLACK_SHARE, LONGEST_SLACK)
        return Terms(limit=self.requests, window=window + slack + self.tolerance)

    @property
    def scheduled(self) -> Terms:
        """For what nobody waits for: a share of it, one after the other so that they lie evenly in the window."""
        whole = self.demand
        share = max(1, self.requests * SCHEDULED_TENTHS // 10)
        spacing = -(-(whole.window + whole.bucket) // share)
        return Terms(limit=whole.limit, window=whole.window, reserved=whole.limit - share, spacing=spacing)

    @property
    def chunk(self) -> int:
        """How many are taken at a time for calls that wait."""
        return CHUNK if self.requests >= CHUNKED_FROM else 1


class Budget:
    """One integration's budget in this process."""

    def __init__(self, *, integration: str, rate: Rate, budgets: Budgets, clock: Clock) -> None:
        self._integration = integration
        self._demand = rate.demand
        self._scheduled = rate.scheduled
        self._chunk = rate.chunk
        self._tolerance = rate.tolerance
        self._budgets = budgets
        self._clock = clock
        self._held_until = 0
        self._demand_from = 0
        self._scheduled_from = 0
        self._spare = 0
        self._spare_until = 0
        self._lock = threading.Lock()
        self._asking = threading.Lock()

    def take(self, *, demand: bool, patience: int) -> int:
        """Take leave to send one request now and return 0, or return for how many microseconds none is to be had.

        Waits for up to `patience` microseconds if one may be had by then. Raises `StoreUnavailableError`.
        """
        until = self._clock.elapsed() + patience
        while wait := self._take(demand=demand, until=until):
            if wait > until - self._clock.elapsed():
                return wait
            self._clock.sleep(wait)
        return 0

    def wait(self, *, demand: bool, patience: int) -> int:
        """Return for how long, as far as is known here, `take` would find none; takes nothing, asks nobody."""
        with self._lock:
            wait = self._known_wait(demand=demand)
        return 0 if wait <= patience else wait

    def hold(self, wait: int) -> None:
        """Send nothing for so many microseconds, in any replica: the provider asked for it.

        Raises `StoreUnavailableError`, held here even so.
        """
        with self._lock:
            self._held_until = max(self._held_until, self._clock.elapsed() + wait)
        self._budgets.postpone(self._integration, wait)

    def _take(self, *, demand: bool, until: int) -> int:
        """Take one of what is here or in the store, which one thread asks at a time: the next may know by then.

        A store that is slow to answer those before is waited for until then, too.
        """
        patience = max(SHORTEST_PAUSE, until - self._clock.elapsed())
        if not self._asking.acquire(timeout=patience / MICROSECONDS):
            return max(SHORTEST_PAUSE, self.wait(demand=demand, patience=0))
        try:
            with self._lock:
                wait = self._known_wait(demand=demand)
                if wait:
                    return wait
                if demand and self._has_spare():
                    self._spare -= 1
                    return 0
            return self._ask(demand=demand)
        finally:
            self._asking.release()

    def _known_wait(self, *, demand: bool) -> int:
        now = self._clock.elapsed()
        if self._held_until > now:
            return self._held_until - now
        if demand:
            return 0 if self._has_spare() else max(0, self._demand_from - now)
        return max(0, self._demand_from - now, self._scheduled_from - now)

    def _has_spare(self) -> bool:
        return self._spare > 0 and self._clock.elapsed() < self._spare_until

    def _ask(self, *, demand: bool) -> int:
        """Ask the store. Its time of the answer lies between two readings of this clock: each bound takes the safer."""
        asked_at = self._clock.elapsed()
        answer = self._budgets.take(
            self._integration,
            count=self._chunk if demand else 1,
            terms=self._demand if demand else self._scheduled,
        )
        answered_at = self._clock.elapsed()
        with self._lock:
            if isinstance(answer, int):
                return self._pause(answered_at, answer, demand=demand)
            self._scheduled_from = answered_at + self._scheduled.spacing
            until = asked_at + self._tolerance
            if answered_at >= until:
                # The answer came too late to be used. A store that is slow now is slow a moment later too.
                return self._pause(answered_at, self._tolerance, demand=demand)
            if self._held_until > answered_at:
                return self._held_until - answered_at
            if demand:
                self._spare, self._spare_until = answer.count - 1, until
            return 0

    def _pause(self, now: int, wait: int, *, demand: bool) -> int:
        wait = max(wait, SHORTEST_PAUSE)
        if demand:
            self._demand_from = now + wait
        else:
            self._scheduled_from = now + wait
        return wait
