"""Requests to a provider that spend nothing (probes, look-ups, revocations): how many run at once, and whether now.

They have a circuit of their own: an account endpoint that fails must not stop refreshes, nor one that works close the
circuit of a token endpoint that does not.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import ProviderError
from mmt_grpc.exchange.admission import Admission, Refused, held_back, take_place
from mmt_grpc.exchange.breaker import Breaker
from mmt_grpc.exchange.concurrency import Concurrency
from mmt_grpc.exchange.holds import Hold, Holds

REQUESTS: Final = "lookups"
LOOKUP_PLACES: Final = 32
"""Twice as many as grants are sent at once: each Connect holds one until its account is known."""


class Lookups:
    """One provider's look-ups in this process."""

    def __init__(
        self,
        *,
        integration: str,
        ban: Hold,
        clock: Clock,
        randomness: Randomness,
        log: EventLog,
        on_change: Callable[[], None],
        places: int = LOOKUP_PLACES,
    ) -> None:
        self._clock = clock
        self._concurrency = Concurrency(places=places)
        self._holds = Holds(integration=integration, requests=REQUESTS, ban=ban, clock=clock, log=log)
        self.breaker: Final = Breaker(
            integration=integration,
            clock=clock,
            randomness=randomness,
            log=log,
            on_change=on_change,
            requests=REQUESTS,
        )

    def wait(self) -> int:
        """Return for how many microseconds nothing is admitted because of the provider, 0 if something may be."""
        return max(self.breaker.wait(), self._holds.wait()[0])

    def admit(self, *, patience: int) -> Admission | Refused:
        """Admit one; whoever finds no place waits for up to `patience` microseconds. Asks no store."""
        until = self._clock.elapsed() + patience
        with ExitStack() as taken:
            refused = held_back(self._holds)
            if refused is not None:
                return refused
            passage = self.breaker.enter()
            if passage.wait:
                return Refused(Reason.PROVIDER_UNAVAILABLE, passage.wait)
            taken.callback(self.breaker.give_back, passage.trial)
            refused = take_place(self._concurrency, taken, clock=self._clock, demand=True, until=until)
            # What went before it may have come back meanwhile.
            refused = refused or held_back(self._holds)
            if refused is not None:
                return refused
            return Admission(
                learn=lambda error: self._learn(passage.trial, error),
                taken=taken.pop_all(),
                is_trial=passage.trial is not None,
            )

    def heed(self, error: ProviderError) -> None:
        """Hold as long as a provider asks for with any such request, however that was let through."""
        # They are paced by the provider and not by the account: whose one is may only be known after it.
        self._holds.heed(error, of_account=False)

    def _learn(self, trial: int | None, error: ProviderError | None) -> None:
        self.breaker.learn(trial, error)
        if error is not None:
            self.heed(error)
