"""Connects that meet others' work on the same row: each race has one winner, and what the loser brought is ended."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mmt_grpc.domain.errors import (
    AuditUnavailableError,
    ConflictError,
    CredentialUnreadableError,
    GrantRejectedError,
    ProviderUnavailableError,
    StoreUnavailableError,
    TokenNotFoundError,
)
from mmt_grpc.domain.model import ConnectOutcome, Grant, Liveness
from mmt_grpc.domain.ports.exchanger import CallContext
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.committing import MOST_MOVES
from tests.support.fakes_exchange import OUTAGE
from tests.support.fakes_world import OTHER, Client, World


def test_of_two_first_connects_one_wins_and_the_losers_grant_is_revoked(world: World, client: Client) -> None:
    other = world.client(life=world.boot(OTHER))
    rival = world.coinbase.authorize("alice")
    world.coinbase.meanwhile("redeem", lambda: _connect(other, rival))

    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert len(world.rows.rows) == 1
    assert world.coinbase.living == 1
    again = other.connect("alice", rival)
    assert world.coinbase.is_alive(other.resolve(again.token_id).credential)


def test_a_connect_leaves_the_row_to_the_revoke_that_is_about_to_delete_it(world: World, client: Client) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    row = world.standing(token)
    world.ledger.record(row.shard, row.binding.token_key)
    deleted: list[int | None] = []
    world.clock.plan(100_000, lambda: deleted.append(world.rows.delete(world.standing(token))))

    connected = client.connect("alice", world.coinbase.authorize("alice"))

    assert [at is not None for at in deleted] == [True]
    assert connected.outcome is ConnectOutcome.CREATED
    assert connected.token_id != token


def test_of_two_reconnects_one_wins_and_the_losers_grant_is_revoked(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    rival = world.coinbase.authorize("alice")
    world.coinbase.meanwhile("redeem", lambda: _connect(client, rival))

    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert client.connect("alice", rival).outcome is ConnectOutcome.REAUTHENTICATED
    assert world.standing(connected.token_id).grant_number == 2
    # The grant before the rival's is superseded, not revoked.
    assert world.coinbase.living == 2
    assert world.spooled() == []


def test_a_connect_goes_over_a_refresh_that_moved_the_row_meanwhile(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    world.coinbase.meanwhile("redeem", lambda: _resolve(client, connected.token_id))

    again = client.connect("alice", world.coinbase.authorize("alice"))

    row = world.standing(connected.token_id)
    assert again.token_id == connected.token_id
    assert (row.binding.generation, row.grant_number, row.state) == (3, 2, TokenState.ACTIVE)
    assert world.coinbase.is_alive(client.resolve(connected.token_id).credential)


def test_a_connect_that_a_refresh_moved_aside_does_not_go_over_a_newer_connect(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    rival = world.coinbase.authorize("alice")

    def moved() -> None:
        client.resolve(connected.token_id)
        world.weather.before("read_identity", lambda: _connect(client, rival))

    world.weather.before("replace", moved)
    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))

    assert world.standing(connected.token_id).grant_number == 2
    assert client.connect("alice", rival).outcome is ConnectOutcome.REAUTHENTICATED


def test_a_row_that_never_stands_still_is_a_conflict_in_the_end(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))

    def move() -> None:
        row = world.standing(connected.token_id)
        moved = replace(row.binding, generation=row.binding.generation + 1)
        world.rows.rows[row.shard, row.binding.token_key] = replace(row, binding=moved)

    world.coinbase.meanwhile("account", lambda: _each_time(world, move))
    # What moves it here breaks its seals, too: the metadata carries no generation and still opens.
    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))

    assert world.weather.calls["replace"] == MOST_MOVES


def test_a_late_answer_of_a_refresh_never_beats_a_connect(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    newest = world.coinbase.authorize("alice")
    world.coinbase.meanwhile("refresh", lambda: _connect(client, newest))

    resolved = client.resolve(connected.token_id)

    row = world.standing(connected.token_id)
    assert (row.binding.generation, row.grant_number, row.state) == (2, 2, TokenState.ACTIVE)
    assert resolved.generation == 2
    assert world.coinbase.is_alive(resolved.credential)


def test_a_connect_over_a_row_revoked_meanwhile_is_a_conflict_and_brings_nothing_back(
    world: World, client: Client
) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.coinbase.meanwhile("redeem", lambda: _revoke(client, connected.token_id))

    with pytest.raises(ConflictError):
        client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert world.rows.rows == {}
    assert world.coinbase.living == 0


def test_a_connect_finishes_a_revoke_that_died_and_gets_a_new_token_id(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    credential = client.resolve(connected.token_id).credential
    row = world.standing(connected.token_id)
    world.ledger.record(row.shard, row.binding.token_key)

    again = client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert again.token_id != connected.token_id
    assert again.outcome is ConnectOutcome.CREATED
    assert not world.coinbase.is_alive(credential)
    assert world.spooled() == []
    with pytest.raises(TokenNotFoundError):
        client.resolve(connected.token_id)


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
    world.failpoints.at("connect.after_begin", lambda: _silence(world))
    with pytest.raises(AuditUnavailableError):
        client.connect("alice", code, request_id="request-1")
    assert world.coinbase.counts["exchanges"] == 0

    world.audit.is_up = True
    assert client.connect("alice", code, request_id="request-1").token_id


def test_a_committed_connect_whose_outcome_cannot_be_audited_is_an_alarm_and_repeats_its_answer(
    world: World, client: Client
) -> None:
    code = world.coinbase.authorize("alice")
    world.failpoints.at("connect.after_commit", lambda: _silence(world))
    with pytest.raises(AuditUnavailableError):
        client.connect("alice", code, request_id="request-1")
    assert "audit_lost_an_outcome" in world.log.alarms

    world.audit.is_up = True
    assert client.connect("alice", code, request_id="request-1").token_id


def test_a_full_disk_ends_the_fresh_grant_at_once_and_nothing_is_committed(world: World, client: Client) -> None:
    spool = world.directory / "this-replica-000" / "spool"
    world.failpoints.at("connect.after_exchange", lambda: _lose(spool))

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


def test_a_generation_that_a_connect_has_replaced_is_not_asked_about(world: World, client: Client) -> None:
    session = client.connect("alice", world.binance.add_user("alice"), integration="binance").token_id
    client.connect("alice", world.binance.add_user("alice"), integration="binance")
    row, asked = world.standing(session), list[str]()
    world.binance.meanwhile("probe", lambda: asked.append("probe"))

    liveness = world.life.engine.probe(
        CallContext("call-1", "key-1"), shard=row.shard, token_key=row.binding.token_key, generation=1
    )

    assert (liveness, asked) == (Liveness.ALIVE, [])


def test_an_exchanger_out_of_reach_is_the_provider_unavailable(world: World, client: Client) -> None:
    world.life.line.is_up = False

    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", world.coinbase.authorize("alice"))


def _connect(client: Client, grant: Grant) -> None:
    client.connect("alice", grant)


def _resolve(client: Client, token_id: str) -> None:
    client.resolve(token_id)


def _revoke(client: Client, token_id: str) -> None:
    client.revoke(token_id)


def _silence(world: World) -> None:
    world.audit.is_up = False


def _lose(directory: Path) -> None:
    directory.rename(directory.with_name("lost"))


def _each_time(world: World, happening: Callable[[], None]) -> None:
    for _ in range(MOST_MOVES):
        world.weather.before("replace", happening)
