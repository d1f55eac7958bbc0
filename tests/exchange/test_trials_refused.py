"""A refusal that only a trial of a doubted provider has met is not believed: its user stays logged in."""

import pytest

from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange import brake, breaker
from mmt_grpc.exchange.circuit import CircuitState
from tests.support.fakes_exchange_faults import OUTAGE, REFUSED, Fault
from tests.support.fakes_world import Client, World

MANY = brake.FEWEST_ACCOUNTS + 5


def state(world: World) -> tuple[CircuitState, CircuitState]:
    """Return how the breaker and the brake stand."""
    provider = world.life.engine.refreshing.pacing.state("coinbase")
    return provider.breaker, provider.brake


def expired(world: World, client: Client) -> list[str]:
    """Tokens of different accounts, all expired."""
    names = [f"user-{number}" for number in range(MANY)]
    tokens = [client.connect(name, world.coinbase.authorize(name)).token_id for name in names]
    world.pass_time(3600)
    return tokens


@pytest.mark.parametrize(
    ("fault", "opened", "pause"),
    [
        (OUTAGE, (CircuitState.OPEN, CircuitState.CLOSED), breaker.FIRST_PAUSE),
        (REFUSED, (CircuitState.CLOSED, CircuitState.OPEN), brake.FIRST_PAUSE),
    ],
    ids=["the breaker's", "the brake's"],
)
def test_a_trial_that_is_refused_condemns_nobody(
    world: World, client: Client, fault: Fault, opened: tuple[CircuitState, CircuitState], pause: int
) -> None:
    *bad, tried = expired(world, client)
    for token in bad:
        world.coinbase.strike("refresh", fault)
        if world.refresh(token).progress is not Progress.STARTED:
            break
    assert state(world) == opened
    world.coinbase._faults.clear()
    world.clock.advance(pause)
    world.coinbase.strike("refresh", REFUSED)

    assert world.refresh(tried).progress is Progress.STARTED

    row = world.standing(tried)
    assert (row.state, row.last_failure, row.failures) == (TokenState.ACTIVE, "permanent", 1)
    assert row.attempt_id is None
