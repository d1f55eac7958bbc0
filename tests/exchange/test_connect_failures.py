"""A Connect under which the store, the audit log, the disk or our own code fails: no code is lost or sent twice."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import (
    AuditUnavailableError,
    CredentialUnreadableError,
    GrantRejectedError,
    ProviderUnavailableError,
    StoreUnavailableError,
)
from tests.support.fakes_exchange_faults import OUTAGE
from tests.support.fakes_world import Client, World


@pytest.mark.parametrize("applied", [True, False])
def test_a_commit_whose_outcome_is_unknown_is_decided_by_the_request(
    world: World, client: Client, *, applied: bool
) -> None:
    code = world.coinbase.authorize("alice")
    world.weather.lose("create", applied=applied)

    if applied:
        connected = client.connect("alice", code, request_id="request-1")
        assert client.connect("alice", code, request_id="request-1") == connected
    else:
        with pytest.raises(GrantRejectedError):
            client.connect("alice", code, request_id="request-1")
        assert world.rows.rows == {}
    world.sweep()
    assert world.coinbase.living == int(applied)
    assert world.spooled() == []


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_rejection_is_read_back(world: World, client: Client, *, applied: bool) -> None:
    world.weather.lose("create", applied=False)
    world.weather.lose("reject", applied=applied)

    with pytest.raises(GrantRejectedError):
        client.connect("alice", world.coinbase.authorize("alice"))

    assert [recorded.state for recorded in world.rows.requests.values()] == ["REJECTED"]


def test_a_store_that_refuses_the_commit_ends_the_code_and_what_it_brought(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")
    world.weather.refuse("create")

    with pytest.raises(StoreUnavailableError):
        client.connect("alice", code, request_id="request-1")
    world.sweep()

    assert world.coinbase.living == 0
    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")


def test_a_store_that_refuses_the_commit_leaves_ready_tokens_to_be_sent_again(world: World, client: Client) -> None:
    tokens = world.coinbase.ready("alice")
    world.weather.refuse("create")
    with pytest.raises(StoreUnavailableError):
        client.connect("alice", tokens, request_id="request-1")

    assert client.connect("alice", tokens, request_id="request-1").token_id


def test_an_audit_log_that_cannot_be_written_sends_nothing_and_costs_no_code(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")
    world.audit.is_up = False
    with pytest.raises(AuditUnavailableError):
        client.connect("alice", code, request_id="request-1")
    assert world.life.line.calls == []
    assert world.coinbase.counts["exchanges"] == 0

    world.audit.is_up = True
    assert client.connect("alice", code, request_id="request-1").token_id


def test_an_exchangers_audit_log_that_cannot_be_written_sends_nothing_and_costs_no_code(
    world: World, client: Client
) -> None:
    code = world.coinbase.authorize("alice")
    world.failpoints.at("connect.after_begin", lambda: setattr(world.audit, "is_up", False))
    with pytest.raises(AuditUnavailableError):
        client.connect("alice", code, request_id="request-1")
    assert world.coinbase.counts["exchanges"] == 0

    world.audit.is_up = True
    assert client.connect("alice", code, request_id="request-1").token_id


def test_a_committed_connect_whose_outcome_cannot_be_audited_is_an_alarm_and_repeats_its_answer(
    world: World, client: Client
) -> None:
    code = world.coinbase.authorize("alice")
    world.failpoints.at("connect.after_commit", lambda: setattr(world.audit, "is_up", False))
    with pytest.raises(AuditUnavailableError):
        client.connect("alice", code, request_id="request-1")
    assert "audit_lost_an_outcome" in world.log.alarms

    world.audit.is_up = True
    assert client.connect("alice", code, request_id="request-1").token_id


def test_a_full_disk_ends_the_fresh_grant_at_once_and_nothing_is_committed(world: World, client: Client) -> None:
    spool = world.directory / "this-replica-000" / "spool"
    world.failpoints.at("connect.after_exchange", lambda: spool.rename(spool.with_name("lost")))

    with pytest.raises(StoreUnavailableError):
        client.connect("alice", world.coinbase.authorize("alice"))

    assert world.rows.rows == {}
    assert world.coinbase.living == 0
    assert [recorded.state for recorded in world.rows.requests.values()] == ["REJECTED"]


def test_an_unreadable_row_costs_no_code_and_is_not_written(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    row = world.standing(connected.token_id)
    torn = replace(row, sealed=replace(row.sealed, metadata_blob=bytes(64)))
    world.rows.rows[row.shard, row.binding.token_key] = torn

    with pytest.raises(CredentialUnreadableError):
        client.connect("alice", world.coinbase.authorize("alice"))

    assert world.coinbase.counts["exchanges"] == 1
    assert world.standing(connected.token_id) == torn


def test_a_bug_in_a_providers_client_never_sends_a_code_twice(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")

    def bug() -> None:
        raise ZeroDivisionError

    world.coinbase.meanwhile("redeem", bug)
    with pytest.raises(ZeroDivisionError):
        client.connect("alice", code, request_id="request-1")

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")
    assert world.coinbase.counts["exchanges"] == 1


def test_a_bug_after_the_exchange_ends_what_was_brought(world: World, client: Client) -> None:
    def bug() -> None:
        raise ZeroDivisionError

    world.coinbase.meanwhile("account", bug)
    with pytest.raises(ZeroDivisionError):
        client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert world.coinbase.living == 0
    assert [recorded.state for recorded in world.rows.requests.values()] == ["REJECTED"]


def test_a_revocation_of_an_unkept_grant_that_fails_is_tried_again(world: World, client: Client) -> None:
    too_narrow = world.coinbase.authorize("alice", scopes=())
    world.coinbase.strike("revoke", OUTAGE, times=2)
    with pytest.raises(GrantRejectedError):
        client.connect("alice", too_narrow)

    world.sweep()
    assert world.spooled() == ["unwanted"]
    assert world.coinbase.living == 1
    for _ in range(4):
        world.sweep()
        world.pass_time(60)

    assert world.spooled() == []
    assert world.coinbase.living == 0


def test_an_exchanger_out_of_reach_is_the_provider_unavailable(world: World, client: Client) -> None:
    world.life.line.is_up = False

    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", world.coinbase.authorize("alice"))
