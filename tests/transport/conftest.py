"""A server with stand-ins for the tests that need nothing special of it."""

from collections.abc import Iterator

import pytest

from tests.transport.served import Client, Served, serving


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with serving(served) as client:
        yield client
