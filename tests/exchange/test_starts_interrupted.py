"""A start while the database is away: one in the middle of it hears that it is to end, one that serves goes on."""

import threading
from dataclasses import replace

import pytest

from mmt_grpc.app.ending import Ending
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.exchange.reconciling import UNDER_WAY
from mmt_grpc.exchange.write_back import StoppedError
from tests.exchange.bad_blocks import uncommitted
from tests.support.fakes_failure import Weather
from tests.support.fakes_wiring import build_engine
from tests.support.fakes_world import Client, World

PATIENCE = 200
"""Readings until it is taken for deaf."""


def revoke_under_way(world: World, token: str) -> None:
    """Have the ledger name a row that stands, and the replica doubt the database."""
    row = world.standing(token)
    world.ledger.record(row.shard, row.binding.token_key)
    world.life.parts.losses.happened()
    world.life.engine.upkeep.keep_honest()
    assert not world.life.engine.comparing.guard.calm


def test_a_database_that_is_away_for_a_moment_ends_no_start_that_waits_for_a_revoke(world: World, token: str) -> None:
    revoke_under_way(world, token)
    world.weather.refuse("since", times=3)

    world.life.engine.wait_for_revokes(is_stopping=lambda: False)

    assert world.row(token) is None
    assert world.life.engine.comparing.guard.calm


def test_one_that_stays_away_is_not_waited_for_longer_than_a_revoke(world: World, token: str) -> None:
    revoke_under_way(world, token)
    began = world.clock.elapsed()

    with world.weather.outage("since"):
        world.life.engine.wait_for_revokes(is_stopping=lambda: False)

    assert world.clock.elapsed() - began < 2 * UNDER_WAY
    assert not world.life.engine.comparing.guard.calm


def test_a_start_that_waits_for_the_database_to_settle_an_answer_ends_when_it_is_told_to(
    world: World, client: Client
) -> None:
    uncommitted(world, client, "alice")
    ending, weather, readings = Ending(), Weather(), list[None]()

    def read_nothing() -> None:
        readings.append(None)
        assert len(readings) < PATIENCE, "it does not hear"
        if len(readings) == 5:
            ending.ask()

    for _ in range(PATIENCE):
        weather.before("read", read_nothing)
    parts = replace(world.life.parts, rows=weather.over(world.rows), life=b"y" * 16, stopping=threading.Event())
    engine = build_engine(parts, lanes=world.life.lanes)

    with weather.outage("read"), ending.heard_by(engine.stopping), pytest.raises(StoppedError):
        engine.start()

    assert world.spooled() == ["attempt"]


def test_a_start_that_waits_for_another_life_to_be_silent_ends_when_it_is_told_to(world: World) -> None:
    world.pass_time(1)
    stopping, began = threading.Event(), world.clock.elapsed()
    parts = replace(world.life.parts, life=b"y" * 16, is_over=lambda _: False, stopping=stopping)
    engine = build_engine(parts, lanes=world.life.lanes)
    world.clock.plan(2_000_000, stopping.set)

    with pytest.raises(StoppedError):
        engine.start()

    assert world.clock.elapsed() - began < 5_000_000


def test_a_start_without_a_database_fails_as_before(world: World) -> None:
    engine = build_engine(replace(world.life.parts, life=b"y" * 16, stopping=threading.Event()), lanes=world.life.lanes)

    with world.weather.outage("since"), Ending().heard_by(engine.stopping), pytest.raises(StoreUnavailableError):
        engine.start()
