"""Killed at every point of a Revoke, it is undone or finished, and finished upstream too."""

import pytest

from mmt_grpc.domain.errors import TokenNotFoundError
from mmt_grpc.domain.model import MICROSECONDS, Credential
from mmt_grpc.exchange.reconciling import UNDER_WAY
from tests.exchange.crash_points import EXCHANGERS, WORKERS
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import Client, World


@pytest.mark.parametrize("restarts", [True, False], ids=["with its replica", "alone"])
@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_killed_in_a_revoke_leaves_it_undone_or_has_it_finished(
    world: World, client: Client, name: str, *, restarts: bool
) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    credential = client.resolve(connected.token_id).credential
    world.failpoints.arm(name)
    with pytest.raises(CrashError):
        client.revoke(connected.token_id)

    if restarts:
        world.restart()
    else:
        world.pass_time(UNDER_WAY / MICROSECONDS + 1)
        world.life.engine.comparing.reconciling.incrementally()
    world.sweep()
    world.sweep()

    if name == "revoke.before_ledger":
        assert world.coinbase.is_alive(client.resolve(connected.token_id).credential)
        return
    _assert_ended(world, client, connected.token_id, credential)


@pytest.mark.parametrize("name", EXCHANGERS)
def test_an_exchanger_killed_in_a_revoke_does_not_keep_the_row_and_revokes_when_it_is_back(
    world: World, client: Client, name: str
) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    credential = client.resolve(connected.token_id).credential
    world.failpoints.arm(name)

    revoked = client.revoke(connected.token_id)
    assert revoked.upstream.name == "FAILED"
    assert world.rows.rows == {}
    world.restart()
    world.sweep()
    world.sweep()

    _assert_ended(world, client, connected.token_id, credential)


def _assert_ended(world: World, client: Client, token_id: str, credential: Credential) -> None:
    assert world.rows.rows == {}
    assert not world.coinbase.is_alive(credential)
    assert world.spooled() == []
    with pytest.raises(TokenNotFoundError):
        client.resolve(token_id)
