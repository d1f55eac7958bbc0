"""Tries that repeat are a tenth of the first ones."""

import random

import pytest

from mmt_grpc.domain.ports.providers import Failure
from mmt_grpc.exchange.admission import Admission, Refused
from mmt_grpc.exchange.retry_budget import AT_FIRST, MOST_SAVED, TRICKLE, RetryBudget
from tests.exchange.pacing_world import DEAD, MINUTE, SECOND, UPHOLD_RATE, PacingWorld, ends, error
from tests.support.fakes_clock import ManualClock


@pytest.mark.parametrize("seed", range(5))
def test_repeats_are_a_tenth_of_first_tries_at_most(seed: int) -> None:
    clock, chance = ManualClock(), random.Random(seed)
    budget = RetryBudget(clock=clock)
    firsts = repeats = 0
    for _ in range(20_000):
        if chance.random() < 0.5:
            budget.first_try()
            firsts += 1
        elif budget.repeat():
            repeats += 1

    assert firsts // 10 - MOST_SAVED <= repeats <= firsts // 10 + AT_FIRST


def test_nothing_is_saved_up_beyond_a_few() -> None:
    budget = RetryBudget(clock=ManualClock())
    for _ in range(10_000):
        budget.first_try()

    assert [budget.repeat() for _ in range(MOST_SAVED + 1)] == [True] * MOST_SAVED + [False]


def test_a_lone_token_is_tried_again_in_the_end() -> None:
    clock = ManualClock()
    budget = RetryBudget(clock=clock)
    while budget.repeat():
        pass
    wait = budget.wait()

    assert 0 < wait <= TRICKLE
    clock.advance(wait)
    assert budget.wait() == 0
    assert budget.repeat()
    clock.advance(100 * TRICKLE)
    assert [budget.repeat(), budget.repeat()] == [True, False]


def test_refreshes_feed_it_and_repeated_ones_spend_it() -> None:
    pacing = PacingWorld().replica()
    for _ in range(AT_FIRST):
        admission = pacing.admit("uphold", demand=True, account=b"k", repeats=True)
        assert isinstance(admission, Admission)
    assert isinstance(pacing.admit("uphold", demand=True, account=b"k", repeats=True), Refused)

    ends(pacing, None, times=10)

    assert isinstance(pacing.admit("uphold", demand=True, account=b"k", repeats=True), Admission)


def test_the_trial_that_ends_an_outage_needs_no_leave() -> None:
    world = PacingWorld()
    pacing = world.replica()
    while pacing.may_retry("uphold"):
        pass
    ends(pacing, DEAD, times=5)
    world.clock.advance(5 * SECOND)

    trial = pacing.admit("uphold", demand=True, account=b"k", repeats=True)

    assert isinstance(trial, Admission)
    assert trial.is_trial


def test_the_retry_of_a_call_is_asked_for_by_integration() -> None:
    pacing = PacingWorld().replica()
    assert [pacing.may_retry("uphold") for _ in range(AT_FIRST + 1)] == [True] * AT_FIRST + [False]
    assert pacing.may_retry("coinbase")

    for _ in range(10):
        pacing.first_try("uphold")

    assert pacing.may_retry("uphold")


def test_nothing_is_repeated_while_the_breaker_is_open() -> None:
    pacing = PacingWorld().replica()
    ends(pacing, error(Failure.AMBIGUOUS), times=5)

    assert not pacing.may_retry("uphold")


def test_a_retry_takes_one_of_the_rate() -> None:
    world = PacingWorld()
    pacing = world.replica(uphold=UPHOLD_RATE)
    taken = 0
    while isinstance(admission := pacing.admit("uphold", demand=True), Admission):
        admission.close()
        taken += 1

    assert taken > 0
    assert not pacing.may_retry("uphold")
    world.clock.advance(6 * MINUTE)
    assert pacing.may_retry("uphold")
    world.store.away = True
    world.clock.advance(MINUTE)
    assert not pacing.may_retry("uphold")
