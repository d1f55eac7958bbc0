"""The domain is plain Python: a test of it that opens a connection is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket

from tests.support.fakes_world import Client, World


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Sockets other than unix ones raise while a test of the domain runs."""
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world with one replica in it."""
    return World(tmp_path)


@pytest.fixture
def client(world: World) -> Client:
    """A client whose caller may write."""
    return world.client()


@pytest.fixture
def token(world: World, client: Client) -> str:
    """A token of alice's that lives for an hour and can be refreshed."""
    return client.connect("alice", world.coinbase.authorize("alice")).token_id


@pytest.fixture
def session(world: World, client: Client) -> str:
    """A session of alice's that lives for an hour and cannot be refreshed."""
    return client.connect("alice", world.binance.add_user("alice"), integration="binance").token_id


@pytest.fixture
def revived(world: World, client: Client) -> Iterator[str]:
    """A token that was revoked, and whose row is back."""
    token = client.connect("bob", world.coinbase.authorize("bob")).token_id
    rows = dict(world.rows.rows)
    client.revoke(token)
    world.rows.rows.update(rows)
    yield token
    assert world.row(token) is not None
