"""Only what certainly did not happen is repeated, a few times, in bounded time."""

import logging

import pytest

from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.deadline import Deadline
from mmt_grpc.providers.retrying import ATTEMPTS, HARMLESS, UNSENT, RetryPolicy


class Bench:
    """A retry policy whose time only passes by its own waits."""

    def __init__(self, *, seconds: float = 10.0) -> None:
        self.now = 0.0
        self.told: list[tuple[str, Failure, int]] = []
        self.ranges: list[tuple[float, float]] = []
        self.calls = 0
        self.deadline = Deadline(seconds=seconds, elapsed=lambda: self.now)
        self.leave = 100
        self.first_tries: list[str] = []
        self.policy = RetryPolicy(
            on_retry=lambda *told: self.told.append(told),
            sleep=self._sleep,
            jitter=self._jitter,
            may_retry=self._may_retry,
            on_first_try=self.first_tries.append,
        )

    def run(self, *errors: ProviderError, repeatable: frozenset[Failure] = UNSENT) -> str:
        """Fail with each error in turn, then succeed."""
        left = list(errors)

        def call() -> str:
            self.calls += 1
            if left:
                raise left.pop(0)
            return "done"

        return self.policy.run(call, integration="acme", deadline=self.deadline, repeatable=repeatable)

    def _may_retry(self, integration: str) -> bool:
        assert integration == "acme"
        self.leave -= 1
        return self.leave >= 0

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _jitter(self, low: float, high: float) -> float:
        self.ranges.append((low, high))
        return high


@pytest.fixture
def bench() -> Bench:
    return Bench()


def error(failure: Failure, *, wait: float | None = None, limited: bool = False) -> ProviderError:
    return ProviderError(failure, integration="acme", rate_limited=limited, retry_after=wait)


def fails(bench: Bench, failed: ProviderError, **options: frozenset[Failure]) -> int:
    with pytest.raises(ProviderError) as caught:
        bench.run(*[failed] * 9, **options)
    assert caught.value is failed
    return bench.calls


@pytest.mark.parametrize("failure", [Failure.NOT_SENT, Failure.NOT_CONSUMED])
def test_what_did_not_happen_is_tried_again(bench: Bench, failure: Failure) -> None:
    assert bench.run(error(failure), error(failure)) == "done"
    assert bench.told == [("acme", failure, 1), ("acme", failure, 2)]


@pytest.mark.parametrize("failure", [f for f in Failure if f not in UNSENT])
def test_anything_else_is_not(bench: Bench, failure: Failure) -> None:
    assert fails(bench, error(failure)) == 1
    assert bench.told == []


def test_an_unknown_outcome_is_repeated_only_where_twice_changes_nothing(bench: Bench) -> None:
    assert fails(bench, error(Failure.AMBIGUOUS), repeatable=HARMLESS) == ATTEMPTS
    assert fails(Bench(), error(Failure.AMBIGUOUS), repeatable=UNSENT) == 1


def test_the_attempts_are_bounded_and_the_last_error_is_raised(bench: Bench) -> None:
    assert fails(bench, error(Failure.NOT_SENT)) == ATTEMPTS


def test_the_waits_are_chosen_from_growing_ranges_that_start_at_nothing(bench: Bench) -> None:
    bench.run(error(Failure.NOT_SENT), error(Failure.NOT_SENT))
    assert bench.ranges == [(0.0, 0.2), (0.0, 0.4)]


def test_a_short_retry_after_is_kept_to(bench: Bench) -> None:
    bench.run(error(Failure.NOT_CONSUMED, wait=1.5, limited=True))
    assert bench.now >= 1.5


def test_a_long_retry_after_is_the_callers_to_wait_for(bench: Bench) -> None:
    assert fails(bench, error(Failure.NOT_CONSUMED, wait=2.5, limited=True)) == 1


def test_a_limit_without_a_hint_is_not_knocked_at_again(bench: Bench) -> None:
    assert fails(bench, error(Failure.NOT_CONSUMED, limited=True)) == 1


def test_no_wait_goes_beyond_the_total_time() -> None:
    bench = Bench(seconds=0.1)
    assert fails(bench, error(Failure.NOT_SENT)) == 1
    assert bench.now == 0.0


def test_without_leave_nothing_is_repeated(bench: Bench) -> None:
    bench.leave = 1
    assert fails(bench, error(Failure.NOT_SENT)) == 2
    assert bench.now == 0.2


def test_no_leave_is_asked_for_what_is_not_repeated_anyway(bench: Bench) -> None:
    fails(bench, error(Failure.PERMANENT))
    fails(bench, error(Failure.NOT_CONSUMED, wait=2.5, limited=True))
    assert bench.leave == 100


def test_every_request_counts_once_as_a_first_try(bench: Bench) -> None:
    bench.run(error(Failure.NOT_SENT))
    bench.run()
    assert bench.first_tries == ["acme", "acme"]


def test_a_bug_is_not_taken_for_a_failure(bench: Bench) -> None:
    def call() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bench.policy.run(call, integration="acme", deadline=bench.deadline)


def test_nothing_is_logged_by_itself(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench.policy.run(lambda: Secret("canary"), integration="acme", deadline=bench.deadline)
    bench.run(error(Failure.NOT_SENT))
    assert caplog.text == ""
