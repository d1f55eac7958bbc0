"""A sandbox for each test, on a port of its own."""

from collections.abc import Iterator

import httpx2
import pytest

from mmt_grpc.sandbox import SandboxServer
from tests.sandbox.application import Application, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def events() -> list[tuple[str, dict[str, object]]]:
    return []


@pytest.fixture
def sandbox(clock: Clock, events: list[tuple[str, dict[str, object]]]) -> Iterator[SandboxServer]:
    with SandboxServer(clock=clock, log=lambda event, fields: events.append((event, fields))) as server:
        yield server


@pytest.fixture
def app(sandbox: SandboxServer) -> Iterator[Application]:
    with httpx2.Client(trust_env=False) as http:
        yield Application(http, sandbox.base_url)
