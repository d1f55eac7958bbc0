"""What a Python caller sees: the domain's types go through unchanged, and failures come without anybody's text."""

from collections.abc import Iterator
from typing import Any

import pytest

from mmt_grpc.domain.errors import InvalidRequestError, MmtError, Reason, Violation
from mmt_grpc.domain.model import (
    ApiKeyGrant,
    ApiKeyPair,
    AuthorizationCode,
    BearerToken,
    ConnectOutcome,
    Grant,
    OAuthTokens,
    Scope,
    SessionGrant,
    Upstream,
    UserCredentials,
)
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.verbs import ConnectCommand, ConnectResult, DeadlineError, Resolved, ResolveQuery, Revoked
from mmt_grpc.transport.client import CallFailedError, Target, TokenClient
from mmt_grpc.transport.statuses import STATUSES
from tests.transport.samples import SAMPLES
from tests.transport.served import Client, Served
from tests.transport.stand_ins import TOKEN_ID

GOOD_KEY = Secret("good")
NOBODY = "127.0.0.1:1"
PATIENCE = 60.0
FUTURE = 4_000_000_000_000_001
CODE = AuthorizationCode(Secret("a code"), "https://client.example/back", Secret("a verifier"))
GRANTS: list[Grant] = [
    CODE,
    OAuthTokens(Secret("access"), Secret("refresh"), FUTURE, ("accounts:read", "cards:read")),
    OAuthTokens(Secret("access"), None, None, ()),
    UserCredentials(Secret("ada"), Secret("password"), Secret("123456")),
    UserCredentials(Secret("ada"), Secret("password"), None),
    ApiKeyGrant(Secret("key"), Secret("secret")),
    SessionGrant(Secret("session"), FUTURE),
    SessionGrant(Secret("session"), None),
]


@pytest.fixture
def tokens(client: Client) -> Iterator[TokenClient]:
    with TokenClient(target=target(client), api_key=GOOD_KEY, client_id="client-1", timeout=PATIENCE) as tokens:
        yield tokens


def target(client: Client) -> Target:
    return Target(address=f"127.0.0.1:{client.port}")


def connecting(grant: Grant = CODE, **changes: Any) -> ConnectCommand:
    given: dict[str, Any] = {
        "end_user_id": "zoë",
        "integration": "coinbase",
        "scope": Scope.WRITE,
        "request_id": "request-1",
        "allow_account_change": True,
        "grant": grant,
    }
    return ConnectCommand(**(given | changes))


def query(**changes: Any) -> ResolveQuery:
    return ResolveQuery(**({"token_id": TOKEN_ID, "end_user_id": None, "required": Scope.READ} | changes))


@pytest.mark.parametrize("grant", GRANTS, ids=lambda grant: type(grant).__name__)
def test_every_kind_of_grant_arrives_as_it_was_given(served: Served, tokens: TokenClient, grant: Grant) -> None:
    command = connecting(grant)
    tokens.connect(command)
    assert [call[2] for call in served.verbs.calls] == [command]
    assert served.verbs.calls[0][1].client_id == "client-1"


def test_what_a_connect_leaves_out_stays_out(served: Served, tokens: TokenClient) -> None:
    command = connecting(scope=None, request_id=None, allow_account_change=False)
    tokens.connect(command)
    assert served.verbs.calls[0][2] == command


@pytest.mark.parametrize("expires_at", [None, FUTURE])
def test_a_connection_comes_back_as_the_domain_said_it(
    served: Served, tokens: TokenClient, expires_at: int | None
) -> None:
    result = ConnectResult(TOKEN_ID, ConnectOutcome.REAUTHENTICATED, "uphold", Scope.READ, expires_at, False)
    served.verbs.act = lambda _: result
    assert tokens.connect(connecting()) == result


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"end_user_id": "zoë", "required": Scope.WRITE},
        {"min_validity": 0},
        {"min_validity": 86_400_000_000},
        {"rejected_generation": 0},
        {"rejected_generation": (1 << 63) - 1},
    ],
)
def test_a_query_arrives_as_it_was_asked(served: Served, tokens: TokenClient, changes: dict[str, Any]) -> None:
    tokens.resolve(query(**changes))
    assert served.verbs.calls[0][2] == query(**changes)


@pytest.mark.parametrize("credential", [BearerToken(Secret("access")), ApiKeyPair(Secret("key"), Secret("secret"))])
@pytest.mark.parametrize("expires_at", [None, FUTURE])
def test_a_credential_comes_back_as_the_domain_said_it(
    served: Served, tokens: TokenClient, credential: BearerToken | ApiKeyPair, expires_at: int | None
) -> None:
    resolved = Resolved(credential, "binance", Scope.WRITE, expires_at, use_until=FUTURE - 1, generation=3)
    served.verbs.act = lambda _: resolved
    assert tokens.resolve(query()) == resolved


@pytest.mark.parametrize("upstream", list(Upstream))
def test_a_revocation_comes_back_as_the_domain_said_it(served: Served, tokens: TokenClient, upstream: Upstream) -> None:
    served.verbs.act = lambda _: Revoked(FUTURE, upstream)
    assert tokens.revoke(TOKEN_ID) == Revoked(FUTURE, upstream)


def test_a_scope_is_asked_for_and_answered(served: Served, tokens: TokenClient) -> None:
    answer = tokens.check_scope(TOKEN_ID, Scope.WRITE)
    assert (answer.allowed, answer.granted) == (True, Scope.WRITE)
    assert served.verbs.calls[0][2] == (TOKEN_ID, Scope.WRITE)


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: error.reason)
def test_every_refusal_says_its_reason_and_all_that_goes_with_it(
    served: Served, tokens: TokenClient, error: MmtError
) -> None:
    def refuse(_: str) -> None:
        raise error

    served.verbs.act = refuse
    with pytest.raises(CallFailedError) as caught:
        tokens.revoke(TOKEN_ID)
    seen = caught.value
    assert (seen.reason, seen.code) == (error.reason, STATUSES[error.reason].code)
    assert seen.metadata == error.metadata
    assert seen.retry_after == error.retry_after
    assert list(seen.violations) == list(error.violations if isinstance(error, InvalidRequestError) else [])
    assert str(seen) == f"{error.reason}: {STATUSES[error.reason].sentence}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DeadlineError(), "DEADLINE_EXCEEDED: The deadline has passed."),
        (RuntimeError("a secret text"), "INTERNAL: The call failed."),
    ],
)
def test_what_has_no_reason_is_told_by_its_code(
    served: Served, tokens: TokenClient, error: Exception, said: str
) -> None:
    def fail(_: str) -> None:
        raise error

    served.verbs.act = fail
    with pytest.raises(CallFailedError) as caught:
        tokens.revoke(TOKEN_ID)
    assert (str(caught.value), caught.value.reason, caught.value.retry_after) == (said, None, None)


def test_a_server_that_is_not_there_is_said_to_be_out_of_reach() -> None:
    with (
        TokenClient(target=Target(address=NOBODY), api_key=GOOD_KEY) as tokens,
        pytest.raises(CallFailedError, match=r"^UNAVAILABLE: The server cannot be reached\.$"),
    ):
        tokens.revoke(TOKEN_ID)


def test_the_callers_key_is_what_lets_it_in(client: Client) -> None:
    with (
        TokenClient(target=target(client), api_key=Secret("another")) as tokens,
        pytest.raises(CallFailedError) as caught,
    ):
        tokens.revoke(TOKEN_ID)
    assert caught.value.reason is Reason.CALLER_UNAUTHENTICATED


@pytest.mark.parametrize("text", ["", "with space", "with\nbreak", "with\x7fdelete", "ümlaut"])
def test_a_key_that_no_header_carries_is_refused_without_being_named(text: str) -> None:
    with pytest.raises(ValueError, match="an API key is printable ASCII without spaces") as caught:
        TokenClient(target=Target(address=NOBODY), api_key=Secret(text))
    assert not text or text not in str(caught.value)


def test_an_answer_that_means_nothing_here_is_a_failure(served: Served, tokens: TokenClient) -> None:
    served.verbs.act = lambda _: Resolved(None, "coinbase", Scope.READ, None, 0, 1)  # type: ignore[arg-type]  # the point
    with pytest.raises(CallFailedError, match="INTERNAL"):
        tokens.resolve(query())


def test_violations_say_where_and_what(served: Served, tokens: TokenClient) -> None:
    with pytest.raises(CallFailedError) as caught:
        tokens.revoke("no uuid")
    assert [wrong.field for wrong in caught.value.violations] == ["token_id"]
    assert all(isinstance(wrong, Violation) for wrong in caught.value.violations)
    assert served.verbs.calls == []
