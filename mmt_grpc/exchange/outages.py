"""What a provider has asked of us lately: a limit that holds for every token, or an outage of our own making."""

import threading
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Failure, ProviderError

OUR_OUTAGE_PAUSE: Final = 30 * MICROSECONDS
RESTING: Final = 2 * MICROSECONDS
SHORTEST_LIMIT: Final = MICROSECONDS
LONGEST_LIMIT: Final = 3600 * MICROSECONDS
MOST_REMEMBERED: Final = 10_000
"""From so many on, what is over is forgotten before something new is remembered."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Why nothing is sent now, and for how many microseconds more."""

    reason: Reason
    wait: int


class Outages:
    """Remembers, in this process, until when nothing is to be sent: per row for a limit, per integration for us."""

    def __init__(self, *, clock: Clock, log: EventLog) -> None:
        self._clock = clock
        self._log = log
        self._until: dict[str | bytes, tuple[Reason, int]] = {}
        self._lock = threading.Lock()

    def current(self, integration: str, token_key: bytes) -> Outage | None:
        """Return what holds now for a row, None if requests may be sent."""
        now = self._clock.elapsed()
        with self._lock:
            for key in (integration, token_key):
                reason, until = self._until.get(key, (Reason.PROVIDER_UNAVAILABLE, 0))
                if until > now:
                    return Outage(reason, until - now)
        return None

    def learn(self, error: ProviderError, token_key: bytes) -> None:
        """Remember a limit (429) or an outage of ours (`invalid_client`), which is an alarm, once per outage."""
        if error.failure is Failure.OUR_OUTAGE:
            if self.current(error.integration, b"") is None:
                self._log.error("provider_refuses_our_client", integration=error.integration)
            self._hold(error.integration, Reason.PROVIDER_UNAVAILABLE, OUR_OUTAGE_PAUSE)
        elif error.failure is Failure.NOT_CONSUMED and error.rate_limited:
            asked = int((error.retry_after or 0) * MICROSECONDS)
            self._hold(token_key, Reason.PROVIDER_RATE_LIMITED, min(max(asked, SHORTEST_LIMIT), LONGEST_LIMIT))

    def rest(self, token_key: bytes) -> None:
        """Leave a row alone for a moment that is in doubt and not to be tried yet."""
        self._hold(token_key, Reason.PROVIDER_UNAVAILABLE, RESTING)

    def _hold(self, key: str | bytes, reason: Reason, wait: int) -> None:
        now = self._clock.elapsed()
        with self._lock:
            if len(self._until) >= MOST_REMEMBERED:
                self._until = {kept: held for kept, held in self._until.items() if held[1] > now}
            self._until[key] = (reason, now + wait)
