"""A refresh token that nobody uses is used before it expires by itself."""

import pytest

from mmt_grpc.exchange import lifetimes
from tests.exchange.pacing_world import HOUR, MINUTE
from tests.support.fakes_clock import SeededRandomness


def test_an_idle_refresh_token_is_used_within_the_last_tenth_of_its_life() -> None:
    for seed in range(50):
        at = lifetimes.next_refresh(
            None, now=0, refreshable=True, renewal_expires_at=10 * HOUR, randomness=SeededRandomness(seed)
        )
        assert at is not None
        assert 9 * HOUR <= at <= 9.5 * HOUR


def test_a_long_lived_one_within_its_last_week() -> None:
    day, year = 24 * HOUR, 365 * 24 * HOUR
    at = lifetimes.next_refresh(None, now=0, refreshable=True, renewal_expires_at=year, randomness=SeededRandomness())
    assert at is not None
    assert year - 7 * day <= at <= year - 3 * day


def test_whichever_expires_first_decides() -> None:
    access = lifetimes.next_refresh(HOUR, now=0, refreshable=True, randomness=SeededRandomness())
    both = lifetimes.next_refresh(
        HOUR, now=0, refreshable=True, renewal_expires_at=365 * 24 * HOUR, randomness=SeededRandomness()
    )
    renewal_first = lifetimes.next_refresh(
        HOUR, now=0, refreshable=True, renewal_expires_at=10 * MINUTE, randomness=SeededRandomness()
    )

    assert access == both
    assert renewal_first is not None
    assert 9 * MINUTE <= renewal_first < 10 * MINUTE


def test_a_token_of_minutes_is_left_to_demand_but_kept_alive() -> None:
    randomness = SeededRandomness()
    short = 4 * MINUTE

    assert lifetimes.next_refresh(short, now=0, refreshable=True, randomness=randomness) is None
    at = lifetimes.next_refresh(short, now=0, refreshable=True, renewal_expires_at=10 * HOUR, randomness=randomness)
    assert at is not None
    assert at >= 9 * HOUR


@pytest.mark.parametrize("expires_at", [-5, 0])
def test_one_that_has_expired_is_not_chased(expires_at: int) -> None:
    randomness = SeededRandomness()

    assert (
        lifetimes.next_refresh(None, now=0, refreshable=True, renewal_expires_at=expires_at, randomness=randomness)
        is None
    )
