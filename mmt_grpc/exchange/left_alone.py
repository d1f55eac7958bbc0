"""Rows that are left alone for a while."""

from typing import Final

from mmt_grpc.domain.ports.clock import Clock

MOST: Final = 1_000
"""From so many on the oldest are forgotten: they cost a try, and what is read beside them stays bounded."""


class LeftAlone:
    """Row keys, each with its time; used by one thread."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[bytes, int] = {}

    def leave(self, key: bytes, wait: int) -> None:
        """Leave a row alone for so many microseconds."""
        self._until.pop(key, None)
        if len(self._until) >= MOST:
            self._forget()
        self._until[key] = self._clock.elapsed() + wait

    def has(self, key: bytes) -> bool:
        """Whether a row is left alone now."""
        return self._until.get(key, 0) > self._clock.elapsed()

    def count(self) -> int:
        """Return how many rows are left alone now."""
        self._forget(keep=MOST)
        return len(self._until)

    def _forget(self, keep: int = MOST - 1) -> None:
        now = self._clock.elapsed()
        self._until = {key: until for key, until in self._until.items() if until > now}
        while len(self._until) > keep:
            del self._until[next(iter(self._until))]
