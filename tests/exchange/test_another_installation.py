"""Nothing is written to another installation's database, and nothing taken for gone because it is not there."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.exchanger import Progress
from tests.support.database_age import become, installation
from tests.support.fakes_world import Client, World


def test_nothing_is_written_to_another_installations_database(world: World, client: Client, token: str) -> None:
    ours = installation(world)
    become(world, replace(ours, installation_id=b"installation-999"))
    rows, recoveries, replicas = dict(world.rows.rows), world.store.recoveries.current(), world.store.replicas.list()
    world.pass_time(60)
    world.life.parts.losses.happened()
    with pytest.raises(StoreUnavailableError):
        world.life.beat()
    with pytest.raises(StoreUnavailableError):
        client.connect("carol", world.coinbase.authorize("carol"))
    with pytest.raises(StoreUnavailableError):
        world.refresh(token)
    assert (world.rows.rows, world.store.recoveries.current(), world.store.replicas.list()) == (
        rows,
        recoveries,
        replicas,
    )
    assert world.log.alarms == ["database_is_another"]

    become(world, ours)
    world.life.beat()
    assert world.refresh(token).progress is Progress.STARTED


def test_an_answer_that_finds_another_installations_database_waits_for_the_right_one(
    world: World, client: Client, token: str
) -> None:
    """It would be taken for one whose row was revoked, and be revoked at the exchange itself."""
    ours, rows = installation(world), dict(world.rows.rows)

    def swap() -> None:
        rows.update(world.rows.rows)
        world.rows.rows.clear()
        become(world, replace(ours, installation_id=b"installation-999"))
        world.life.parts.losses.happened()
        world.clock.plan(5 * MICROSECONDS, swap_back)

    def swap_back() -> None:
        become(world, ours)
        world.rows.rows.update(rows)
        world.life.engine.comparing.guard.look()

    world.failpoints.at("refresh.after_answer", swap)
    assert world.refresh(token).progress is Progress.STARTED

    assert world.standing(token).binding.generation == 2
    assert world.coinbase.is_alive(client.resolve(token).credential)
