"""One node of the database has another time than the others: whoever is timed by it harms nobody else."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.token_row import TokenState
from tests.exchange.set_clocks import beat
from tests.support.fakes_exchange_faults import OUTAGE
from tests.support.fakes_world import OTHER, Client, World

THIRD = b"third-replica---"
LONG_DEAD = b"long-dead-------"
HOUR = 3600 * MICROSECONDS
TWO_DAYS = 2 * 86_400
T = TypeVar("T")


def by_a_node(world: World, ahead: int, ask: Callable[[], T]) -> T:
    """Ask by a node of the database whose clock differs."""
    before = world.store.clock.shift
    world.store.clock.shift = before + ahead
    try:
        return ask()
    finally:
        world.store.clock.shift = before


def refreshes(world: World, token: str) -> bool:
    """Whether a refresh that is asked for now is made."""
    before = world.standing(token).binding.generation
    world.refresh(token)
    return world.standing(token).binding.generation > before


def test_a_replica_that_holds_an_answer_is_waited_for_though_another_ones_node_is_set_back(
    world: World, client: Client
) -> None:
    token, other, third = client.new_token(), world.boot(OTHER), world.boot(THIRD)
    world.pass_time(3500)
    beat(world, world.life, other, third, times=4)
    world.failpoints.arm("refresh.before_commit")
    with pytest.raises(BaseException, match=r"refresh\.before_commit"):
        world.refresh(token, life=other)
    for _ in range(14):
        beat(world, world.life, third)
        world.refresh(token)
    assert (world.standing(token).state, world.standing(token).doubt_owner) == (TokenState.IN_DOUBT, OTHER)

    for _ in range(10):
        beat(world, world.life)
        by_a_node(world, -HOUR, third.beat)
        world.refresh(token)

    assert world.standing(token).state is TokenState.IN_DOUBT
    assert world.coinbase.counts["refreshes"] == 1


def test_whoever_has_long_been_dead_stays_so_though_a_replica_of_a_differing_host_often_starts(
    world: World, client: Client
) -> None:
    world.boot(LONG_DEAD)
    world.store.clock.shift = 6 * MICROSECONDS
    other = world.boot(OTHER)
    beat(world, world.life, other, times=6)
    world.pass_time(TWO_DAYS)
    beat(world, world.life, other, times=8)
    token = client.new_token()

    made = 0
    for number in range(60):
        if number % 20 == 0:
            other = world.boot(OTHER)
        beat(world, world.life, other)
        made += refreshes(world, token)

    assert made > 50


def test_whoever_has_long_been_dead_stays_so_though_a_replica_changes_between_nodes(
    world: World, client: Client
) -> None:
    world.boot(LONG_DEAD)
    other = world.boot(OTHER)
    world.pass_time(TWO_DAYS)
    beat(world, world.life, other, times=8)
    token = client.new_token()

    made = 0
    for number in range(60):
        beat(world, world.life)
        by_a_node(world, 8 * MICROSECONDS * (number // 2 % 2), other.beat)
        made += refreshes(world, token)

    assert made > 50


def test_a_replica_whose_node_is_behind_takes_nobodys_lease_for_one_of_the_future(world: World, client: Client) -> None:
    token, other = client.new_token(), world.boot(OTHER)
    world.pass_time(3500)
    beat(world, world.life, other, times=4)
    for _ in range(3):
        beat(world, other)
        by_a_node(world, -10 * MICROSECONDS, world.life.beat)
    seen = list[Progress]()

    world.coinbase.meanwhile(
        "connect",
        lambda: seen.append(by_a_node(world, -10 * MICROSECONDS, lambda: world.refresh(token)).progress),
    )
    world.coinbase.strike("refresh", OUTAGE)
    world.refresh(token, life=other)

    assert seen == [Progress.RUNNING]
    assert (world.standing(token).state, world.standing(token).doubt) == (TokenState.ACTIVE, None)
