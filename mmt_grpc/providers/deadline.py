"""How much time is left of a bounded piece of work, by CLOCK_BOOTTIME."""

import time
from collections.abc import Callable

Elapsed = Callable[[], float]
"""Seconds since some fixed point; going on while the machine is suspended, never set."""


def boot_time() -> float:
    """Return CLOCK_BOOTTIME in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Deadline:
    """The end of something, however many steps it takes: no step can move it."""

    def __init__(self, *, seconds: float, elapsed: Elapsed) -> None:
        """End `seconds` from now."""
        self._elapsed = elapsed
        self._end = elapsed() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, never negative."""
        return max(0.0, self._end - self._elapsed())

    def within(self, seconds: float) -> "Deadline":
        """Return a deadline `seconds` from now, or this one's end if that is sooner."""
        return Deadline(seconds=min(seconds, self.left), elapsed=self._elapsed)

    def require(self) -> float:
        """Return the seconds that are left, more than 0; raises `TimeoutError` if there are none."""
        left = self.left
        if left <= 0:
            raise TimeoutError("no time is left")
        return left
