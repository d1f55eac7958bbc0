"""An answer is neither lost nor kept for ever where the database's clock is set while it is on its way."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.token_row import TokenState
from tests.exchange.set_clocks import A_DAY, ELSEWHERE, beat, set_clock
from tests.support.fakes_world import THIS, Client, World


def test_an_answer_that_the_clock_was_set_back_before_it_was_committed_is_of_the_future(
    ahead: World, client: Client
) -> None:
    token = client.new_token()
    ahead.pass_time(3600)
    ahead.coinbase.meanwhile("refresh", lambda: setattr(ahead.store.clock, "shift", 0))
    ahead.refresh(token)

    row = ahead.standing(token)
    assert row.binding.generation == 2
    assert row.came_at > ahead.rows.now() + A_DAY // 2


def test_an_answer_that_was_leased_in_the_future_is_settled_at_once(ahead: World, client: Client) -> None:
    token = client.new_token()
    ahead.pass_time(3600)
    ahead.failpoints.arm("refresh.before_commit")
    with pytest.raises(BaseException, match=r"refresh\.before_commit"):
        ahead.refresh(token)
    assert ahead.standing(token).binding.generation == 1

    ahead.store.clock.shift = 0
    ahead.life.engine.settling.settle_attempts(every=False)

    assert ahead.standing(token).binding.generation == 2


def test_what_is_settled_stays_on_disk_for_ten_minutes_wherever_the_clock_jumps(world: World, client: Client) -> None:
    token = client.new_token()
    world.pass_time(3600)
    world.refresh(token)
    world.pass_time(60)
    beat(world, times=4)
    assert world.spooled() == ["attempt"]

    set_clock(world, A_DAY)
    assert world.spooled() == ["attempt"]
    set_clock(world, 0)
    world.pass_time(700)
    beat(world, times=4)

    assert world.spooled() == []


def test_an_answer_whose_access_token_is_over_is_kept_though_the_clock_says_that_it_lives(
    world: World, client: Client
) -> None:
    """A failover took its lease back, so that the exchange is asked, and refuses a token whose time is over."""
    token = client.new_token()
    world.pass_time(3600)
    before = world.standing(token)
    world.failpoints.arm("refresh.before_commit")
    with pytest.raises(BaseException, match=r"refresh\.before_commit"):
        world.refresh(token)
    world.rows.rows[before.shard, before.binding.token_key] = before
    world.pass_time(3700)
    world.store.clock.shift = -A_DAY

    world.restart()
    beat(world, times=6)

    assert world.standing(token).binding.generation == 2
    assert world.refresh(token).progress is Progress.STARTED
    assert world.standing(token).binding.generation == 3
    assert world.coinbase.counts["reuses"] == 0


def test_a_replicas_name_stays_for_what_it_has_not_settled_though_a_lease_of_its_own_came_between(
    world: World, client: Client
) -> None:
    token = client.new_token()
    world.pass_time(3590)
    beat(world, times=4)
    row = world.standing(token)
    in_doubt = replace(
        row, state=TokenState.IN_DOUBT, doubt=ELSEWHERE, doubt_owner=THIS, failed_at=world.rows.now(), not_before=1
    )
    world.rows.rows[row.shard, row.binding.token_key] = in_doubt
    world.store.clock.shift = A_DAY

    # By a clock that has just jumped this replica itself has been gone for a day.
    assert world.refresh(token).progress is Progress.STARTED

    now = world.standing(token)
    assert (now.state, now.doubt, now.doubt_owner) == (TokenState.IN_DOUBT, ELSEWHERE, THIS)
    assert now.last_failure == "held_back"
    assert world.coinbase.counts["refreshes"] == 0
