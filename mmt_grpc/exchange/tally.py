"""How many of the things that happened lately were of one kind."""

from collections import deque
from typing import Final

from mmt_grpc.domain.ports.clock import Clock

BUCKETS: Final = 30


class Tally:
    """Counts over a sliding window of `span` microseconds, in buckets: as exact as a thirtieth of it. Not locked."""

    def __init__(self, *, clock: Clock, span: int) -> None:
        self._clock = clock
        self._span = span
        self._width = max(1, span // BUCKETS)
        self._buckets: deque[list[int]] = deque()

    def add(self, *, hit: bool) -> None:
        """Count one more."""
        bucket = self._clock.elapsed() // self._width
        if not self._buckets or self._buckets[-1][0] != bucket:
            self._forget()
            self._buckets.append([bucket, 0, 0])
        self._buckets[-1][1] += 1
        self._buckets[-1][2] += hit

    def totals(self) -> tuple[int, int]:
        """Return how many there were in all, and how many hits."""
        self._forget()
        return sum(bucket[1] for bucket in self._buckets), sum(bucket[2] for bucket in self._buckets)

    def clear(self) -> None:
        """Forget everything."""
        self._buckets.clear()

    def _forget(self) -> None:
        oldest = (self._clock.elapsed() - self._span) // self._width
        while self._buckets and self._buckets[0][0] <= oldest:
            self._buckets.popleft()
