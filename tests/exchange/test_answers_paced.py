"""Answers that others have overtaken are asked about with their provider's leave, like everything else."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.admission import Admission
from mmt_grpc.exchange.asking import UNASKED
from mmt_grpc.exchange.breaker import FIRST_PAUSE, IN_A_ROW
from mmt_grpc.exchange.circuit import CircuitState
from mmt_grpc.exchange.lookups import LOOKUP_PLACES
from tests.exchange.pacing_world import DEAD
from tests.support.fakes_exchange_faults import OUTAGE
from tests.support.fakes_world import Client, World

MANY = 1000


@pytest.fixture
def token(world: World, client: Client) -> str:
    """A token whose refresh a retry elsewhere has lost, as far as anybody but this replica's disk knows."""
    token = client.new_token()
    world.pass_time(3600)
    before = world.standing(token)
    world.refresh(token)
    condemned = replace(before, state=TokenState.REAUTHENTICATION, reason=Cause.ROTATION_LOST)
    world.rows.rows[before.shard, before.binding.token_key] = condemned
    return token


def settle(world: World) -> None:
    world.life.engine.settling.settle_attempts(every=True)


def unmet(world: World) -> int:
    """Return how many of the probes' faults nobody has met yet."""
    return len(world.coinbase._faults["probe"])


def test_while_its_look_ups_fail_it_is_not_asked(world: World, token: str) -> None:
    pacing = world.life.engine.probing.pacing
    for _ in range(IN_A_ROW):
        admission = pacing.admit_probe("coinbase")
        assert isinstance(admission, Admission)
        with admission:
            admission.learn(DEAD)
    world.coinbase.strike("probe", OUTAGE, times=MANY)

    settle(world)

    assert unmet(world) == MANY
    assert world.standing(token).state is TokenState.REAUTHENTICATION


def test_while_too_many_ask_it_is_not_asked_and_mended_later(world: World, token: str) -> None:
    under_way = [world.life.engine.probing.pacing.admit_probe("coinbase") for _ in range(LOOKUP_PLACES)]
    settle(world)
    assert world.standing(token).state is TokenState.REAUTHENTICATION

    for admission in under_way:
        assert isinstance(admission, Admission)
        admission.close()
    settle(world)

    assert world.standing(token).state is TokenState.ACTIVE


def test_what_it_says_counts_for_its_circuit(world: World, token: str) -> None:
    world.coinbase.strike("probe", OUTAGE, times=IN_A_ROW)
    for _ in range(IN_A_ROW):
        settle(world)
        world.clock.advance(UNASKED)
    pacing = world.life.engine.probing.pacing
    assert pacing.state("coinbase").lookups is CircuitState.OPEN

    world.clock.advance(FIRST_PAUSE)
    settle(world)

    assert pacing.state("coinbase").lookups is CircuitState.CLOSED
    assert world.standing(token).state is TokenState.ACTIVE


def test_an_answer_that_no_other_can_be_better_than_is_kept_unasked(world: World, token: str) -> None:
    row = world.standing(token)
    world.rows.rows[row.shard, row.binding.token_key] = replace(row, state=TokenState.ACTIVE, reason=None)
    under_way = [world.life.engine.probing.pacing.admit_probe("coinbase") for _ in range(LOOKUP_PLACES)]
    assert len(under_way) == LOOKUP_PLACES

    settle(world)

    assert world.standing(token).binding.generation == row.binding.generation + 1
