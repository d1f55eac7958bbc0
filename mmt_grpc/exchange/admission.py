"""What stands before one provider, and what lets a request through: one of the rate, and a place while it runs."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from mmt_grpc.domain.errors import Reason, StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.exchange.account_limits import AccountLimits, asked_wait
from mmt_grpc.exchange.brake import Brake
from mmt_grpc.exchange.breaker import Breaker
from mmt_grpc.exchange.budget import Budget
from mmt_grpc.exchange.circuit import CircuitState, Passage
from mmt_grpc.exchange.concurrency import Concurrency
from mmt_grpc.exchange.holds import Hold, Holds
from mmt_grpc.exchange.retry_budget import RetryBudget

PLACE_PAUSE: Final = 25_000
"""Microseconds between two looks for a place."""
PLACE_WAIT: Final = MICROSECONDS // 4
"""How long whoever finds no place is asked to wait."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing is sent now, and after how many microseconds it is worth asking again."""

    reason: Reason
    wait: int


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent: for a call that waits (`demand`), for an account's refresh, as another try, or to find out
    what became of an earlier one (`in_doubt`).
    """

    demand: bool
    account: bytes | None
    repeats: bool
    in_doubt: bool = False


class Admission:
    """Leave to send one request; to be closed, once it ended or if it is not sent after all. For any thread."""

    def __init__(
        self,
        *,
        learn: Callable[[ProviderError | None], None],
        taken: ExitStack,
        is_trial: bool,
    ) -> None:
        self._learn = learn
        self._taken = taken
        self._learned = False
        self.is_trial: Final = is_trial
        """Whether the provider is doubted, and this request shows how it is."""

    def learn(self, error: ProviderError | None) -> None:
        """Say how the request ended, None: well; what is said first counts. Not said: it showed nothing."""
        if not self._learned:
            self._learned = True
            self._learn(error)

    def close(self) -> None:
        """Give everything back; idempotent."""
        self._taken.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Gates:
    """One provider's gates in this process."""

    def __init__(
        self,
        *,
        integration: str,
        budget: Budget | None,
        ban: Hold,
        places: int,
        is_brake_released: bool,
        clock: Clock,
        randomness: Randomness,
        log: EventLog,
        on_change: Callable[[], None],
    ) -> None:
        self._integration = integration
        self._clock = clock
        self._log = log
        self._budget = budget
        self._limits = AccountLimits(clock=clock)
        self._holds = Holds(integration=integration, requests="grants", ban=ban, clock=clock, log=log)
        self.retries: Final = RetryBudget(clock=clock)
        self.concurrency: Final = Concurrency(places=places)
        self.breaker: Final = Breaker(
            integration=integration, clock=clock, randomness=randomness, log=log, on_change=on_change
        )
        self.brake: Final = Brake(
            integration=integration,
            is_released=is_brake_released,
            clock=clock,
            randomness=randomness,
            log=log,
            on_change=on_change,
        )

    def hindrance(self, request: Request, patience: int) -> Refused | None:
        """Return why a request would be refused, as far as is known here; takes nothing."""
        if refused := held_back(self._holds):
            return refused
        if wait := self._closed_for(request):
            return Refused(Reason.PROVIDER_UNAVAILABLE, wait)
        if request.account is not None and (wait := self._limits.wait(request.account)):
            return Refused(Reason.PROVIDER_RATE_LIMITED, wait)
        if not request.demand and not self.concurrency.has_place(demand=False):
            return Refused(Reason.PROVIDER_UNAVAILABLE, PLACE_WAIT)
        wait = 0 if self._budget is None else self._budget.wait(demand=request.demand, patience=patience)
        return Refused(Reason.PROVIDER_RATE_LIMITED, wait) if wait else None

    def _closed_for(self, request: Request) -> int:
        waits = [self.breaker.wait()]
        if request.account is not None:
            waits.append(self.brake.wait())
        # A trial is what an outage ends by, however many tries have been repeated before it.
        if request.repeats and self.breaker.state is CircuitState.CLOSED:
            waits.append(self.retries.wait())
        return max(waits)

    def admit(self, request: Request, patience: int) -> Admission | Refused:
        """Admit a request, having waited for `patience` microseconds at most; raises `StoreUnavailableError`."""
        refused = self.hindrance(request, patience)
        if refused is not None:
            return refused
        until = self._clock.elapsed() + patience
        with ExitStack() as taken:
            passages = self._pass(request, taken)
            breaker, brake = (passage.trial for passage in passages)
            refused = (
                self._wait_of(passages)
                or self._place(request, until, taken)
                # What went before it may have come back meanwhile.
                or held_back(self._holds)
                or self._spend(request, until, is_trial=breaker is not None)
            )
            if refused is not None:
                return refused
            return Admission(
                learn=lambda error: self._learn(request, breaker, brake, error),
                taken=taken.pop_all(),
                is_trial=breaker is not None or brake is not None,
            )

    def _pass(self, request: Request, taken: ExitStack) -> tuple[Passage, Passage]:
        breaker = self.breaker.enter()
        taken.callback(self.breaker.give_back, breaker.trial)
        brake = Passage() if request.account is None or breaker.wait else self.brake.enter()
        taken.callback(self.brake.give_back, brake.trial)
        return breaker, brake

    @staticmethod
    def _wait_of(passages: tuple[Passage, Passage]) -> Refused | None:
        wait = max(passage.wait for passage in passages)
        return Refused(Reason.PROVIDER_UNAVAILABLE, wait) if wait else None

    def _place(self, request: Request, until: int, taken: ExitStack) -> Refused | None:
        return take_place(self.concurrency, taken, clock=self._clock, demand=request.demand, until=until)

    def _spend(self, request: Request, until: int, *, is_trial: bool) -> Refused | None:
        """Take one of the repeats, if it is one, and one of the rate: both, or neither.

        A refresh is counted as a first try or as one that repeats; any other request is counted where it is repeated.
        """
        with ExitStack() as untaken:
            if request.repeats:
                if self.retries.repeat():
                    untaken.callback(self.retries.give_back)
                elif not is_trial:
                    # Others have taken what was left while this one waited for its place.
                    return Refused(Reason.PROVIDER_UNAVAILABLE, max(self.retries.wait(), PLACE_WAIT))
            if self._budget is not None:
                patience = max(0, until - self._clock.elapsed())
                if wait := self._budget.take(demand=request.demand, patience=patience):
                    return Refused(Reason.PROVIDER_RATE_LIMITED, wait)
            untaken.pop_all()
        if request.account is not None and not request.repeats:
            self.retries.first_try()
        return None

    def _learn(self, request: Request, breaker: int | None, brake: int | None, error: ProviderError | None) -> None:
        account = request.account
        self.breaker.learn(breaker, error)
        refused = error is not None and error.failure is Failure.PERMANENT
        # That a doubted token is refused shows our own loss, and nothing of the provider's other accounts.
        if account is not None and (error is None or (refused and not request.in_doubt)):
            self.brake.learn(brake, account, refused=refused)
        if error is None:
            return
        self._holds.heed(error, of_account=account is not None)
        if error.failure is Failure.NOT_CONSUMED and error.rate_limited:
            self._hold(account, asked_wait(error))

    def _hold(self, account: bytes | None, wait: int) -> None:
        """Heed a 429: where a rate is set it speaks of that, for all replicas; else of the one account."""
        if account is not None:
            self._limits.hold(account, wait)
        if self._budget is None:
            return
        try:
            self._budget.hold(wait)
        except StoreUnavailableError as error:
            self._log.warning("limit_not_shared", integration=self._integration, reason=error.reason.value)

    def may_retry(self) -> bool:
        """Take what a repeated request needs: closed circuit, retry budget, and one of the rate."""
        if self.breaker.state is not CircuitState.CLOSED or held_back(self._holds):
            return False
        request = Request(demand=True, account=None, repeats=True)
        try:
            return self._spend(request, self._clock.elapsed(), is_trial=False) is None
        except StoreUnavailableError:
            return False


def held_back(holds: Holds) -> Refused | None:
    """Return how a provider's own word to wait refuses a request, if it does now."""
    wait, reason = holds.wait()
    return Refused(reason, wait) if wait else None


def take_place(concurrency: Concurrency, taken: ExitStack, *, clock: Clock, demand: bool, until: int) -> Refused | None:
    """Take a place, given back with all that is `taken`; wait for one until `until` (elapsed microseconds)."""
    while not concurrency.enter(demand=demand):
        if clock.elapsed() >= until:
            return Refused(Reason.PROVIDER_UNAVAILABLE, PLACE_WAIT)
        clock.sleep(PLACE_PAUSE)
    taken.callback(concurrency.leave)
    return None
