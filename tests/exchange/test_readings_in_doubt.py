"""Doubt that comes over the database while something is read from it: the reading is judged, not what was before it."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError, TokenNotFoundError
from mmt_grpc.domain.model import Liveness
from mmt_grpc.domain.ports.exchanger import CallContext
from mmt_grpc.exchange.reconciling import UNDER_WAY
from tests.support.database_age import become, installation
from tests.support.fakes_world import Client, World

CONTEXT = CallContext("call-1", "key-1")


@pytest.fixture
def revived(world: World, client: Client) -> str:
    """A token that was revoked, whose row is back, and nobody has noticed."""
    token = client.new_token("bob")
    rows = dict(world.rows.rows)
    client.revoke(token)
    world.clock.advance(2 * UNDER_WAY)
    world.life.beat()
    world.rows.rows.update(rows)
    return token


def swap(world: World) -> None:
    """Have the database's name lead to another installation's, which a lost connection gives away."""
    become(world, replace(installation(world), installation_id=b"installation-999"))
    world.rows.rows.clear()
    world.life.parts.losses.happened()


def test_a_row_that_is_due_and_was_read_in_doubt_is_not_refreshed_if_the_ledger_names_it(
    world: World, revived: str
) -> None:
    row = world.standing(revived)
    world.weather.before("read", world.life.parts.losses.happened)

    with pytest.raises(TokenNotFoundError):
        world.life.engine.refreshing.start_due(row, "ahead")

    assert world.coinbase.counts["refreshes"] == 0


def test_a_code_is_not_spent_for_a_database_that_has_become_anothers(world: World, client: Client) -> None:
    world.weather.before("read_identity", lambda: swap(world))

    with pytest.raises(StoreUnavailableError):
        client.connect("carol", world.coinbase.authorize("carol"))

    assert world.coinbase.counts["exchanges"] == 0


def test_a_credential_that_was_read_in_doubt_is_not_probed_if_the_ledger_names_it(world: World, revived: str) -> None:
    row = world.standing(revived)
    world.weather.before("read", world.life.parts.losses.happened)

    with pytest.raises(TokenNotFoundError):
        world.life.engine.probe(CONTEXT, shard=row.shard, token_key=row.binding.token_key, generation=1)


def test_another_installations_database_says_nothing_of_a_credential(world: World, token: str) -> None:
    row = world.standing(token)
    world.weather.before("read", lambda: swap(world))

    with pytest.raises(StoreUnavailableError):
        world.life.engine.probe(CONTEXT, shard=row.shard, token_key=row.binding.token_key, generation=1)


def test_a_credential_is_probed_in_a_doubt_that_does_not_concern_it(world: World, token: str) -> None:
    row = world.standing(token)
    world.life.parts.losses.happened()

    probe = world.life.engine.probe(CONTEXT, shard=row.shard, token_key=row.binding.token_key, generation=1)

    assert probe is Liveness.ALIVE


def test_what_is_staged_is_not_revoked_because_another_installations_database_has_no_such_row(
    world: World, client: Client, token: str
) -> None:
    """Its Revoke never came to the deletion: in the right database the row stands, and its token is to work."""
    ours, rows, credential = installation(world), dict(world.rows.rows), client.resolve(token).credential
    world.life.engine.upstream.hand_over(world.standing(token))
    swap(world)
    world.sweep()
    assert world.coinbase.counts["revocations"] == 0

    become(world, ours)
    world.rows.rows.update(rows)
    world.life.beat()
    world.pass_time(60)
    world.sweep()

    assert world.coinbase.is_alive(credential)
    assert world.spooled() == ["revocation"]


def test_what_is_staged_is_revoked_once_the_right_database_says_that_the_row_is_gone(world: World, token: str) -> None:
    ours, row = installation(world), world.standing(token)
    world.life.engine.upstream.hand_over(row)
    assert world.rows.delete(row) is not None
    swap(world)
    world.sweep()

    become(world, ours)
    world.life.beat()
    world.pass_time(60)
    world.sweep()

    assert world.coinbase.counts["revocations"] == 1
    assert world.spooled() == []
