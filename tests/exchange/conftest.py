"""The engine's exchanges are in memory: a test of it that opens a connection is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket

from tests.exchange.scheduler_bench import Bench
from tests.exchange.set_clocks import A_DAY, set_clock
from tests.support.fakes_world import Client, World


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Sockets other than unix ones raise while a test of the engine runs."""
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world with one replica in it."""
    return World(tmp_path)


@pytest.fixture
def ahead(world: World) -> World:
    """The same world, whose database's clock is a day ahead by now."""
    set_clock(world, A_DAY)
    return world


@pytest.fixture
def client(world: World) -> Client:
    """A client whose caller may write."""
    return world.client()


@pytest.fixture
def token(client: Client) -> str:
    """A token of alice's that lives for an hour and can be refreshed."""
    return client.new_token()


@pytest.fixture
def expired(world: World, token: str) -> str:
    """The same token, an hour later."""
    world.pass_time(3600)
    return token


@pytest.fixture
def bench() -> Bench:
    """A scheduler with nothing due."""
    return Bench()
