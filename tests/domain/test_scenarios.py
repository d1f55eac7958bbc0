"""What the service promises its clients, each promise a test, from a Connect to what an exchange sees of it."""

import uuid

import pytest

from mmt_grpc.domain.errors import (
    MmtError,
    ReauthenticationRequiredError,
    ScopeMismatchError,
    TokenNotFoundError,
    TokenNotRequiredError,
)
from mmt_grpc.domain.model import Cause, ConnectOutcome, Scope, Upstream
from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_world import Client, World

UNKNOWN = "5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3"


def test_the_same_user_connecting_again_keeps_the_token_id_with_new_credentials(world: World, client: Client) -> None:
    first = client.connect("alice", world.coinbase.authorize("alice"))
    before = client.token(first.token_id)

    again = client.connect("alice", world.coinbase.authorize("alice"))

    assert again.token_id == first.token_id
    assert (first.outcome, again.outcome) == (ConnectOutcome.CREATED, ConnectOutcome.REAUTHENTICATED)
    assert client.token(first.token_id) != before
    assert len(world.rows.rows) == 1


def test_connecting_again_revalidates_a_dead_connection(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.coinbase.withdraw("alice")
    world.pass_time(3600)
    with pytest.raises(ReauthenticationRequiredError):
        client.resolve(connected.token_id)

    client.connect("alice", world.coinbase.authorize("alice"))

    assert client.token(connected.token_id)
    assert world.standing(connected.token_id).state is TokenState.ACTIVE


def test_another_user_client_or_integration_gets_another_token_id(world: World, client: Client) -> None:
    ids = [
        client.connect("alice", world.coinbase.authorize("alice")).token_id,
        client.connect("bob", world.coinbase.authorize("bob")).token_id,
        world.client("client-2").connect("alice", world.coinbase.authorize("alice")).token_id,
        client.connect("alice", world.exchanges["uphold"].authorize("alice"), integration="uphold").token_id,
    ]

    assert len(set(ids)) == 4


def test_the_same_user_with_another_scope_gets_another_token_id(world: World, client: Client) -> None:
    reading = client.connect("alice", world.coinbase.authorize("alice"))
    writing = client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)

    assert reading.token_id != writing.token_id
    assert (reading.scope, writing.scope) == (Scope.READ, Scope.WRITE)


def test_a_write_operation_with_a_read_only_token_id_is_a_scope_mismatch_and_never_a_token(
    world: World, client: Client
) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))

    with pytest.raises(ScopeMismatchError) as refusal:
        client.resolve(connected.token_id, required=Scope.WRITE)

    assert refusal.value.metadata == {"granted_scope": "SCOPE_READ", "required_scope": "SCOPE_WRITE"}


@pytest.mark.parametrize("integration", ["coinbase", "uphold"])
def test_an_expired_access_token_is_refreshed_behind_the_call_under_the_same_token_id_for_ever(
    world: World, client: Client, integration: str
) -> None:
    exchange = world.exchanges[integration]
    connected = client.connect("alice", exchange.authorize("alice"), integration=integration)

    seen = set()
    for _ in range(30):
        world.pass_time(3601)
        resolved = client.resolve(connected.token_id)
        assert exchange.is_alive(resolved.credential)
        seen.add(resolved.generation)

    assert len(seen) == 30
    assert exchange.counts["refreshes"] == 30
    assert exchange.counts["reuses"] == 0


def test_an_expired_session_wants_the_user_back_and_the_next_connect_revives_the_same_token_id(
    world: World, client: Client
) -> None:
    login = world.binance.add_user("alice")
    connected = client.connect("alice", login, integration="binance")
    world.pass_time(3600)

    with pytest.raises(ReauthenticationRequiredError) as refusal:
        client.resolve(connected.token_id)
    assert refusal.value.metadata == {"cause": Cause.EXPIRED.value, "integration": "binance"}

    again = client.connect("alice", login, integration="binance")
    assert again.token_id == connected.token_id
    assert client.token(connected.token_id)


def test_revoked_means_access_ends_and_the_row_is_gone(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    credential = client.resolve(connected.token_id).credential

    revoked = client.revoke(connected.token_id)

    assert revoked.upstream is Upstream.REVOKED
    assert not world.coinbase.is_alive(credential)
    assert world.rows.rows == {}
    assert world.spooled() == []
    with pytest.raises(TokenNotFoundError):
        client.resolve(connected.token_id)


def test_a_connect_after_a_revoke_gets_a_new_token_id(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    client.revoke(connected.token_id)

    again = client.connect("alice", world.coinbase.authorize("alice"))

    assert again.token_id != connected.token_id
    assert again.outcome is ConnectOutcome.CREATED


def test_nothing_can_restore_what_was_revoked(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    backup = dict(world.rows.rows)
    client.revoke(connected.token_id)

    world.rows.rows.update(backup)
    world.restart()

    assert world.rows.rows == {}
    with pytest.raises(TokenNotFoundError):
        client.resolve(connected.token_id)


def test_anothers_an_unknown_and_a_revoked_token_id_are_the_same_answer(world: World, client: Client) -> None:
    standing = client.connect("alice", world.coinbase.authorize("alice"))
    revoked = client.connect("bob", world.coinbase.authorize("bob"))
    client.revoke(revoked.token_id)
    stranger = world.client("client-2")

    answers = [
        _answer(stranger, standing.token_id),
        _answer(client, UNKNOWN),
        _answer(client, revoked.token_id),
        _answer(client, str(uuid.UUID(int=0))),
    ]

    assert {(type(error), str(error), tuple(error.metadata.items()), error.retry_after) for error in answers} == {
        (TokenNotFoundError, "TOKEN_NOT_FOUND", (), None)
    }


@pytest.mark.parametrize("wallet", ["metamask", "phantom"])
def test_a_self_custody_wallet_needs_no_token(world: World, client: Client, wallet: str) -> None:
    with pytest.raises(TokenNotRequiredError):
        client.connect("alice", world.coinbase.authorize("alice"), integration=wallet)

    assert world.life.line.calls == []


def _answer(client: Client, token_id: str) -> MmtError:
    with pytest.raises(MmtError) as refusal:
        client.resolve(token_id)
    return refusal.value
