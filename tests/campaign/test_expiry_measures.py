"""The expiry campaign's measures: they see a burst, a budget that is exceeded and a lag, and chance alone is none."""

from __future__ import annotations

import random

import pytest

from mmt_grpc.domain.ports.clock import Randomness
from mmt_grpc.exchange.lifetimes import next_refresh
from tests.campaign.expiry_machine import Reading, cores, read
from tests.campaign.expiry_measures import (
    MOST_BURST,
    Window,
    burst,
    lags,
    most_within,
    percentile,
    spreading_window,
)
from tests.support.fakes_clock import SeededRandomness

LIFE = 1200.0
TOKENS = 10_000


class NoJitter:
    """Randomness that always makes the same choice."""

    def random_bytes(self, count: int) -> bytes:
        return bytes(count)

    def jitter(self, low: int, high: int) -> int:
        return (low + high) // 2


def planned(randomness: Randomness) -> list[float]:
    """When the engine would refresh tokens that are connected at 0 and expire together."""
    plans = [next_refresh(int(LIFE * 1e6), now=0, refreshable=True, randomness=randomness) for _ in range(TOKENS)]
    return [plan / 1e6 for plan in plans if plan is not None]


@pytest.mark.parametrize("seed", range(5))
def test_the_engines_plan_for_tokens_that_expire_together_has_no_burst(seed: int) -> None:
    window = spreading_window([(0.0, LIFE)])
    plan = planned(SeededRandomness(seed))
    assert len(plan) == TOKENS
    assert all(window.has(at) for at in plan)
    assert burst(plan, window).ratio < MOST_BURST


def test_a_plan_without_jitter_is_a_burst() -> None:
    found = burst(planned(NoJitter()), spreading_window([(0.0, LIFE)]))
    assert found.ratio > MOST_BURST
    assert found.most == TOKENS


def test_half_of_the_window_left_empty_is_a_burst() -> None:
    chance = random.Random(1)
    moments = [chance.uniform(0, 150) for _ in range(TOKENS)]
    assert burst(moments, Window(0, 300)).ratio > MOST_BURST


def test_the_window_reaches_from_half_of_the_longest_life_to_a_quarter_of_the_shortest() -> None:
    assert spreading_window([(0, 1200), (200, 1200)]) == Window(600, 950)


def test_long_lives_are_refreshed_between_thirty_and_fifteen_minutes_ahead() -> None:
    assert spreading_window([(0, 36_000)]) == Window(36_000 - 1800, 36_000 - 900)


def test_an_interval_slides_and_is_half_open() -> None:
    assert most_within([0.0, 9.5, 10.0, 19.5], 10.0) == 2
    assert most_within([5.0, 9.0, 14.0], 10.0) == 3
    assert most_within([], 10.0) == 0


def test_a_lag_is_that_of_the_order() -> None:
    assert lags([3.0, 1.0, 2.0], [2.5, 3.0, 1.0]) == [0.0, 0.5, 0.0]


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.99) == 4.0


def test_the_cores_that_we_use_are_told_from_those_of_others() -> None:
    first, last = Reading(10.0, 100.0, 5.0), Reading(20.0, 115.0, 10.0)
    found = cores("storm", [(first, last)])
    assert (found.everybody, found.ours) == (1.5, 0.5)
    assert read().everybody >= read().ours > 0
