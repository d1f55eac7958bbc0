"""What becomes of doubts for which nobody calls: each is settled by the schedule, however many there are."""

import os
from pathlib import Path

import pytest

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_exchange_faults import LOST_ANSWER
from tests.support.fakes_world import Client, World

ADMITTED_WITHIN = 120


def lose(world: World, client: Client, names: list[str], *, seconds: float) -> list[str]:
    """Lose the rotation of each of these users' tokens at the end of its access token, and restart the replica."""
    tokens = [client.connect(name, world.coinbase.authorize(name, seconds=seconds)).token_id for name in names]
    world.pass_time(seconds)
    for token in tokens:
        world.coinbase.strike("refresh", LOST_ANSWER)
        world.refresh(token)
        assert world.standing(token).state is TokenState.IN_DOUBT
    world.restart()
    return tokens


def schedule(world: World, seconds: int) -> None:
    """Let time pass, in which the replica does what it does by itself."""
    engine = world.life.engine
    for second in range(seconds):
        world.pass_time(1)
        if second % 10 == 0:
            engine.heartbeat.beat()
            engine.upkeep.keep_honest()
        for planned in engine.scheduler.plan():
            engine.scheduler.launch(planned.row)


@pytest.mark.parametrize("seconds", [200, 600])
def test_a_rotation_that_was_lost_is_admitted_within_two_minutes(world: World, client: Client, seconds: float) -> None:
    (token,) = lose(world, client, ["alice"], seconds=seconds)

    schedule(world, ADMITTED_WITHIN)

    assert world.standing(token).reason is Cause.ROTATION_LOST


def test_rotations_that_were_lost_together_are_admitted_within_two_minutes(world: World, client: Client) -> None:
    # One more would not be sent: so many failures in a row open the breaker.
    tokens = lose(world, client, ["alice", "bob", "carol", "dave", "erin"], seconds=600)

    schedule(world, ADMITTED_WITHIN)

    assert {world.standing(token).reason for token in tokens} == {Cause.ROTATION_LOST}


def test_what_has_only_queued_is_not_sent_once_the_process_is_to_end(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)
    world.life.lanes.holds_back = True
    world.refresh(token)
    before = world.standing(token)

    world.life.engine.stopping.set()
    world.life.lanes.let_go()

    assert world.standing(token) == before
    assert world.coinbase.counts["refreshes"] == 0


def test_a_disk_that_refuses_even_to_remove_what_it_refused_to_write_takes_no_more_leases(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)

    def refuse(*_: object, **__: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        patch.setattr(Path, "unlink", refuse)
        world.refresh(token)
        row = world.standing(token)
        world.refresh(token)

    assert (row.state, row.attempt_id) == (TokenState.ACTIVE, None)
    assert world.standing(token) == row
    assert world.coinbase.counts["refreshes"] == 0
