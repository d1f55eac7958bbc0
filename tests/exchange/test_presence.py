"""One process under one replica's id: a clone of its state directory ends, or does not start."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.exchange.presence import IdTakenError
from tests.support.fakes_world import THIS, Client, Life, World

BEAT = 10_000_000


def clone(world: World) -> Life:
    """Start a clone of the replica, on a copy of its state directory."""
    world.directory = world.directory / "clone"
    return world.boot(THIS, is_over=lambda _: False)


def test_a_clone_of_a_replica_that_lives_does_not_start(world: World, client: Client) -> None:
    token, engine = client.new_token(), world.life.engine
    world.pass_time(3600)
    engine.heartbeat.beat()
    for number in range(1, 5):
        world.clock.plan(number * BEAT, engine.heartbeat.beat)
    refused = list[type[IdTakenError]]()

    def meanwhile() -> None:
        with pytest.raises(IdTakenError) as raised:
            clone(world)
        refused.append(raised.type)

    world.coinbase.meanwhile("refresh", meanwhile)
    world.refresh(token)

    assert refused == [IdTakenError]
    assert world.log.alarms == ["replica_id_taken"]
    assert world.standing(token).binding.generation == 2
    assert world.coinbase.counts["reuses"] == 0


def test_where_the_life_before_is_silent_the_next_one_takes_its_place(world: World, client: Client) -> None:
    token = client.new_token()
    before = world.clock.elapsed()

    life = clone(world)
    world.pass_time(3600)

    assert world.clock.elapsed() > before
    assert world.refresh(token, life=life).progress is Progress.STARTED


def test_whoever_finds_another_life_registered_ends(world: World, client: Client) -> None:
    token, engine = client.new_token(), world.life.engine
    world.pass_time(3600)
    told = list[str]()
    engine.heartbeat.presence.on_taken = lambda: told.append("end")
    world.refresh(token)
    (registered,) = world.store.replicas.list()
    world.store.replicas.beat(replace(registered.beat, life=b"the clone's life"))

    for _ in range(2):
        with pytest.raises(IdTakenError):
            engine.heartbeat.beat()

    world.pass_time(3600)
    assert world.refresh(token).progress is Progress.BACKING_OFF
    assert told == ["end"]
    assert world.log.alarms == ["replica_id_taken"]
    assert world.store.replicas.list()[0].beat.life == b"the clone's life"
    # What is written under the id may be the other's by now.
    assert not engine.stop()


def test_a_predecessor_that_a_failover_brings_back_is_replaced_again(world: World) -> None:
    (before,) = world.store.replicas.list()
    world.restart()
    world.store.replicas.beat(before.beat)

    world.life.engine.heartbeat.beat()

    assert world.store.replicas.list()[0].beat.life == world.life.parts.life


def test_a_silent_life_that_another_replica_has_dated_anew_is_over_all_the_same(world: World, client: Client) -> None:
    token = client.new_token()
    (registered,) = world.store.replicas.list()
    ahead = registered.seen_at + 6 * MICROSECONDS

    world.clock.plan(3 * MICROSECONDS, lambda: world.store.replicas.redate(THIS, seen_at=registered.seen_at, to=ahead))
    life = clone(world)
    world.pass_time(3600)

    assert world.refresh(token, life=life).progress is Progress.STARTED
    assert world.log.alarms == []


def test_a_clone_that_beats_slowly_is_noticed_all_the_same(world: World) -> None:
    beat = world.life.engine.heartbeat.beat
    for seconds in (24, 45):
        world.clock.plan(seconds * MICROSECONDS, beat)

    with pytest.raises(IdTakenError):
        clone(world)
