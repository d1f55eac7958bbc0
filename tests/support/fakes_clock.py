"""A clock that goes on only when it is told to, and randomness that can be repeated."""

import random
import threading
from collections.abc import Callable


class ManualClock:
    """`Clock` whose sleeps take no time: they move it on, and let happen what a test has planned for then."""

    def __init__(self) -> None:
        self._elapsed = 1_000_000
        self._lock = threading.Lock()
        self._planned: list[tuple[int, Callable[[], object]]] = []

    def elapsed(self) -> int:
        return self._elapsed

    def sleep(self, microseconds: int) -> None:
        assert microseconds >= 0
        # Whoever sleeps for nothing in a loop would never see the clock move.
        self.advance(max(microseconds, 1))

    def advance(self, microseconds: int) -> None:
        """Move on, doing on the way what was planned."""
        until = self._elapsed + microseconds
        while due := sorted((plan for plan in self._planned if plan[0] <= until), key=lambda plan: plan[0])[:1]:
            self._planned.remove(due[0])
            self._set(due[0][0])
            due[0][1]()
        self._set(until)

    def plan(self, microseconds: int, happening: Callable[[], object]) -> None:
        """Have something happen so much later, while somebody sleeps."""
        self._planned.append((self._elapsed + microseconds, happening))

    def _set(self, elapsed: int) -> None:
        with self._lock:
            self._elapsed = max(self._elapsed, elapsed)


class SeededRandomness:
    """`Randomness` that gives the same in every run."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def random_bytes(self, count: int) -> bytes:
        with self._lock:
            return self._random.randbytes(count)

    def jitter(self, low: int, high: int) -> int:
        assert low <= high
        with self._lock:
            return self._random.randint(low, high)
