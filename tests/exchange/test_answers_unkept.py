"""An answer that the disk has refused has nobody but its attempt, which holds on to it until it is in its row."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS, Cause
from mmt_grpc.domain.token_row import TokenRow, TokenState
from mmt_grpc.exchange.asking import UNASKED
from mmt_grpc.exchange.attempt import UNKEPT_PAUSE
from mmt_grpc.exchange.attempt_files import AttemptFiles
from tests.support.fakes_exchange_faults import OUTAGE
from tests.support.fakes_world import OTHER, THIS, World

ELSEWHERE = b"attempt-of-other"


def put(world: World, row: TokenRow, **changes: object) -> None:
    """Have another replica change a row."""
    world.rows.rows[row.shard, row.binding.token_key] = replace(row, **changes)  # type: ignore[arg-type]  # by name


def tried_elsewhere(world: World, token: str) -> int:
    """Have another replica try the row, for a while, and doubt what came of it."""
    row, lasts = world.standing(token), 5 * UNKEPT_PAUSE
    until = world.rows.now() + 60 * MICROSECONDS
    put(world, row, attempt_id=ELSEWHERE, lease_owner=OTHER, lease_until=until)
    doubted = {"state": TokenState.IN_DOUBT, "doubt": ELSEWHERE, "doubt_owner": OTHER}
    world.clock.plan(lasts, lambda: put(world, row, attempt_id=None, lease_owner=None, lease_until=None, **doubted))
    return lasts


def given_up_elsewhere(world: World, token: str) -> int:
    """Have another replica give the row up, while the provider answers no probe."""
    row = world.standing(token)
    lost = {"state": TokenState.REAUTHENTICATION, "reason": Cause.ROTATION_LOST}
    put(world, row, attempt_id=None, lease_owner=None, lease_until=None, **lost)
    world.coinbase.strike("probe", OUTAGE)
    return UNASKED


@pytest.mark.parametrize("overtaken", [tried_elsewhere, given_up_elsewhere])
def test_it_is_committed_once_its_row_takes_it(
    world: World, expired: str, monkeypatch: pytest.MonkeyPatch, overtaken: Callable[[World, str], int]
) -> None:
    waited = list[int]()

    def refuse(*_: object) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(AttemptFiles, "answer", refuse)
    world.coinbase.meanwhile("refresh", lambda: waited.append(overtaken(world, expired)))
    began = world.clock.elapsed()

    world.refresh(expired)

    row = world.standing(expired)
    assert (row.state, row.reason, row.binding.generation) == (TokenState.ACTIVE, None, 2)
    assert waited[0] <= world.clock.elapsed() - began <= waited[0] + 2 * UNKEPT_PAUSE
    assert world.spooled() == []
    assert world.coinbase.counts["reuses"] == 0


def test_it_ends_a_lapsed_lease_in_its_way_itself_where_nobody_else_is_left(
    world: World, expired: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover brings back that an earlier attempt of this replica ran: nothing else here may touch the row now."""

    def refuse(*_: object) -> None:
        raise StoreUnavailableError

    def bring_back() -> None:
        until = world.rows.now() + 60 * MICROSECONDS
        put(world, world.standing(expired), attempt_id=ELSEWHERE, lease_owner=THIS, lease_until=until)

    monkeypatch.setattr(AttemptFiles, "answer", refuse)
    world.coinbase.meanwhile("refresh", bring_back)
    began = world.clock.elapsed()

    world.refresh(expired)

    row = world.standing(expired)
    assert (row.state, row.binding.generation, row.doubt) == (TokenState.ACTIVE, 2, None)
    assert world.clock.elapsed() - began >= 60 * MICROSECONDS
