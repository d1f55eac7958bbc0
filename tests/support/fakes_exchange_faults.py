"""What goes wrong between an exchange in memory and its client, in the order in which a test arranged it."""

from collections.abc import Callable
from dataclasses import dataclass

from mmt_grpc.domain.ports.providers import Failure, Issued, ProviderError


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request; `done` says whether the exchange did what was asked all the same."""

    failure: Failure
    done: bool = False
    rate_limited: bool = False
    retry_after: float | None = None
    banned: bool = False


NOT_SENT = Fault(Failure.NOT_SENT)
LOST_ANSWER = Fault(Failure.AMBIGUOUS, done=True)
LOST_REQUEST = Fault(Failure.AMBIGUOUS)
OUTAGE = Fault(Failure.NOT_CONSUMED)
INVALID_CLIENT = Fault(Failure.OUR_OUTAGE)
REFUSED = Fault(Failure.PERMANENT)


def limited(retry_after: float) -> Fault:
    """Return a 429."""
    return Fault(Failure.NOT_CONSUMED, rate_limited=True, retry_after=retry_after)


def banned(retry_after: float) -> Fault:
    """Return a 418."""
    return Fault(Failure.NOT_CONSUMED, rate_limited=True, retry_after=retry_after, banned=True)


class FaultyExchange:
    """An exchange by its name, and what happens to requests on their way there and back."""

    def __init__(self, *, name: str) -> None:
        self.name = name
        self._faults: dict[str, list[Fault]] = {}
        self._meanwhile: dict[str, list[Callable[[], object]]] = {}

    def strike(self, operation: str, fault: Fault, times: int = 1) -> None:
        """Have something go wrong: redeem, connect, refresh, account, scopes, revoke or probe."""
        self._faults.setdefault(operation, []).extend([fault] * times)

    def meanwhile(self, operation: str, happening: Callable[[], object]) -> None:
        """Have something happen elsewhere while the next such request is on its way back."""
        self._meanwhile.setdefault(operation, []).append(happening)

    def perform(self, operation: str, done: Callable[[], Issued]) -> Issued:
        """Do what is asked for, unless something goes wrong."""
        faults = self._faults.get(operation)
        fault = faults.pop(0) if faults else None
        if fault is not None and not fault.done:
            self._happen(operation)
            raise self.error(fault)
        issued = done()
        self._happen(operation)
        if fault is not None:
            raise self.error(fault)
        return issued

    def check(self, operation: str) -> None:
        """Raise what goes wrong with a request that changes nothing."""
        faults = self._faults.get(operation)
        fault = faults.pop(0) if faults else None
        self._happen(operation)
        if fault is not None:
            raise self.error(fault)

    def error(self, fault: Fault) -> ProviderError:
        """Return what a client makes of a fault."""
        return ProviderError(
            fault.failure,
            integration=self.name,
            rate_limited=fault.rate_limited,
            retry_after=fault.retry_after,
            banned=fault.banned,
        )

    def _happen(self, operation: str) -> None:
        happenings = self._meanwhile.get(operation)
        if happenings:
            happenings.pop(0)()
