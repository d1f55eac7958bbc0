"""Answers that we have lost are refused when their tokens are sent again: our own loss, and no exchange's bad day."""

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.brake import FEWEST_ACCOUNTS
from tests.support.fakes_exchange_faults import LOST_ANSWER, REFUSED, Fault
from tests.support.fakes_world import Client, World

MANY = FEWEST_ACCOUNTS + 5


def expired(world: World, client: Client, count: int) -> list[str]:
    """So many tokens of different accounts, all expired."""
    names = [f"user-{number}" for number in range(count)]
    tokens = [client.connect(name, world.coinbase.authorize(name)).token_id for name in names]
    world.pass_time(3600)
    return tokens


def refresh_all(world: World, tokens: list[str], fault: Fault | None) -> None:
    for token in tokens:
        if fault is not None:
            world.coinbase.strike("refresh", fault)
        world.refresh(token)
        world.pass_time(1)


def test_many_lost_answers_hold_up_nobody_elses_refresh(world: World, client: Client) -> None:
    *lost, good = expired(world, client, MANY + 1)
    for token in lost:
        # Slowly: what a provider leaves unanswered opens the breaker, which is another matter.
        refresh_all(world, [token], LOST_ANSWER)
        world.pass_time(400)
    refresh_all(world, lost, None)
    # The first was the trial of a breaker that so many lost answers had opened: a trial condemns nobody.
    refresh_all(world, lost, None)
    rows = [world.standing(token) for token in lost]
    assert {(row.state, row.reason) for row in rows} == {(TokenState.REAUTHENTICATION, Cause.ROTATION_LOST)}

    assert world.refresh(good).progress is Progress.STARTED


def test_many_refusals_of_tokens_that_nobody_lost_still_apply_the_brake(world: World, client: Client) -> None:
    *refused, good = expired(world, client, MANY + 1)
    refresh_all(world, refused, REFUSED)

    assert world.refresh(good).progress is Progress.BACKING_OFF
