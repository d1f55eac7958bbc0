"""Recoveries and what was taken of providers' rate limits in memory."""

import threading
from collections import Counter

from mmt_grpc.domain.ports.clock import CLOCKS_DIFFER
from mmt_grpc.domain.ports.store import Taken, Terms
from tests.support.fake_registry import FakeInstallations, FakeReplicas
from tests.support.fake_rows import FakeClock


class FakeRecoveries:
    """`Recoveries`."""

    def __init__(self, *, installations: FakeInstallations, replicas: FakeReplicas) -> None:
        self._installations = installations
        self._replicas = replicas

    def current(self) -> int:
        return self._installations.recovery

    def settled_by(self, owner: bytes) -> int | None:
        return self._replicas.settled_by(owner)

    def open(self, after: int) -> bool:
        return self._installations.open_recovery(after)

    def settle(self, owner: bytes, number: int) -> None:
        self._replicas.settle(owner, number)


class FakeBudgets:
    """`Budgets`, by the letter: all of a bucket counts until its last moment has left the window.

    If `lenient`, it gives as soon as any implementation may: what was taken counts for the window alone.
    """

    def __init__(self, *, clock: FakeClock, lenient: bool = False) -> None:
        self._clock = clock
        self._lenient = lenient
        self._postponed: Counter[str] = Counter()
        self._last: dict[str, int] = {}
        self._ends: dict[str, Counter[int]] = {}
        self._lock = threading.Lock()

    def take(self, integration: str, *, count: int, terms: Terms) -> Taken | int:
        if count < 1:
            raise ValueError("1 or more requests are taken")
        with self._lock:
            now = self._clock.now()
            bucket = 1 if self._lenient else terms.bucket
            self._heed_clock_set_back(integration, now, bucket)
            ends = self._ends.setdefault(integration, Counter())
            free_at = max(self._postponed[integration], self._last.get(integration, -terms.spacing) + terms.spacing)
            free_at = max(free_at, now)
            while (left := terms.limit - terms.reserved - _counted(ends, free_at, terms.window)) < 1:
                free_at = min(end for end in ends if end + terms.window >= free_at) + terms.window + 1
            if free_at > now:
                return free_at - now
            given = min(count, left)
            ends[_end(now, bucket)] += given
            self._last[integration] = now
            return Taken(count=given, now=now)

    def _heed_clock_set_back(self, integration: str, now: int, bucket: int) -> None:
        """Date what was taken by a clock that was ahead as if the last of it had been taken now."""
        ahead = self._last.get(integration, now) - now
        if ahead <= CLOCKS_DIFFER:
            return
        before, self._ends[integration] = self._ends[integration], Counter()
        for end, count in before.items():
            self._ends[integration][min(end, _end(now, bucket))] += count
        self._last[integration] = now
        self._postponed[integration] -= ahead

    def postpone(self, integration: str, wait: int) -> None:
        with self._lock:
            self._postponed[integration] = max(self._postponed[integration], self._clock.now() + wait)


def _end(now: int, bucket: int) -> int:
    """The last moment of a bucket."""
    return (now // bucket + 1) * bucket - 1


def _counted(ends: Counter[int], at: int, window: int) -> int:
    return sum(count for end, count in ends.items() if end + window >= at)
