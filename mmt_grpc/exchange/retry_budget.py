"""Tries that repeat are a tenth of first tries at most, so that a failing provider is not asked twice as much."""

import threading
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock

FIRST_TRIES: Final = 10
"""So many first tries allow one that repeats."""
MOST_SAVED: Final = 10
"""Repeats that are saved up at most: what happened long ago allows nothing now."""
AT_FIRST: Final = 3
TRICKLE: Final = 10 * MICROSECONDS
"""Where there are few first tries, one repeat per so long is allowed all the same: a lone token must recover too."""


class RetryBudget:
    """One provider's token bucket, in tenths of a repeat."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._saved = AT_FIRST * FIRST_TRIES
        self._trickled_at = clock.elapsed()
        self._lock = threading.Lock()

    def first_try(self) -> None:
        """Count a first try."""
        with self._lock:
            self._saved = min(self._saved + 1, MOST_SAVED * FIRST_TRIES)

    def wait(self) -> int:
        """Return the microseconds until a repeat would be allowed for sure, 0 if now; takes nothing."""
        with self._lock:
            self._trickle()
            return max(0, FIRST_TRIES - self._saved) * TRICKLE // FIRST_TRIES

    def repeat(self) -> bool:
        """Take one repeat; False if it is not allowed."""
        with self._lock:
            self._trickle()
            if self._saved < FIRST_TRIES:
                return False
            self._saved -= FIRST_TRIES
            return True

    def give_back(self) -> None:
        """Give a repeat back that was taken and not sent after all."""
        with self._lock:
            self._saved = min(self._saved + FIRST_TRIES, MOST_SAVED * FIRST_TRIES)

    def _trickle(self) -> None:
        """Add what time alone allows, never beyond a single repeat."""
        step = TRICKLE // FIRST_TRIES
        steps = (self._clock.elapsed() - self._trickled_at) // step
        self._trickled_at += steps * step
        if self._saved < FIRST_TRIES:
            self._saved = min(self._saved + steps, FIRST_TRIES)
