"""A backlog that takes long to purge: meanwhile the replica settles every recovery, for which all others wait."""

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange import upkeep
from tests.support.fakes_exchange_faults import REFUSED
from tests.support.fakes_world import Client, World

BATCH = 2
TOKENS = 5
SLOWNESS = 10
"""Seconds that a batch takes."""


@pytest.fixture
def backlog(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tokens whose refresh tokens are to be erased, two at a time, slowly."""
    monkeypatch.setattr(upkeep, "BATCH", BATCH)
    tokens = [client.new_token(f"user-{number}") for number in range(TOKENS)]
    world.pass_time(3600)
    for token in tokens:
        world.coinbase.strike("refresh", REFUSED)
        world.refresh(token)
        assert world.standing(token).state is TokenState.REAUTHENTICATION
    world.pass_time(8 * 86_400)
    for _ in range(TOKENS):
        world.weather.before("erase_renewals", lambda: world.pass_time(SLOWNESS))
    world.life.beat()
    return tokens


def erased(world: World, tokens: list[str]) -> int:
    return sum(1 for token in tokens if world.standing(token).sealed.renewal_blob is None)


def test_it_is_purged_a_part_in_each_round_until_all_of_it_is(world: World, backlog: list[str]) -> None:
    def go_round(number: int) -> tuple[bool, int]:
        goes_on = world.life.engine.upkeep._round(upkeep.FIRST_PURGE + number, is_woken=False)
        return goes_on, erased(world, backlog)

    seen = [go_round(number) for number in range(4)]

    assert seen == [(True, 2), (True, 4), (False, 5), (False, 5)]
    assert world.weather.calls["erase_renewals"] == 3


def test_a_recovery_that_others_open_meanwhile_is_settled_before_more_is_purged(
    world: World, backlog: list[str]
) -> None:
    world.life.engine.upkeep._round(upkeep.FIRST_PURGE, is_woken=False)
    current = world.store.recoveries.current()
    assert world.store.recoveries.open(current)
    left = TOKENS - erased(world, backlog)
    owner, settled = world.life.parts.owner, list[int | None]()
    world.weather._before["erase_renewals"][:0] = [lambda: settled.append(world.store.replicas.settled_by(owner))]

    world.life.engine.upkeep._round(upkeep.FIRST_PURGE + 1, is_woken=False)

    assert left > BATCH
    assert settled == [current + 1]


def test_what_an_outage_has_kept_from_being_purged_is_purged_in_the_next_round(
    world: World, backlog: list[str]
) -> None:
    world.weather.refuse("erase_renewals")
    with pytest.raises(StoreUnavailableError):
        world.life.engine.upkeep._round(upkeep.FIRST_PURGE, is_woken=False)
    assert erased(world, backlog) == 0

    world.life.engine.upkeep._round(upkeep.FIRST_PURGE + 1, is_woken=False)

    assert erased(world, backlog) == BATCH


def test_it_ends_with_the_batch_when_the_process_is_told_to(world: World, backlog: list[str]) -> None:
    world.weather._before["erase_renewals"].clear()
    world.life.engine.stopping.set()

    assert world.life.engine.upkeep.purge()

    assert erased(world, backlog) == BATCH
