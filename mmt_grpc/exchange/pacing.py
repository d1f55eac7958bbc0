"""Whether a request may be sent to a provider now: breaker, brake, places and budget, asked in this order."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import ProviderError
from mmt_grpc.domain.ports.store import Budgets
from mmt_grpc.exchange.admission import Admission, Gates, Refused, Request
from mmt_grpc.exchange.breaker import OpenReason
from mmt_grpc.exchange.budget import Budget, Rate
from mmt_grpc.exchange.circuit import CircuitState
from mmt_grpc.exchange.concurrency import PLACES
from mmt_grpc.exchange.holds import Hold
from mmt_grpc.exchange.lookups import LOOKUP_PLACES, Lookups

PATIENCE: Final = 2 * MICROSECONDS
"""How long a call that waits is held up for a place and one of the rate together."""


class PacingObserver(Protocol):
    """Told of what operators watch."""

    def breaker(self, integration: str, *, is_open: bool) -> None:
        """Say whether anything is held back at a provider: one of its circuits is not closed."""
        ...

    def circuit(self, integration: str, circuit: str, state: str) -> None:
        """Say how one circuit of a provider stands; `circuit` is `grants`, `refusals` or `lookups`."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderState:
    """How a provider stands in this process; `reason` why its breaker is not closed, `running` requests at once."""

    breaker: CircuitState
    reason: str | None
    brake: CircuitState
    lookups: CircuitState
    running: int


@dataclass(frozen=True, slots=True)
class _Doors:
    """What stands before one provider: before what spends something, and before what does not."""

    gates: Gates
    lookups: Lookups

    @property
    def circuits(self) -> Mapping[str, CircuitState]:
        """How each circuit stands, by what opens it: failing grants, a mass of refused ones, or failing look-ups."""
        return {
            "grants": self.gates.breaker.state,
            "refusals": self.gates.brake.state,
            "lookups": self.lookups.breaker.state,
        }


class Pacing:
    """Paces what is sent to all providers from this process.

    `rates` are the limits of the integrations that have one; `places` how many grants one provider is sent at once,
    `lookup_places` how many other requests; `patience` (microseconds) how long a call that waits may be held up.
    The brakes of `released_brakes`, names of integrations, never open.
    """

    def __init__(
        self,
        *,
        rates: Mapping[str, Rate],
        budgets: Budgets,
        clock: Clock,
        randomness: Randomness,
        log: EventLog,
        observer: PacingObserver,
        places: int = PLACES,
        lookup_places: int = LOOKUP_PLACES,
        patience: int = PATIENCE,
        released_brakes: Collection[str] = (),
    ) -> None:
        self._rates = rates
        self._budgets = budgets
        self._clock = clock
        self._randomness = randomness
        self._log = log
        self._observer = observer
        self._places = places
        self._lookup_places = lookup_places
        self._patience = patience
        self._released_brakes = frozenset(released_brakes)
        self._doors: dict[str, _Doors] = {}
        self._lock = threading.Lock()
        self._announcing = threading.Lock()

    def admit(
        self,
        integration: str,
        *,
        demand: bool,
        account: bytes | None = None,
        repeats: bool = False,
        in_doubt: bool = False,
    ) -> Admission | Refused:
        """Admit one request to the token endpoint, or say why not now and for how long.

        `demand`: a call waits for it, so it may wait for a place or one of the rate, as long as `patience`; what is
        scheduled never waits. `account`: what stands for the account (or the row) of a refresh; None for any other
        request, which neither feeds nor heeds the brake. `repeats`: the last try of this refresh failed. `in_doubt`: it
        finds out what became of an earlier one. Raises `StoreUnavailableError` (nothing could be taken of the rate).
        """
        request = Request(demand, account, repeats, in_doubt)
        return self._of(integration).admit(request, self._patience if demand else 0)

    def hindrance(
        self, integration: str, *, demand: bool, account: bytes | None = None, repeats: bool = False
    ) -> Refused | None:
        """Return why `admit` would refuse, as far as this process knows; takes nothing and asks nobody."""
        return self._of(integration).hindrance(Request(demand, account, repeats), self._patience if demand else 0)

    def wait(self, integration: str) -> int:
        """Return the microseconds for which nothing scheduled is admitted at a provider, 0 if something may be."""
        refused = self.hindrance(integration, demand=False)
        brake = self._of(integration).brake.wait()
        return max(brake, 0 if refused is None else refused.wait)

    def admit_lookup(self, integration: str) -> Admission | Refused:
        """Admit the look-ups of one Connect, or say why not now; it waits for a place as long as `patience`."""
        return self._doors_of(integration).lookups.admit(patience=self._patience)

    def admit_probe(self, integration: str) -> Admission | Refused:
        """Admit a probe or a revocation, or say why not now; it waits for nothing, and not for a dead provider."""
        if wait := self._grants_fail_for(integration):
            return Refused(Reason.PROVIDER_UNAVAILABLE, wait)
        return self._doors_of(integration).lookups.admit(patience=0)

    def heed(self, integration: str, error: ProviderError) -> None:
        """Hold what a request of a revocation was told to wait for, a ban for all: no circuit learns of these.

        An endpoint for revocations that fails must not keep Connects from their look-ups.
        """
        self._doors_of(integration).lookups.heed(error)

    def probe_wait(self, integration: str) -> int:
        """Return for how many microseconds no probe is admitted because the provider fails, 0 if one may be.

        A provider that refuses our client, and thus every grant, still answers for the tokens that it gave.
        """
        return max(self._doors_of(integration).lookups.wait(), self._grants_fail_for(integration))

    def _grants_fail_for(self, integration: str) -> int:
        breaker = self._of(integration).breaker
        return breaker.wait() if breaker.reason is OpenReason.FAILURES else 0

    def first_try(self, integration: str) -> None:
        """Count a request that was not admitted here (a look-up, a revocation) as a first try: repeats need such."""
        self._of(integration).retries.first_try()

    def may_retry(self, integration: str) -> bool:
        """Whether a failed request may be repeated at once: within the retry budget, a closed breaker and the rate."""
        return self._of(integration).may_retry()

    def state(self, integration: str) -> ProviderState:
        """Return how a provider stands."""
        doors = self._doors_of(integration)
        gates, reason = doors.gates, doors.gates.breaker.reason
        return ProviderState(
            breaker=gates.breaker.state,
            reason=None if reason is None else reason.value,
            brake=gates.brake.state,
            lookups=doors.lookups.breaker.state,
            running=gates.concurrency.taken,
        )

    def _of(self, integration: str) -> Gates:
        return self._doors_of(integration).gates

    def _doors_of(self, integration: str) -> _Doors:
        with self._lock:
            doors = self._doors.get(integration)
            if doors is None:
                # It is our address that is banned, by whichever kind of request.
                ban = Hold(clock=self._clock)
                doors = _Doors(self._make(integration, ban), self._make_lookups(integration, ban))
                self._doors[integration] = doors
            return doors

    def _make(self, integration: str, ban: Hold) -> Gates:
        rate = self._rates.get(integration)
        budget = (
            None
            if rate is None
            else Budget(integration=integration, rate=rate, budgets=self._budgets, clock=self._clock)
        )
        return Gates(
            integration=integration,
            budget=budget,
            ban=ban,
            places=self._places,
            is_brake_released=integration in self._released_brakes,
            clock=self._clock,
            randomness=self._randomness,
            log=self._log,
            on_change=lambda: self._announce(integration),
        )

    def _make_lookups(self, integration: str, ban: Hold) -> Lookups:
        return Lookups(
            integration=integration,
            ban=ban,
            clock=self._clock,
            randomness=self._randomness,
            log=self._log,
            on_change=lambda: self._announce(integration),
            places=self._lookup_places,
        )

    def _announce(self, integration: str) -> None:
        """Say how all circuits stand together; whoever comes last sees, and says, what they have become."""
        with self._announcing:
            circuits = self._doors[integration].circuits
            self._observer.breaker(integration, is_open=set(circuits.values()) != {CircuitState.CLOSED})
            for circuit, state in circuits.items():
                self._observer.circuit(integration, circuit, state.value)
