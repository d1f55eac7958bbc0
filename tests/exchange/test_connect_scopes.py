"""What a grant covers, who is asked where it does not say, and what becomes of one that is too narrow or too wide."""

import pytest

from mmt_grpc.domain.errors import GrantRejectedError
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, Scope
from tests.support.fakes_exchange_grants import SCOPES
from tests.support.fakes_world import Client, World


@pytest.mark.parametrize(
    ("granted", "scope", "kept"),
    [
        (SCOPES[Scope.READ], Scope.READ, True),
        (SCOPES[Scope.WRITE], Scope.READ, True),
        (SCOPES[Scope.WRITE], Scope.WRITE, True),
        (SCOPES[Scope.READ], Scope.WRITE, False),
        (("accounts:send",), Scope.WRITE, False),
        (("accounts:send",), Scope.READ, False),
        ((), Scope.READ, False),
        ((*SCOPES[Scope.READ], "unheard:of"), Scope.READ, True),
    ],
)
def test_a_scope_is_covered_when_every_entry_was_granted(
    world: World, client: Client, *, granted: tuple[str, ...], scope: Scope, kept: bool
) -> None:
    code = world.coinbase.authorize("alice", scopes=granted)
    if kept:
        assert client.connect("alice", code, scope=scope).scope is scope
        return
    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, scope=scope)
    world.sweep()
    assert world.coinbase.living == 0


@pytest.mark.parametrize(("refuses", "kept"), [(False, True), (True, False)])
def test_a_wider_grant_is_refused_only_where_the_integration_says_so(
    world: World, client: Client, *, refuses: bool, kept: bool
) -> None:
    world.providers["coinbase"].refuse_wider = refuses
    code = world.coinbase.authorize("alice", Scope.WRITE)

    if kept:
        connected = client.connect("alice", code, scope=Scope.READ)
        assert not client.check_scope(connected.token_id, Scope.WRITE).allowed
        return
    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, scope=Scope.READ)
    world.sweep()
    assert world.coinbase.living == 0


def test_an_answer_without_scopes_asks_the_exchange(world: World, client: Client) -> None:
    world.coinbase.says_scopes = False
    with pytest.raises(GrantRejectedError):
        client.connect("alice", world.coinbase.authorize("alice", Scope.READ), scope=Scope.WRITE)

    connected = client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)
    assert connected.scope is Scope.WRITE


def test_an_exchange_that_never_says_the_scopes_granted_what_was_asked(world: World, client: Client) -> None:
    session = world.binance.session("alice")
    world.binance._chains[-1].scopes = None

    connected = client.connect("alice", session, integration="binance", scope=Scope.WRITE)

    row = world.standing(connected.token_id)
    metadata = world.life.parts.sealing.open_metadata(row.binding, row.sealed)
    assert metadata.granted_scopes == SCOPES[Scope.WRITE]


def test_an_unspecified_scope_is_the_callers_own(world: World) -> None:
    reader, writer = world.client(scope=Scope.READ), world.client(scope=Scope.WRITE)

    assert reader.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=None).scope is Scope.READ
    assert writer.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=None).scope is Scope.WRITE


def test_an_api_key_is_checked_and_stored_and_never_expires(world: World, client: Client) -> None:
    grant = world.binance.add_key("alice", Scope.WRITE)

    connected = client.connect("alice", grant, integration="binance", scope=Scope.WRITE)
    resolved = client.resolve(connected.token_id, required=Scope.WRITE)

    assert resolved.credential == ApiKeyPair(grant.key, grant.secret)
    assert (connected.expires_at, connected.refreshable, resolved.expires_at) == (None, False, None)
    with pytest.raises(GrantRejectedError):
        client.connect("bob", world.binance.add_key("bob", Scope.READ), integration="binance", scope=Scope.WRITE)


def test_a_clients_own_tokens_and_keys_are_not_revoked_when_they_are_not_kept(world: World, client: Client) -> None:
    tokens = world.coinbase.ready("alice", Scope.READ)

    with pytest.raises(GrantRejectedError):
        client.connect("alice", tokens, scope=Scope.WRITE)
    world.sweep()

    assert world.coinbase.is_alive(BearerToken(tokens.access_token))
