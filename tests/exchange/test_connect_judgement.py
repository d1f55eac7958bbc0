"""What a grant is worth: whose account it is, what it covers, and what becomes of one that is not kept."""

import pytest

from mmt_grpc.domain.errors import (
    AccountMismatchError,
    GrantRejectedError,
    InvalidRequestError,
    ProviderRateLimitedError,
    ProviderUnavailableError,
)
from mmt_grpc.domain.model import (
    ApiKeyPair,
    AuthorizationCode,
    BearerToken,
    ConnectOutcome,
    Grant,
    OAuthTokens,
    Scope,
    SessionGrant,
)
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_exchange_faults import OUTAGE, REFUSED, Fault, limited
from tests.support.fakes_exchange_grants import SCOPES
from tests.support.fakes_world import BEGINNING, HOUR, Client, World

FIRST = "first"
SECOND = "second"
UNLEARNED = None


@pytest.mark.parametrize(
    ("pinned", "comes", "may_change", "kept"),
    [
        (FIRST, FIRST, False, True),
        (FIRST, SECOND, False, False),
        (FIRST, UNLEARNED, False, False),
        (FIRST, FIRST, True, True),
        (FIRST, SECOND, True, True),
        (FIRST, UNLEARNED, True, True),
        (UNLEARNED, FIRST, False, True),
        (UNLEARNED, UNLEARNED, False, True),
        (UNLEARNED, FIRST, True, True),
    ],
)
def test_a_token_id_keeps_its_account(
    world: World, client: Client, *, pinned: str | None, comes: str | None, may_change: bool, kept: bool
) -> None:
    connected = client.connect("alice", _code_of(world, pinned))
    before = world.standing(connected.token_id)
    code = _code_of(world, comes)

    if kept:
        again = client.connect("alice", code, allow_account_change=may_change)
        assert again.token_id == connected.token_id
        return
    with pytest.raises(AccountMismatchError):
        client.connect("alice", code, allow_account_change=may_change)
    world.sweep()
    assert world.standing(connected.token_id) == before
    assert world.coinbase.living == 1
    assert world.spooled() == []


def test_an_account_that_could_not_be_learned_adopts_the_first_one_that_is(world: World, client: Client) -> None:
    connected = client.connect("alice", _code_of(world, UNLEARNED))
    client.connect("alice", _code_of(world, FIRST))

    with pytest.raises(AccountMismatchError):
        client.connect("alice", _code_of(world, SECOND))
    assert world.standing(connected.token_id).account_key is not None


def test_a_changed_account_is_the_new_pin(world: World, client: Client) -> None:
    client.connect("alice", _code_of(world, FIRST))
    client.connect("alice", _code_of(world, SECOND), allow_account_change=True)

    with pytest.raises(AccountMismatchError):
        client.connect("alice", _code_of(world, FIRST))


def test_the_pin_outlives_refreshes_and_the_need_to_log_in_again(world: World, client: Client) -> None:
    connected = client.connect("alice", _code_of(world, FIRST))
    world.pass_time(3600)
    client.resolve(connected.token_id)
    world.coinbase.withdraw(FIRST)
    world.pass_time(3600)
    with pytest.raises(Exception, match="REAUTHENTICATION"):
        client.resolve(connected.token_id)
    assert world.standing(connected.token_id).state is TokenState.REAUTHENTICATION

    with pytest.raises(AccountMismatchError):
        client.connect("alice", _code_of(world, SECOND))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (REFUSED, GrantRejectedError),
        (limited(3), ProviderRateLimitedError),
        (OUTAGE, ProviderUnavailableError),
    ],
)
def test_a_lookup_that_fails_fails_the_connect_and_ends_the_fresh_grant(
    world: World, client: Client, fault: Fault, expected: type[Exception]
) -> None:
    world.coinbase.strike("account", fault)

    with pytest.raises(expected):
        client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert world.rows.rows == {}
    assert world.coinbase.living == 0
    assert [recorded.state for recorded in world.rows.requests.values()] == ["REJECTED"]


@pytest.mark.parametrize(
    ("fault", "expected"), [(limited(3), ProviderRateLimitedError), (OUTAGE, ProviderUnavailableError)]
)
def test_a_grant_that_can_be_sent_again_outlives_a_lookup_that_fails(
    world: World, client: Client, fault: Fault, expected: type[Exception]
) -> None:
    grants: dict[str, Grant] = {
        "coinbase": world.coinbase.ready("alice"),
        "binance": world.binance.add_user("alice"),
    }
    for integration, grant in grants.items():
        world.exchanges[integration].strike("account", fault)
        with pytest.raises(expected) as failure:
            client.connect("alice", grant, integration=integration, request_id=integration)
        assert getattr(failure.value, "retry_after", None)
        world.sweep()

        assert client.connect("alice", grant, integration=integration, request_id=integration).token_id
        assert world.exchanges[integration].living == 1


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


@pytest.mark.parametrize(
    ("integration", "grant", "field"),
    [
        ("coinbase", OAuthTokens(Secret("a"), None, BEGINNING, ("accounts:read",)), "oauth_tokens.expire_time"),
        ("binance", SessionGrant(Secret("s"), BEGINNING), "session.expire_time"),
    ],
)
def test_a_past_expiry_is_refused_and_the_id_may_be_used_again(
    world: World, client: Client, integration: str, grant: Grant, field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        client.connect("alice", grant, integration=integration, request_id="request-1")

    assert [violation.field for violation in refusal.value.violations] == [field]
    assert world.rows.requests == {}


def test_an_expiry_that_a_client_names_is_kept(world: World, client: Client) -> None:
    tokens = world.coinbase.ready("alice", refreshable=False)
    named = OAuthTokens(tokens.access_token, None, BEGINNING + 2 * HOUR, tokens.granted_scopes)

    assert client.connect("alice", named).expires_at == BEGINNING + 2 * HOUR


def test_a_refreshable_token_of_an_unknown_life_is_taken_to_live_an_hour(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice", seconds=None))

    assert connected.expires_at == world.rows.now() + HOUR


def test_a_token_that_does_not_expire_and_cannot_be_refreshed_has_no_expiry(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice", seconds=None, refreshable=False)

    connected = client.connect("alice", code)

    assert (connected.expires_at, connected.refreshable) == (None, False)
    world.pass_time(1e8)
    assert client.token(connected.token_id)


def test_the_expiry_is_counted_from_the_databases_time_of_the_request(world: World, client: Client) -> None:
    slow = 3_000_000
    world.weather.before("now", lambda: world.clock.advance(slow))
    sent: list[int] = []
    world.coinbase.meanwhile("redeem", lambda: sent.append(world.rows.now()))
    world.coinbase.meanwhile("account", lambda: world.clock.advance(slow))

    connected = client.connect("alice", world.coinbase.authorize("alice"))

    assert connected.expires_at == sent[0] + HOUR


def test_outcomes_say_what_happened_to_the_identity(world: World, client: Client) -> None:
    grants = [world.coinbase.authorize("alice") for _ in range(3)]

    outcomes = [client.connect("alice", grant).outcome for grant in grants]

    assert outcomes == [ConnectOutcome.CREATED, ConnectOutcome.REAUTHENTICATED, ConnectOutcome.REAUTHENTICATED]


def _code_of(world: World, account: str | None) -> AuthorizationCode:
    """Return a code of an account, whose lookup says nothing where it is None."""
    world.coinbase.tells_account = account is not None
    return world.coinbase.authorize(account or FIRST)
