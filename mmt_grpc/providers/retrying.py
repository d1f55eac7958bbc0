"""The one retry policy: only what certainly did not happen, a few times, within the exchange's total time."""

from collections.abc import Callable
from typing import Final, TypeVar

import tenacity

from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.providers.deadline import Deadline

T = TypeVar("T")

OnRetry = Callable[[str, Failure, int], None]
"""Told of every try that is repeated: integration, class of failure, number of the try; never a value."""

MayRetry = Callable[[str], bool]
"""Whether an integration's failed request may be repeated now; what it allows is taken to be repeated."""

FirstTry = Callable[[str], None]
"""Told of every request before it is sent for the first time: its integration."""

ATTEMPTS: Final = 3
FIRST_WAIT: Final = 0.2
"""Seconds; the range of the first wait, doubled with each further one (full jitter)."""
LONGEST_WAIT: Final = 2.0
"""Seconds; a Retry-After beyond it is the caller's to wait for."""

UNSENT: Final = frozenset({Failure.NOT_SENT, Failure.NOT_CONSUMED})
"""What may be repeated whatever it was."""
HARMLESS: Final = UNSENT | {Failure.AMBIGUOUS}
"""What may be repeated where doing it twice changes nothing: reads and revocations."""


class RetryPolicy:
    """Repeats one integration's requests; the last failure is raised as it is."""

    def __init__(
        self,
        *,
        on_retry: OnRetry,
        sleep: Callable[[float], None],
        jitter: Callable[[float, float], float],
        may_retry: MayRetry = lambda _: True,
        on_first_try: FirstTry = lambda _: None,
    ) -> None:
        """`jitter` chooses evenly between two numbers of seconds."""
        self._on_retry = on_retry
        self._may_retry = may_retry
        self._on_first_try = on_first_try
        self._sleep = sleep
        self._jitter = jitter

    def run(
        self,
        call: Callable[[], T],
        *,
        integration: str,
        deadline: Deadline,
        repeatable: frozenset[Failure] = UNSENT,
    ) -> T:
        """Call until it succeeds, fails in a way not in `repeatable`, or attempts, time or leave are used up."""

        def stop(state: tenacity.RetryCallState) -> bool:
            wait = _hint(_failure_of(state))
            too_long = state.upcoming_sleep >= deadline.left or (wait is not None and wait > LONGEST_WAIT)
            # Asked last: what allows a repetition is spent by asking.
            return state.attempt_number >= ATTEMPTS or too_long or not self._may_retry(integration)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: _is_repeatable(error, repeatable)),
            stop=stop,
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._tell,
            reraise=True,
        )
        self._on_first_try(integration)
        return retrying(call)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        most = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (state.attempt_number - 1))
        return (_hint(_failure_of(state)) or 0.0) + self._jitter(0.0, most)

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = _failure_of(state)
        self._on_retry(error.integration, error.failure, state.attempt_number)


def _is_repeatable(error: BaseException, repeatable: frozenset[Failure]) -> bool:
    if not isinstance(error, ProviderError) or error.failure not in repeatable:
        return False
    # A limit without a hint is no invitation to knock again at once.
    return not error.rate_limited or error.retry_after is not None


def _hint(error: ProviderError) -> float | None:
    return error.retry_after


def _failure_of(state: tenacity.RetryCallState) -> ProviderError:
    error = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(error, ProviderError):
        raise TypeError("only a failure of a provider is repeated")
    return error
