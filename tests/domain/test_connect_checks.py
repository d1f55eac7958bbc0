"""What Connect refuses before anything leaves, and in which order."""

import pytest

from mmt_grpc.domain.callers import API_KEY_METHODS, Caller, Method, admit
from mmt_grpc.domain.catalogue import Catalogue, Kind
from mmt_grpc.domain.errors import (
    CallerForbiddenError,
    IntegrationUnknownError,
    InvalidRequestError,
    MmtError,
    Reason,
    ScopeMismatchError,
    TokenNotRequiredError,
)
from mmt_grpc.domain.model import (
    ApiKeyGrant,
    AuthorizationCode,
    Grant,
    OAuthTokens,
    Scope,
    SessionGrant,
    UserCredentials,
)
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.verbs import Call, ConnectCommand, DeadlineError
from mmt_grpc.domain.waiting_room import WaitingRoom
from tests.support.fakes_world import Client, World

CODE = AuthorizationCode(Secret("code"), "https://client.example/back", Secret("verifier"))
TOKENS = OAuthTokens(Secret("access"), None, None, ())
LOGIN = UserCredentials(Secret("alice"), Secret("password"), None)
KEY = ApiKeyGrant(Secret("key"), Secret("secret"))
SESSION = SessionGrant(Secret("session"), None)
CATALOGUE = Catalogue({"coinbase": Kind.OAUTH, "binance": Kind.LOGIN}, frozenset({"metamask", "binance-wallet"}))


@pytest.mark.parametrize(
    ("integration", "grants"),
    [("coinbase", [CODE, TOKENS]), ("binance", [LOGIN, KEY, SESSION])],
)
def test_grants_fit_integrations(integration: str, grants: list[Grant]) -> None:
    for grant in (CODE, TOKENS, LOGIN, KEY, SESSION):
        if grant in grants:
            CATALOGUE.admit(integration, grant)
            continue
        with pytest.raises(InvalidRequestError) as refusal:
            CATALOGUE.admit(integration, grant)
        assert [violation.field for violation in refusal.value.violations] == ["grant"]


@pytest.mark.parametrize(
    ("integration", "expected"),
    [
        ("metamask", TokenNotRequiredError),
        ("binance-wallet", TokenNotRequiredError),
        ("kraken", IntegrationUnknownError),
        ("Coinbase", IntegrationUnknownError),
    ],
)
def test_the_integration_goes_before_the_grant(integration: str, expected: type[MmtError]) -> None:
    with pytest.raises(expected):
        CATALOGUE.admit(integration, SESSION)


@pytest.mark.parametrize(
    ("user", "integration", "grant", "scope", "expected"),
    [
        ("", "metamask", SESSION, Scope.WRITE, Reason.INVALID_REQUEST),
        ("alice", "metamask", SESSION, Scope.WRITE, Reason.TOKEN_NOT_REQUIRED),
        ("alice", "kraken", SESSION, Scope.WRITE, Reason.INTEGRATION_UNKNOWN),
        ("alice", "coinbase", SESSION, Scope.WRITE, Reason.INVALID_REQUEST),
        ("alice", "coinbase", CODE, Scope.WRITE, Reason.SCOPE_MISMATCH),
    ],
)
def test_shape_goes_before_integration_and_that_before_scope(
    world: World, *, user: str, integration: str, grant: Grant, scope: Scope, expected: Reason
) -> None:
    client = world.client(scope=Scope.READ)

    with pytest.raises(MmtError) as refusal:
        client.connect(user, grant, integration=integration, scope=scope)

    assert refusal.value.reason is expected
    assert world.life.line.calls == []
    assert [(record.outcome, record.reason) for record in world.audit.of("Connect")] == [("refused", expected)]


def test_a_call_without_time_left_sends_nothing(world: World, client: Client) -> None:
    call: Call = client.call(patience=0)

    with pytest.raises(DeadlineError):
        world.life.verbs.connect(call, ConnectCommand("alice", "coinbase", Scope.READ, None, False, CODE))

    assert world.life.line.calls == []
    assert [record.outcome for record in world.audit.of("Connect")] == [None, "failed"]


def test_a_connect_is_audited_by_both_processes_under_one_id(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice"))

    outer, inner = world.audit.of("Connect"), world.audit.of("Exchange")
    assert [record.phase for record in (*outer, *inner)] == ["intent", "outcome", "intent", "outcome"]
    assert len({record.call_id for record in (*outer, *inner)}) == 1
    key = world.standing(connected.token_id).binding.token_key
    assert outer[1].token_key == inner[1].token_key == key
    assert outer[0].end_user_key == world.standing(connected.token_id).end_user_key


class TestCallers:
    CALLER = Caller("key-1", frozenset({"client-1"}), Scope.READ, frozenset({Method.RESOLVE}))

    def test_an_empty_client_stands_for_the_only_one(self) -> None:
        assert self.CALLER.client_for("") == "client-1"
        assert self.CALLER.client_for("client-1") == "client-1"

    def test_another_client_is_forbidden(self) -> None:
        with pytest.raises(CallerForbiddenError):
            self.CALLER.client_for("client-2")

    @pytest.mark.parametrize("clients", [frozenset[str](), frozenset({"client-1", "client-2"})])
    def test_an_empty_client_of_a_caller_with_none_or_several_is_refused(self, clients: frozenset[str]) -> None:
        caller = Caller("key-1", clients, Scope.READ, frozenset(Method))

        with pytest.raises(InvalidRequestError) as refusal:
            caller.client_for("")
        assert [violation.field for violation in refusal.value.violations] == ["client_id"]

    @pytest.mark.parametrize("method", ["Connect", "Discard", "", "resolve", "/mmt.v1.TokenService/Resolve"])
    def test_a_method_in_no_row_is_forbidden(self, method: str) -> None:
        with pytest.raises(CallerForbiddenError):
            admit(self.CALLER, method)

    def test_a_method_in_a_row_is_admitted(self) -> None:
        assert admit(self.CALLER, "Resolve") is Method.RESOLVE

    def test_api_keys_of_every_scope_have_a_row(self) -> None:
        assert set(API_KEY_METHODS) == set(Scope)


class TestWaitingRoom:
    def test_places_are_counted_by_integration_and_given_back(self) -> None:
        room = WaitingRoom(places=1)

        with room.place("coinbase") as first, room.place("coinbase") as second, room.place("uphold") as other:
            assert (first, second, other) == (True, False, True)
        with room.place("coinbase") as again:
            assert again

    def test_a_place_is_given_back_by_whoever_fails(self) -> None:
        room = WaitingRoom(places=1)

        with pytest.raises(ScopeMismatchError), room.place("coinbase"):
            raise ScopeMismatchError(granted=Scope.READ, required=Scope.WRITE)
        with room.place("coinbase") as again:
            assert again


def _subclasses(error: type[MmtError]) -> list[type[MmtError]]:
    return [found for child in error.__subclasses__() for found in (child, *_subclasses(child))]


def test_every_reason_of_the_contract_is_raised_by_a_class_of_its_own() -> None:
    reasons = {error.reason for error in _subclasses(MmtError) if "reason" in vars(error)}

    assert reasons == set(Reason)
