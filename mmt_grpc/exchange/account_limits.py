"""Until when a provider wants to hear nothing more of one account: a limit (429) that holds for nobody else."""

import threading
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.providers import ProviderError

SHORTEST: Final = MICROSECONDS
LONGEST: Final = 3600 * MICROSECONDS
SHORTEST_BAN: Final = 120 * MICROSECONDS
LONGEST_BAN: Final = 3 * 86_400 * MICROSECONDS
"""A ban lasts from 2 minutes to 3 days (Binance), and asking meanwhile prolongs it."""
MOST_REMEMBERED: Final = 10_000
"""From so many on, what is over is forgotten before something new is remembered."""


def asked_wait(error: ProviderError) -> int:
    """Return the microseconds that a provider asks to wait, within reason."""
    shortest, longest = (SHORTEST_BAN, LONGEST_BAN) if error.banned else (SHORTEST, LONGEST)
    return int(min(max((error.retry_after or 0.0) * MICROSECONDS, shortest), longest))


class AccountLimits:
    """The accounts of one provider, in this process; keys are what stands for an account or a row."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def hold(self, key: bytes, wait: int) -> None:
        """Send nothing of this key for so many microseconds."""
        now = self._clock.elapsed()
        with self._lock:
            if len(self._until) >= MOST_REMEMBERED:
                self._until = {kept: until for kept, until in self._until.items() if until > now}
            self._until[key] = now + wait

    def wait(self, key: bytes) -> int:
        """Return the microseconds until this key may be sent, 0 if now."""
        with self._lock:
            return max(0, self._until.get(key, 0) - self._clock.elapsed())
