"""A sandbox exchange for the whole run, and providers that talk to it."""

import uuid
from collections.abc import Iterator

import pytest

from mmt_grpc.domain.ports.providers import Failure, Provider
from mmt_grpc.providers.registry import ConfiguredProviders, Surroundings, open_providers
from mmt_grpc.sandbox.registration import provider_settings
from mmt_grpc.sandbox.server import SandboxServer
from tests.support.exchange import Exchange
from tests.support.settings_tables import options_of

FURTHER = "acme"
"""An integration that only the settings know."""


@pytest.fixture(scope="session")
def exchange() -> Iterator[Exchange]:
    with SandboxServer() as server:
        exchange = Exchange(base_url=server.base_url)
        yield exchange
        exchange.close()


@pytest.fixture
def retries() -> list[tuple[str, Failure, int]]:
    """What the retry hook was told."""
    return []


@pytest.fixture
def providers(exchange: Exchange, retries: list[tuple[str, Failure, int]]) -> ConfiguredProviders:
    tables = provider_settings(exchange.base_url, FURTHER)
    return open_providers(
        {name: options_of(name, table) for name, table in tables.items()},
        on_retry=lambda *told: retries.append(told),
        surroundings=Surroundings(sleep=lambda _: None),
    )


@pytest.fixture
def binance(providers: ConfiguredProviders) -> Provider:
    return providers.get("binance")


@pytest.fixture
def account() -> str:
    """An account that no other test has."""
    return f"user-{uuid.uuid4()}"
