"""A ledger that takes long to compare: meanwhile the replica settles every recovery, for which all others wait."""

import threading
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.ledger_batch import BATCH
from mmt_grpc.domain.ports.store import LedgerEntry
from mmt_grpc.exchange.write_back import StoppedError
from tests.support.database_age import installation
from tests.support.fakes_wiring import build_engine
from tests.support.fakes_world import Client, World

BATCHES = 4
SLOWNESS = 10
"""Seconds that the ledger takes for each."""
LONG = 60
"""Seconds that no test waits for unless it fails."""


@pytest.fixture
def doubting(world: World) -> World:
    """A world whose replica has to compare a long ledger, slowly."""
    world.pass_time(3600)
    for number in range(1, BATCHES * BATCH):
        world.ledger._entries[number.to_bytes(32)] = LedgerEntry(number, 0, number.to_bytes(32), 0)
    for _ in range(100):
        world.weather.before("since", lambda: world.pass_time(SLOWNESS))
    world.life.parts.losses.happened()
    return world


def go_round(world: World) -> bool:
    return world.life.engine.upkeep._round(1, is_woken=True)


def is_calm(world: World) -> bool:
    return bool(world.life.engine.comparing.guard.calm)


def settled(world: World) -> int | None:
    return world.store.replicas.settled_by(world.life.parts.owner)


def revive(world: World, client: Client, position: int) -> str:
    """Have a row stand that the ledger names at a position."""
    token = client.new_token("bob")
    row = world.standing(token)
    world.ledger._entries[row.binding.token_key] = LedgerEntry(position, row.shard, row.binding.token_key, 0)
    return token


def test_it_is_compared_in_stretches_until_all_of_it_is(doubting: World, client: Client) -> None:
    last = revive(doubting, client, BATCHES * BATCH)
    rounds = 1
    while go_round(doubting):
        assert not is_calm(doubting)
        rounds += 1

    assert rounds > BATCHES
    assert is_calm(doubting)
    assert doubting.row(last) is None
    assert installation(doubting).ledger_head == doubting.ledger.head()


def test_a_recovery_that_others_open_meanwhile_is_settled_before_it_is_compared(doubting: World) -> None:
    assert go_round(doubting)
    current = doubting.store.recoveries.current()
    assert doubting.store.recoveries.open(current)

    assert go_round(doubting)

    assert settled(doubting) == current + 1


def test_what_a_failover_may_have_taken_back_is_not_called_compared(doubting: World) -> None:
    """Workers prove that nothing has come back from that position on."""
    assert go_round(doubting)
    doubting.life.parts.losses.happened()
    while go_round(doubting):
        assert not is_calm(doubting)
    assert installation(doubting).ledger_head == 0
    assert not is_calm(doubting)

    while go_round(doubting):
        assert not is_calm(doubting)
    assert is_calm(doubting)
    assert installation(doubting).ledger_head == doubting.ledger.head()


def test_a_comparison_that_fails_on_its_way_begins_anew(doubting: World, client: Client) -> None:
    assert go_round(doubting)
    token = revive(doubting, client, 1)
    doubting.weather.refuse("since")
    with pytest.raises(StoreUnavailableError):
        go_round(doubting)

    go_round(doubting)

    assert doubting.row(token) is None


def test_it_ends_with_the_batch_when_the_process_is_told_to(world: World) -> None:
    for number in range(1, BATCHES * BATCH):
        world.ledger._entries[number.to_bytes(32)] = LedgerEntry(number, 0, number.to_bytes(32), 0)
    world.life.parts.losses.happened()
    engine, asked = world.life.engine, world.weather.calls["since"]
    engine.stopping.set()

    assert engine.comparing.step(looks_back=True)

    assert world.weather.calls["since"] == asked + 1


def test_a_start_settles_the_recovery_that_others_open_while_it_compares(doubting: World) -> None:
    opened, seen = list[int](), list[int | None]()

    def open_another() -> None:
        current = doubting.store.recoveries.current()
        assert doubting.store.recoveries.open(current)
        opened.append(current + 1)

    slow = doubting.weather._before["since"]
    slow[:0] = [open_another, slow[0], lambda: seen.append(settled(doubting))]
    doubting.restart()

    assert seen == opened


def test_a_start_that_is_told_to_end_does_not_compare_to_the_end(doubting: World) -> None:
    stopping = threading.Event()
    parts = replace(doubting.life.parts, life=b"y" * 16, stopping=stopping)
    engine, asked = build_engine(parts, lanes=doubting.life.lanes), doubting.weather.calls["since"]
    doubting.weather._before["since"][:0] = [stopping.set]

    with pytest.raises(StoppedError):
        engine.start()

    assert doubting.weather.calls["since"] == asked + 1


def test_a_start_and_the_background_do_not_compare_at_the_same_time(world: World) -> None:
    comparing, entered = world.life.engine.comparing, threading.Event()
    world.life.parts.losses.happened()
    other = threading.Thread(target=lambda: comparing.step(looks_back=True))
    seen = list[bool]()

    def meanwhile() -> None:
        world.weather.before("since", entered.set)
        other.start()
        seen.append(entered.wait(0.2))

    world.weather.before("since", meanwhile)
    comparing.step(looks_back=True)
    other.join(LONG)

    assert seen == [False]
    assert entered.is_set()
    assert is_calm(world)
