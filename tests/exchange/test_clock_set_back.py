"""A clock of the database that is set: what it wrote before stops nothing for a day, and hurries nothing."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.ports.store import SEEN_FOR
from mmt_grpc.domain.token_row import LEASE, TokenState
from mmt_grpc.exchange.heartbeat import SECONDS
from tests.exchange.set_clocks import A_DAY, ELSEWHERE, beat, set_clock
from tests.support.fakes_exchange_faults import OUTAGE
from tests.support.fakes_world import OTHER, THIS, Client, World


def test_a_replica_that_died_in_the_future_is_waited_for_as_long_as_any(world: World, client: Client) -> None:
    other = world.boot(OTHER)
    set_clock(world, A_DAY, world.life, other)
    token = client.new_token()

    set_clock(world, 0)
    waited = 4
    while world.standing(token).binding.generation == 1:
        beat(world, times=1)
        world.refresh(token)
        waited += 1
        assert waited < 100

    absence = SEEN_FOR / MICROSECONDS
    assert absence < waited * SECONDS <= absence + 60
    assert {event["replica"] for event in world.log.named("replica_redated")} == {OTHER.hex()}


def test_a_replica_that_beats_by_a_clock_that_is_ahead_is_left_to_say_itself_when_it_was_seen(world: World) -> None:
    (registered,) = world.store.replicas.list()
    beating = replace(registered.beat, owner=OTHER)
    for _ in range(5):
        world.store.clock.shift = A_DAY
        world.store.replicas.beat(beating)
        world.store.clock.shift = 0
        beat(world, times=1)

    seen = {replica.beat.owner: replica.seen_at for replica in world.store.replicas.list()}
    assert seen[OTHER] > seen[THIS] + A_DAY - 60 * MICROSECONDS
    assert world.log.named("replica_redated") == []


def test_a_lease_that_was_given_in_the_future_is_over(ahead: World, client: Client) -> None:
    token = client.new_token()
    row = ahead.standing(token)
    leased = replace(
        row,
        state=TokenState.REFRESHING,
        attempt_id=ELSEWHERE,
        lease_owner=OTHER,
        lease_until=ahead.rows.now() + LEASE,
    )
    ahead.rows.rows[row.shard, row.binding.token_key] = leased
    assert ahead.refresh(token).progress is Progress.RUNNING

    set_clock(ahead, 0)
    ahead.refresh(token)

    assert ahead.standing(token).state is TokenState.IN_DOUBT


def test_a_token_that_came_in_the_future_is_refreshed_before_it_is_handed_out(ahead: World, client: Client) -> None:
    refreshed = client.new_token("bob")
    ahead.pass_time(3600)
    connected = client.new_token()
    old = {token: client.token(token) for token in (refreshed, connected)}
    assert [ahead.standing(token).refreshed_at is None for token in old] == [False, True]

    set_clock(ahead, 0)

    for token, dead in old.items():
        assert client.token(token) != dead
        generation = ahead.standing(token).binding.generation
        assert client.token(token) != dead
        assert ahead.standing(token).binding.generation == generation


def test_a_token_that_came_in_the_future_is_handed_out_where_no_other_can_be_had(ahead: World, client: Client) -> None:
    token = client.new_token()
    alive = client.token(token)
    set_clock(ahead, 0)

    ahead.coinbase.strike("refresh", OUTAGE)

    assert client.token(token) == alive


def test_what_has_failed_in_the_future_is_tried_again(ahead: World, client: Client) -> None:
    token = client.new_token()
    ahead.coinbase.strike("refresh", OUTAGE)
    assert ahead.refresh(token).progress is Progress.STARTED
    assert ahead.standing(token).backs_off(ahead.rows.now()) > 0

    set_clock(ahead, 0)

    assert ahead.refresh(token).progress is Progress.STARTED
    assert ahead.standing(token).binding.generation == 2


def test_who_was_seen_before_the_clock_jumped_ahead_is_waited_for_as_long_as_any(world: World, client: Client) -> None:
    token = client.new_token()
    other = world.boot(OTHER)
    world.pass_time(3550)
    beat(world, world.life, other, times=4)
    world.failpoints.arm("refresh.before_send")
    with pytest.raises(BaseException, match=r"refresh\.before_send"):
        world.refresh(token, life=other)
    world.pass_time(60)
    world.refresh(token)
    assert world.standing(token).doubt_owner == OTHER

    set_clock(world, A_DAY)
    waited = 10
    while world.standing(token).binding.generation == 1:
        beat(world, times=1)
        world.refresh(token)
        waited += 1
        assert waited < 100

    assert waited * SECONDS >= SEEN_FOR / MICROSECONDS


def test_a_lease_by_a_clock_that_has_just_jumped_is_not_sent(world: World, client: Client) -> None:
    token = client.new_token()
    beat(world, times=4)
    world.store.clock.shift = A_DAY

    assert world.refresh(token).progress is Progress.STARTED

    row = world.standing(token)
    assert (row.state, row.last_failure) == (TokenState.ACTIVE, "held_back")
    assert world.coinbase.counts["refreshes"] == 0
    assert world.log.named("database_clock_differs") == [{"seconds": 86_400, "against": "itself"}]
    assert world.refresh(token).progress is Progress.BACKING_OFF


def test_what_a_connect_brought_before_the_clock_was_set_back_came_then(ahead: World, client: Client) -> None:
    ahead.coinbase.meanwhile("redeem", lambda: setattr(ahead.store.clock, "shift", 0))

    token = client.new_token()

    assert ahead.standing(token).came_at > ahead.rows.now() + A_DAY // 2
