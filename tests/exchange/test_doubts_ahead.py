"""A doubt, or what it waits for, was dated by a clock that was ahead and is set back."""

import pytest

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.token_row import LAST_OF_A_TOKEN, TokenState
from tests.exchange.set_clocks import A_DAY, beat, set_clock
from tests.support.fakes_exchange_faults import LOST_REQUEST, OUTAGE, Fault
from tests.support.fakes_world import Client, World


def test_a_doubt_that_began_in_the_future_ends_as_any(ahead: World, client: Client) -> None:
    token = client.new_token()
    ahead.pass_time(3550)
    ahead.coinbase.strike("refresh", LOST_REQUEST)
    ahead.refresh(token)
    assert ahead.standing(token).state is TokenState.IN_DOUBT
    ends_at = ahead.standing(token).access_expires_at
    assert ends_at is not None

    set_clock(ahead, 0)
    assert ahead.refresh(token).progress is Progress.RUNNING
    left = (ahead.standing(token).access_expires_at or 0) - ahead.rows.now()
    assert 0 < left <= 50 * MICROSECONDS
    assert ahead.refresh(token).progress is Progress.BACKING_OFF
    ahead.pass_time(60)
    beat(ahead, times=4)

    assert ahead.refresh(token).progress is Progress.STARTED
    assert ahead.standing(token).binding.generation == 2
    assert ahead.coinbase.counts["reuses"] == 0


def test_a_doubt_that_began_in_the_future_of_a_token_that_came_before_waits_for_its_end(
    world: World, client: Client
) -> None:
    token = client.new_token()
    ends_at = world.standing(token).access_expires_at
    assert ends_at is not None
    world.pass_time(600)
    set_clock(world, A_DAY)
    world.coinbase.strike("refresh", LOST_REQUEST)
    world.refresh(token)
    assert world.standing(token).state is TokenState.IN_DOUBT

    set_clock(world, 0)
    assert world.refresh(token).progress is Progress.RUNNING

    row = world.standing(token)
    assert (row.access_expires_at, row.not_before) == (ends_at, ends_at - LAST_OF_A_TOKEN)


def test_a_doubt_is_not_dated_anew_by_a_clock_that_is_not_trusted(ahead: World, client: Client) -> None:
    token = client.new_token()
    ahead.coinbase.strike("refresh", LOST_REQUEST)
    ahead.refresh(token)
    before = ahead.standing(token)
    ahead.store.clock.shift = 0
    beat(ahead, times=1)

    assert ahead.refresh(token).progress is Progress.BACKING_OFF

    assert ahead.standing(token) == before


def test_a_doubt_of_a_token_that_came_in_the_future_ends_soon(ahead: World, client: Client) -> None:
    token = client.new_token()
    set_clock(ahead, 0)
    ahead.coinbase.strike("refresh", LOST_REQUEST)
    ahead.refresh(token)

    assert ahead.refresh(token).progress is Progress.RUNNING

    left = (ahead.standing(token).access_expires_at or 0) - ahead.rows.now()
    assert left == LAST_OF_A_TOKEN
    assert ahead.refresh(token).progress is Progress.BACKING_OFF


@pytest.mark.parametrize(("method", "fault"), [("doubt", LOST_REQUEST), ("release", OUTAGE)])
def test_what_is_written_once_the_clock_is_set_back_waits_by_that_clock(
    world: World, client: Client, method: str, fault: Fault
) -> None:
    token = client.new_token()
    world.pass_time(3500)
    set_clock(world, A_DAY)
    world.coinbase.strike("refresh", fault)
    # The store is away for a moment, and another server answers then.
    world.weather.refuse(method)
    world.weather.before(method, lambda: setattr(world.store.clock, "shift", 0))

    world.refresh(token)

    not_before = world.standing(token).not_before
    assert not_before is not None
    assert 0 < not_before - world.rows.now() <= 60 * MICROSECONDS
