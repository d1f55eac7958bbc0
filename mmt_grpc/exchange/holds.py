"""Until when a provider wants to be asked nothing more: what it says with a ban, a limit or a 503 goes for all."""

import threading
from typing import Final

from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.exchange.account_limits import asked_wait


def speaks_for_all(error: ProviderError, *, of_account: bool) -> bool:
    """Whether a provider's word to wait goes for all that it is asked, and not only for one account or row.

    A ban is our address's. A limit met with an account's refresh is taken for that account's; met with anything else,
    nobody's in particular, it is ours. A 503 is the provider's own, if it says for how long.
    """
    if error.failure is not Failure.NOT_CONSUMED or error.unexplained:
        return False
    if error.rate_limited:
        return error.banned or not of_account
    return error.retry_after is not None


class Hold:
    """One time until which something is held, and why; for any thread."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._until = 0
        self._reason = Reason.PROVIDER_UNAVAILABLE
        self._lock = threading.Lock()

    def extend(self, wait: int, reason: Reason) -> bool:
        """Hold for so many microseconds from now, never shorter than before; True if nothing was held."""
        with self._lock:
            now = self._clock.elapsed()
            was_free = self._until <= now
            if now + wait > self._until:
                self._until, self._reason = now + wait, reason
            return was_free

    def wait(self) -> tuple[int, Reason]:
        """Return the microseconds until it is over, 0 if nothing is held, and the reason."""
        with self._lock:
            return max(0, self._until - self._clock.elapsed()), self._reason


class Holds:
    """What holds one kind of a provider's requests in this process: its own times, and a ban, which is shared.

    `requests` names the kind in the log.
    """

    def __init__(self, *, integration: str, requests: str, ban: Hold, clock: Clock, log: EventLog) -> None:
        self._fields: Final = {"integration": integration, "requests": requests}
        self._ban = ban
        self._own = Hold(clock=clock)
        self._log = log

    def heed(self, error: ProviderError, *, of_account: bool) -> None:
        """Hold as long as a provider asks for, if that goes for all."""
        if not speaks_for_all(error, of_account=of_account):
            return
        wait = asked_wait(error)
        reason = Reason.PROVIDER_RATE_LIMITED if error.rate_limited else Reason.PROVIDER_UNAVAILABLE
        hold = self._ban if error.banned else self._own
        if hold.extend(wait, reason):
            self._log.warning("provider_held", **self._fields, reason=reason.value, seconds=wait // MICROSECONDS)

    def wait(self) -> tuple[int, Reason]:
        """Return for how many microseconds nothing is sent, 0 if something may be, and the reason."""
        return max(self._own.wait(), self._ban.wait(), key=lambda held: held[0])
