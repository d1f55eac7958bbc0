"""What the check of an API key shows of its provider: it is asked as a look-up is, though it comes first."""

import pytest

from mmt_grpc.domain.errors import ProviderUnavailableError
from mmt_grpc.exchange.breaker import FIRST_PAUSE, IN_A_ROW
from mmt_grpc.exchange.circuit import CircuitState
from tests.support.fakes_exchange_faults import OUTAGE
from tests.support.fakes_world import Client, World


@pytest.fixture
def failing(world: World, client: Client) -> World:
    """An exchange that has failed to check so many keys that it is left alone."""
    world.binance.strike("redeem", OUTAGE, times=IN_A_ROW)
    for number in range(IN_A_ROW):
        with pytest.raises(ProviderUnavailableError):
            client.connect(f"user-{number}", world.binance.add_key("alice"), integration="binance")
    return world


def lookups(world: World) -> CircuitState:
    return world.life.engine.probing.pacing.state("binance").lookups


def test_failures_in_a_row_open_the_circuit_of_look_ups(failing: World, client: Client) -> None:
    assert lookups(failing) is CircuitState.OPEN
    with pytest.raises(ProviderUnavailableError) as refusal:
        client.connect("alice", failing.binance.add_key("alice"), integration="binance")

    assert 0 < refusal.value.retry_after <= FIRST_PAUSE / 1e6


@pytest.mark.parametrize("account", [None, "account-1"])
def test_one_that_goes_well_closes_it_whether_or_not_there_is_an_account_to_ask_for(
    failing: World, client: Client, account: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing.clock.advance(FIRST_PAUSE)
    monkeypatch.setattr(failing.providers["binance"], "read_account", lambda _: account)

    assert client.connect("alice", failing.binance.add_key("alice"), integration="binance").token_id

    assert lookups(failing) is CircuitState.CLOSED


def test_a_session_that_nobody_is_asked_about_shows_nothing(
    failing: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing.clock.advance(FIRST_PAUSE)
    for question in ("read_account", "read_granted_scopes"):
        monkeypatch.setattr(failing.providers["binance"], question, lambda _: None)
    grant = failing.binance.session("alice")

    assert client.connect("alice", grant, integration="binance").token_id

    assert lookups(failing) is not CircuitState.CLOSED
