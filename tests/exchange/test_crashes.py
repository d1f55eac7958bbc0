"""Killed at every point between two durable steps, a replica comes back to a state that is honest about all of it."""

import contextlib
import re
from pathlib import Path

import pytest

from mmt_grpc.domain.errors import (
    GrantRejectedError,
    ProviderUnavailableError,
    TokenNotFoundError,
)
from mmt_grpc.domain.failpoints import NAMES
from mmt_grpc.domain.model import Credential
from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_exchange import REFUSED
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import Client, World
from tests.support.tree import ROOT

CONNECT = [name for name in NAMES if name.startswith("connect.")]
REFRESH = [name for name in NAMES if name.startswith("refresh.")]
WORKERS = ["revoke.before_ledger", "revoke.after_ledger", "revoke.after_stage", "revoke.after_delete"]
EXCHANGERS = [name for name in NAMES if name.startswith("revoke.") and name not in WORKERS]
UNHELD = "connect.after_exchange"
"""Between the exchange's commit and our fsync: what was brought is known to nobody, and nobody can revoke it."""


def test_the_list_of_failpoints_is_that_of_the_code() -> None:
    sources = "".join(path.read_text() for path in Path(ROOT, "mmt_grpc").rglob("*.py"))

    assert sorted(re.findall(r'failpoints\.reach\(\s*"([^"]+)"', sources)) == sorted(NAMES)
    assert len(re.findall(r"failpoints\.reach\(", sources)) == len(NAMES)


@pytest.mark.parametrize("name", CONNECT)
def test_a_connect_killed_midway_is_decided_at_the_next_start(world: World, client: Client, name: str) -> None:
    code = world.coinbase.authorize("alice")
    world.failpoints.arm(name)
    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", code, request_id="request-1")

    world.restart()
    world.sweep()

    committed = name == "connect.after_commit"
    assert [recorded.state for recorded in world.rows.requests.values()] == ["DONE" if committed else "REJECTED"]
    assert world.spooled() == []
    assert world.coinbase.living == (1 if committed or name == UNHELD else 0)
    if committed:
        again = client.connect("alice", code, request_id="request-1")
        assert client.token(again.token_id)
    else:
        with pytest.raises(GrantRejectedError):
            client.connect("alice", code, request_id="request-1")
        assert world.rows.rows == {}
    assert world.coinbase.counts["exchanges"] <= 1


@pytest.mark.parametrize("name", CONNECT)
def test_a_reconnect_killed_midway_leaves_the_old_credentials_or_the_new_ones(
    world: World, client: Client, name: str
) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    before = client.token(connected.token_id)
    world.failpoints.arm(name)
    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", world.coinbase.authorize("alice"))

    world.restart()
    world.sweep()

    committed = name == "connect.after_commit"
    resolved = client.resolve(connected.token_id)
    assert world.coinbase.is_alive(resolved.credential)
    assert (client.token(connected.token_id) != before) == committed
    assert resolved.generation == (2 if committed else 1)


@pytest.mark.parametrize("name", CONNECT)
def test_a_replay_of_a_dead_lifes_grant_never_beats_a_newer_connect_or_a_revoke(
    world: World, client: Client, name: str
) -> None:
    other = world.boot(b"other-replica-00")
    world.failpoints.arm(name)
    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", world.coinbase.authorize("alice"))
    there = world.client(life=other)
    newer = there.connect("alice", world.coinbase.authorize("alice"))
    there.revoke(newer.token_id)

    world.restart()
    world.sweep()

    assert world.rows.rows == {}
    with pytest.raises(TokenNotFoundError):
        client.resolve(newer.token_id)


@pytest.mark.parametrize("name", REFRESH)
def test_a_refresh_killed_midway_spends_nothing_twice_and_says_what_it_does_not_know(
    world: World, client: Client, name: str
) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    if name == "refresh.after_refusal":
        world.coinbase.strike("refresh", REFUSED)
    world.failpoints.arm(name)
    with pytest.raises(ProviderUnavailableError):
        client.resolve(connected.token_id)
    assert name in world.failpoints.reached

    world.restart()

    row = world.standing(connected.token_id)
    settled = name in {"refresh.before_lease", "refresh.after_commit"}
    assert row.state is (TokenState.ACTIVE if settled else TokenState.IN_DOUBT)
    for _ in range(3):
        _try_to_resolve(client, connected.token_id)
        world.pass_time(300)
    assert world.coinbase.counts["reuses"] == 0
    assert world.coinbase.counts["refreshes"] <= 1
    assert world.standing(connected.token_id).state is row.state


@pytest.mark.parametrize("name", REFRESH)
def test_a_connect_after_a_killed_refresh_revives_the_token_id(world: World, client: Client, name: str) -> None:
    connected = _interrupted_refresh(world, client, name)

    again = client.connect("alice", world.coinbase.authorize("alice"))

    row = world.standing(connected)
    assert again.token_id == connected
    assert (row.state, row.attempt_id, row.lease_owner, row.doubt, row.doubt_owner) == (
        TokenState.ACTIVE,
        None,
        None,
        None,
        None,
    )
    assert world.coinbase.is_alive(client.resolve(connected).credential)


@pytest.mark.parametrize("name", REFRESH)
def test_a_revoke_after_a_killed_refresh_ends_it(world: World, client: Client, name: str) -> None:
    connected = _interrupted_refresh(world, client, name)

    client.revoke(connected)
    world.restart()

    assert world.rows.rows == {}
    with pytest.raises(TokenNotFoundError):
        client.resolve(connected)


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
        world.life.engine.reconciling.incrementally()
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


def _interrupted_refresh(world: World, client: Client, name: str) -> str:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    if name == "refresh.after_refusal":
        world.coinbase.strike("refresh", REFUSED)
    world.failpoints.arm(name)
    with pytest.raises(ProviderUnavailableError):
        client.resolve(connected.token_id)
    world.restart()
    return connected.token_id


def _try_to_resolve(client: Client, token_id: str) -> None:
    # Any other refusal would be a guess.
    with contextlib.suppress(ProviderUnavailableError):
        client.resolve(token_id)


def _assert_ended(world: World, client: Client, token_id: str, credential: Credential) -> None:
    assert world.rows.rows == {}
    assert not world.coinbase.is_alive(credential)
    assert world.spooled() == []
    with pytest.raises(TokenNotFoundError):
        client.resolve(token_id)
