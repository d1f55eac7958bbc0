"""Tokens that a client brings are kept alive from the start, however little is left of them."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.model import OAuthTokens
from mmt_grpc.exchange import lifetimes
from tests.exchange.pacing_world import HOUR, MINUTE, SECOND
from tests.support.fakes_clock import SeededRandomness
from tests.support.fakes_world import Client, World


@pytest.mark.parametrize("left", [1, 240, 299])
def test_one_that_expires_in_minutes_is_due_once_though_nobody_asks(world: World, client: Client, left: int) -> None:
    token = client.connect("alice", expiring(world, left)).token_id

    due = world.standing(token).next_refresh_at

    assert due is not None
    began = world.rows.now()
    assert began + 5 * MINUTE <= due <= began + 10 * MINUTE


def test_those_that_expire_together_are_not_refreshed_together(world: World, client: Client) -> None:
    tokens = [client.connect(f"user-{number}", expiring(world, 240)).token_id for number in range(10)]

    assert len({world.standing(token).next_refresh_at for token in tokens}) == len(tokens)


def test_what_the_refresh_brings_has_a_life_that_is_known(world: World, client: Client) -> None:
    token = client.connect("alice", expiring(world, 240)).token_id
    world.pass_time(200)
    world.refresh(token)

    row = world.standing(token)
    assert row.binding.generation == 2
    assert row.next_refresh_at is not None
    assert row.next_refresh_at > world.rows.now() + HOUR // 2


def test_a_code_whose_tokens_live_for_minutes_is_left_to_demand(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice", seconds=240)).token_id

    assert world.standing(token).next_refresh_at is None


def test_one_that_expired_while_it_was_connected_is_due_as_well() -> None:
    at = lifetimes.next_refresh(0, now=SECOND, refreshable=True, is_import=True, randomness=SeededRandomness())

    assert at is not None
    assert 5 * MINUTE < at <= 11 * MINUTE


def test_one_that_has_longer_to_live_is_refreshed_ahead_of_its_expiry() -> None:
    at = lifetimes.next_refresh(HOUR, now=0, refreshable=True, is_import=True, randomness=SeededRandomness())

    assert at is not None
    assert HOUR // 2 <= at <= HOUR - 15 * MINUTE


def expiring(world: World, seconds: int) -> OAuthTokens:
    return replace(world.coinbase.ready("alice"), expires_at=world.rows.now() + seconds * SECOND)
