"""Revoke and the probe behind a rejected token, where the database's name leads to another installation's."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError, TokenNotFoundError
from tests.support.database_age import become, installation
from tests.support.fakes_world import Client, World


def misled(world: World) -> None:
    """Have the database's name lead to one in which none of the rows is."""
    become(world, replace(installation(world), installation_id=b"installation-999"))
    world.rows.rows.clear()
    world.life.guard.suspect()


def test_a_token_that_another_installations_database_does_not_have_is_not_called_unknown(
    world: World, client: Client, token: str
) -> None:
    """Clients take that as revoked, and it is not."""
    misled(world)

    with pytest.raises(StoreUnavailableError):
        client.revoke(token)


def test_a_row_of_another_installations_database_is_neither_deleted_nor_named_in_the_ledger(
    world: World, client: Client, token: str
) -> None:
    row = world.standing(token)
    rows = dict(world.rows.rows)
    misled(world)
    world.rows.rows.update(rows)

    with pytest.raises(StoreUnavailableError):
        client.revoke(token)

    assert world.row(token) is not None
    assert not world.ledger.contains(row.binding.token_key)


def test_an_unknown_token_is_not_found_though_the_database_is_doubted(world: World, client: Client, token: str) -> None:
    world.rows.rows.clear()
    world.life.guard.suspect()

    with pytest.raises(TokenNotFoundError):
        client.revoke(token)


def test_a_row_that_a_backup_brought_back_is_revoked_like_any_other(world: World, client: Client, token: str) -> None:
    """The ledger names it already; whoever asks for its end gets it."""
    rows = dict(world.rows.rows)
    client.revoke(token)
    world.rows.rows.update(rows)
    world.life.guard.suspect()

    client.revoke(token)

    assert world.row(token) is None
