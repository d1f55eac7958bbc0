"""A doubted row names the replica that holds its answer until the answer is in it, whatever is settled meanwhile."""

import pytest

from mmt_grpc.domain.token_row import TokenState
from tests.exchange.bad_blocks import live
from tests.exchange.test_rows_of_other_keys import AHEAD, move
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import OTHER, THIS, Client, Life, World


@pytest.fixture
def other(world: World) -> Life:
    return world.boot(OTHER)


@pytest.fixture
def doubted(world: World, client: Client, other: Life) -> str:
    """A token whose replica died with the answer of its second refresh, beside the kept one of its first."""
    token = client.new_token()
    world.pass_time(3600)
    other.beat()
    world.refresh(token)
    world.pass_time(40)
    world.failpoints.arm("refresh.before_commit")
    with pytest.raises(CrashError):
        world.refresh(token)
    for _ in range(7):
        world.pass_time(10)
        other.beat()
    world.refresh(token, life=other)
    row = world.standing(token)
    assert (row.state, row.doubt_owner, len(world.spooled())) == (TokenState.IN_DOUBT, THIS, 2)
    return token


def test_while_the_row_cannot_be_opened_here(world: World, other: Life, doubted: str) -> None:
    home = world.standing(doubted).sealed.key_epoch
    move(world, doubted, AHEAD)
    world.restart()
    live(world, 3500, other)
    move(world, doubted, home)

    world.refresh(doubted, life=other)
    assert world.coinbase.counts["reuses"] == 0

    world.life.beat()
    row = world.standing(doubted)
    assert (row.state, row.binding.generation, row.doubt_owner) == (TokenState.ACTIVE, 3, None)


def test_while_a_death_interrupts_its_commit(world: World, doubted: str) -> None:
    def die() -> None:
        raise CrashError

    world.weather.before("commit_answer", die)
    with pytest.raises(CrashError):
        world.restart()
    assert world.standing(doubted).doubt_owner == THIS

    world.restart()
    row = world.standing(doubted)
    assert (row.state, row.binding.generation, row.doubt_owner) == (TokenState.ACTIVE, 3, None)
    assert world.coinbase.counts["reuses"] == 0
