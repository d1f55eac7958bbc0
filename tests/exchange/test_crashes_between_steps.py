"""Killed between two durable steps of what goes on behind calls, a replica finishes in its next life what it began."""

import pytest

from mmt_grpc.domain.errors import GrantRejectedError, MmtError, TokenNotFoundError
from mmt_grpc.domain.failpoints import NAMES
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.reconciling import UNDER_WAY
from tests.exchange.crash_points import interrupted_refresh
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import Client, World

UNKEPT = [name for name in NAMES if name.startswith("unkept.")]
RECOVERY = [name for name in NAMES if name.startswith("recovery.")]
RECONCILER = [name for name in NAMES if name.startswith("reconcile.")]
WRITING = [name for name in NAMES if name.startswith("record.") and not name.endswith(("_scrub", "_unlink"))]
REMOVING = ["record.before_scrub", "record.before_unlink"]
WHOLE = ["record.before_name_sync", "record.after_write"]
"""A record has its name: what dies is the process, not the machine."""


def dies_at(world: World, name: str) -> None:
    assert name in world.failpoints.reached
    world.restart()


@pytest.mark.parametrize("name", UNKEPT)
def test_a_grant_that_is_given_up_is_revoked_once_and_for_all(world: World, client: Client, name: str) -> None:
    kept = client.token(client.new_token())
    code = world.coinbase.authorize("somebody else")
    world.failpoints.arm(name)
    with pytest.raises(MmtError):
        client.connect("alice", code, request_id="request-1")
    if name == "unkept.after_upstream":
        with pytest.raises(CrashError):
            world.sweep()

    dies_at(world, name)
    world.sweep()

    assert world.spooled() == []
    assert world.coinbase.living == 1
    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")
    assert client.token(client.new_token("bob")) != kept


def test_a_lease_that_the_disk_does_not_know_is_settled_though_its_settlement_was_killed(
    world: World, client: Client
) -> None:
    name = "unrecorded.after_settle"
    token = interrupted_refresh(world, client, "refresh.after_lease", restarts=False)
    world.failpoints.arm(name)
    with pytest.raises(CrashError):
        world.restart()

    dies_at(world, name)

    row = world.standing(token)
    assert (row.state, row.lease_owner, row.doubt_owner) == (TokenState.ACTIVE, None, None)
    assert client.resolve(token).generation == 2
    assert (world.coinbase.counts["refreshes"], world.coinbase.counts["reuses"]) == (1, 0)


@pytest.mark.parametrize("name", RECOVERY)
def test_a_recovery_that_a_death_interrupts_is_settled_by_the_next_life(
    world: World, client: Client, expired: str, name: str
) -> None:
    world.life.engine.recovery.notice()
    world.failpoints.arm(name)
    with pytest.raises(CrashError):
        world.life.engine.recovery.step()

    dies_at(world, name)

    recoveries = world.store.recoveries
    assert recoveries.current() == 1
    assert recoveries.settled_by(world.life.parts.owner) == 1
    assert client.resolve(expired).generation == 2


@pytest.mark.parametrize("name", RECONCILER)
def test_a_revoke_that_the_reconciler_was_finishing_is_finished_by_the_next_life(
    world: World, client: Client, token: str, name: str
) -> None:
    world.failpoints.arm("revoke.after_ledger")
    with pytest.raises(CrashError):
        client.revoke(token)
    world.pass_time(UNDER_WAY / MICROSECONDS + 1)
    world.failpoints.arm(name)
    with pytest.raises(CrashError):
        world.life.engine.comparing.reconciling.incrementally()

    dies_at(world, name)
    world.sweep()
    world.sweep()

    _assert_revoked(world, client, token)


@pytest.mark.parametrize("name", WRITING)
def test_a_revocation_whose_record_a_death_interrupts_is_undone_or_done(
    world: World, client: Client, token: str, name: str
) -> None:
    world.failpoints.arm(name)
    assert client.revoke(token).upstream.name == "FAILED"

    dies_at(world, name)
    world.sweep()
    world.sweep()

    assert world.coinbase.living == (0 if name in WHOLE else 1)
    _assert_revoked(world, client, token)


@pytest.mark.parametrize("name", REMOVING)
def test_a_revocation_whose_record_was_being_removed_leaves_none(
    world: World, client: Client, token: str, name: str
) -> None:
    world.failpoints.arm(name)
    client.revoke(token)

    dies_at(world, name)
    world.sweep()
    world.sweep()

    assert world.coinbase.living == 0
    _assert_revoked(world, client, token)


def _assert_revoked(world: World, client: Client, token: str) -> None:
    assert world.rows.rows == {}
    assert world.spooled() == []
    assert list((world.directory / "this-replica-000" / "spool").iterdir()) == []
    with pytest.raises(TokenNotFoundError):
        client.resolve(token)


def test_what_is_revoked_upstream_has_its_record_until_that_is_known(world: World, client: Client, token: str) -> None:
    seen = list[tuple[int, list[str]]]()
    world.failpoints.at("revoke.after_upstream", lambda: seen.append((world.coinbase.living, world.spooled())))

    client.revoke(token)

    assert seen == [(0, ["revocation"])]
    assert world.spooled() == []
