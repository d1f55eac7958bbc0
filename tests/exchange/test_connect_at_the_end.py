"""A Connect that is under way when the process is to end, while the store is away: it ends too, and claims nothing."""

import pytest

from mmt_grpc.domain.errors import GrantRejectedError, StoreUnavailableError
from mmt_grpc.domain.model import Grant
from tests.support.fakes_world import Client, World


def stopped_in(world: World, client: Client, method: str, *, applied: bool, grant: Grant, integration: str) -> None:
    """Lose the commit's answer, and the store with it, and have the process told to end before it is back."""
    world.weather.lose(method, applied=applied)
    world.weather.before("reject", world.life.parts.stopping.set)
    with world.weather.outage("reject", "withdraw", "read_request"), pytest.raises(StoreUnavailableError):
        client.connect("alice", grant, integration=integration, request_id="request-1")


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("integration", ["coinbase", "binance"])
def test_the_next_life_decides_what_became_of_it(
    world: World, client: Client, integration: str, *, applied: bool
) -> None:
    exchange = world.exchanges[integration]
    grant: Grant = exchange.authorize("alice") if integration == "coinbase" else exchange.add_user("alice")
    stopped_in(world, client, "create", applied=applied, grant=grant, integration=integration)
    assert [recorded.state for recorded in world.rows.requests.values()] == ["DONE" if applied else "PENDING"]
    assert world.spooled() == ["grant"]

    world.restart()
    world.sweep()

    assert world.spooled() == []
    assert exchange.living == int(applied)
    if applied:
        again = world.client().connect("alice", grant, integration=integration, request_id="request-1")
        assert again.token_id
    else:
        with pytest.raises(GrantRejectedError):
            world.client().connect("alice", grant, integration=integration, request_id="request-1")


def test_it_does_not_wait_for_the_store(world: World, client: Client) -> None:
    began = world.clock.elapsed()

    stopped_in(world, client, "create", applied=False, grant=world.coinbase.authorize("alice"), integration="coinbase")

    assert world.clock.elapsed() - began < 1_000_000
    assert [record.reason for record in world.audit.of("Connect")][-1] == "STORE_UNAVAILABLE"
