"""Killed at every point between two durable steps, a replica comes back to a state that is honest about all of it."""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest

from mmt_grpc.domain.errors import (
    GrantRejectedError,
    ProviderUnavailableError,
    ReauthenticationRequiredError,
    TokenNotFoundError,
)
from mmt_grpc.domain.failpoints import NAMES
from mmt_grpc.domain.model import MICROSECONDS, Cause, Credential
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.reconciling import UNDER_WAY
from tests.support.fakes_exchange_faults import LOST_REQUEST, OUTAGE, REFUSED, Fault
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import Client, World
from tests.support.tree import ROOT

CONNECT = [name for name in NAMES if name.startswith("connect.")]
ROADS = {
    "refresh.after_refusal": REFUSED,
    "refresh.after_condemn": REFUSED,
    "refresh.after_release": OUTAGE,
    "refresh.after_doubt": LOST_REQUEST,
}
"""The fault that leads by a point; a refresh that succeeds comes by all the others."""
SENDING = [name for name in NAMES if name.startswith(("refresh.", "spool.")) and name not in ROADS]
ENDINGS = ["settle.before_clear", "settle.before_scrub", "spool.before_scrub", "spool.before_unlink"]
REFRESH = [name for name in SENDING if name not in ENDINGS]
NEVER_SENT = REFRESH[: REFRESH.index("spool.before_intent_sync")]
UNSENT = REFRESH[: REFRESH.index("refresh.after_answer")]
LOST = ["refresh.after_answer", "spool.before_answer"]
"""Between the provider's commit and our fsync: the one place at which a chain can be lost."""
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
def test_a_refresh_killed_midway_loses_nothing_that_reached_the_disk(world: World, client: Client, name: str) -> None:
    token = _interrupted_refresh(world, client, name)

    assert world.standing(token).state is (TokenState.IN_DOUBT if name in _doubtful() else TokenState.ACTIVE)
    for _ in range(3):
        _try_to_resolve(client, token)
        world.pass_time(300)
        world.life.engine.upkeep.keep_honest()

    row = world.standing(token)
    if name in LOST:
        assert (row.state, row.reason) == (TokenState.REAUTHENTICATION, Cause.ROTATION_LOST)
        assert world.coinbase.counts["reuses"] == 1
    else:
        assert (row.state, row.binding.generation) == (TokenState.ACTIVE, 2)
        assert (world.coinbase.counts["refreshes"], world.coinbase.counts["reuses"]) == (1, 0)
        assert world.coinbase.is_alive(client.resolve(token).credential)


@pytest.mark.parametrize(("name", "fault"), ROADS.items())
def test_a_refresh_killed_on_another_road_ends_as_it_would_have(
    world: World, client: Client, name: str, fault: Fault
) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)
    world.coinbase.strike("refresh", fault)
    world.failpoints.arm(name)
    with pytest.raises(ProviderUnavailableError):
        client.resolve(token)
    assert name in world.failpoints.reached

    world.restart()

    row = world.standing(token)
    assert (row.lease_owner, row.doubt_owner) == (None, None)
    # The refusal is known to nobody: its retry is refused too.
    assert row.state is {
        "refresh.after_refusal": TokenState.IN_DOUBT,
        "refresh.after_condemn": TokenState.REAUTHENTICATION,
        "refresh.after_release": TokenState.ACTIVE,
        "refresh.after_doubt": TokenState.IN_DOUBT,
    }.get(name)
    _assert_kept_for_ten_minutes(world)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_settlement_killed_midway_is_settled_by_the_next_life(world: World, client: Client, name: str) -> None:
    token = _interrupted_refresh(world, client, "refresh.before_send", restarts=False)
    world.failpoints.arm(name)
    with pytest.raises(CrashError):
        _live_for_ten_minutes(world)
    assert name in world.failpoints.reached

    _live_for_ten_minutes(world)

    row = world.standing(token)
    assert (row.state, row.doubt_owner, row.lease_owner) == (TokenState.IN_DOUBT, None, None)
    assert world.spooled() == []


def _live_for_ten_minutes(world: World) -> None:
    world.restart()
    world.pass_time(600)
    world.life.engine.upkeep.keep_honest()


def _assert_kept_for_ten_minutes(world: World) -> None:
    """A failover may take back what was written of an attempt that was perhaps sent: its intent still says so."""
    assert world.spooled() == ["attempt"]
    world.pass_time(600)
    world.life.engine.upkeep.keep_honest()
    assert world.spooled() == []


def test_every_point_of_a_refresh_is_killed_at_by_one_of_these() -> None:
    reached = {*REFRESH, *ROADS, *ENDINGS}
    assert reached == {name for name in NAMES if name.startswith(("refresh.", "spool.", "settle."))}


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


def _doubtful() -> list[str]:
    return [name for name in (*UNSENT, *LOST) if name not in NEVER_SENT]


def _interrupted_refresh(world: World, client: Client, name: str, *, restarts: bool = True) -> str:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    world.failpoints.arm(name)
    _try_to_resolve(client, connected.token_id)
    assert name in world.failpoints.reached
    if restarts:
        world.restart()
    return connected.token_id


def _try_to_resolve(client: Client, token_id: str) -> None:
    # Any other refusal would be a guess; the row's state is looked at where one is honest.
    with contextlib.suppress(ProviderUnavailableError, ReauthenticationRequiredError):
        client.resolve(token_id)


def _assert_ended(world: World, client: Client, token_id: str, credential: Credential) -> None:
    assert world.rows.rows == {}
    assert not world.coinbase.is_alive(credential)
    assert world.spooled() == []
    with pytest.raises(TokenNotFoundError):
        client.resolve(token_id)


def test_an_intent_that_no_longer_opens_may_have_been_sent(world: World, client: Client) -> None:
    token = _interrupted_refresh(world, client, "refresh.before_send", restarts=False)
    (record,) = (world.directory / world.life.parts.owner.decode() / "spool").glob("attempt-*.record")
    damaged = bytearray(record.read_bytes())
    damaged[40] ^= 1
    record.write_bytes(damaged)

    world.restart()

    assert world.standing(token).state is TokenState.IN_DOUBT
    assert record.exists()


def test_a_start_looks_at_all_kept_answers_at_once(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes' answers are thousands: one by one they would keep a replica from leasing for as many readings."""
    for number in range(5):
        token = client.connect(f"user-{number}", world.coinbase.authorize(f"user-{number}")).token_id
        world.pass_time(3600)
        client.token(token)
    assert world.spooled() == ["attempt"] * 5
    looks: list[bytes] = []
    read = type(world.rows).read

    def counted(rows: Any, shard: int, token_key: bytes) -> object:
        looks.append(token_key)
        return read(rows, shard, token_key)

    monkeypatch.setattr(type(world.rows), "read", counted)
    world.restart()

    assert looks == []
    assert world.spooled() == ["attempt"] * 5


def test_a_start_brings_back_what_a_failover_took(world: World, client: Client) -> None:
    """Beside answers that their rows have left behind there is one whose commit is gone."""
    connected = [client.connect(name, world.coinbase.authorize(name)) for name in ("alice", "bob")]
    world.pass_time(3600)
    before = world.standing(connected[0].token_id)
    tokens = [client.token(each.token_id) for each in connected]
    world.rows.rows[before.shard, before.binding.token_key] = before

    world.restart()

    assert [client.token(each.token_id) for each in connected] == tokens
