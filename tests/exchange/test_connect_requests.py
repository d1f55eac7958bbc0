"""A Connect that is sent again gets the first one's answer, and the same id with other content is refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import ConflictError, GrantRejectedError, InvalidRequestError, Violation
from mmt_grpc.domain.model import (
    MICROSECONDS,
    AuthorizationCode,
    ConnectOutcome,
    Grant,
    OAuthTokens,
    Scope,
    SessionGrant,
)
from mmt_grpc.domain.secret import Secret
from tests.support.fakes_exchange_faults import REFUSED
from tests.support.fakes_world import BEGINNING, HOUR, Client, World

OTHER_CONTENT = Violation("request_id", "was used with other content")


def test_the_same_request_and_content_give_the_same_answer(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")

    answers = [client.connect("alice", code, request_id="request-1") for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert answers[0].outcome is ConnectOutcome.CREATED
    assert world.coinbase.counts["exchanges"] == 1


def test_a_repeated_answer_carries_the_expiry_as_it_is_now(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")
    first = client.connect("alice", code, request_id="request-1")
    world.pass_time(3600)
    client.resolve(first.token_id)

    again = client.connect("alice", code, request_id="request-1")

    assert again.token_id == first.token_id
    assert again.expires_at == client.resolve(first.token_id).expires_at != first.expires_at


def test_a_code_sent_twice_without_an_id_is_one_request(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")

    assert client.connect("alice", code) == client.connect("alice", code)
    assert world.coinbase.counts["exchanges"] == 1


def test_a_code_sent_twice_for_two_users_is_refused(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")
    client.connect("alice", code)

    with pytest.raises(InvalidRequestError) as refusal:
        client.connect("mallory", code)

    assert refusal.value.violations == (OTHER_CONTENT,)
    assert world.coinbase.counts["exchanges"] == 1


def test_two_clients_may_use_the_same_request_id(world: World, client: Client) -> None:
    ours = client.connect("alice", world.coinbase.authorize("alice"), request_id="request-1")
    theirs = world.client("client-2").connect("alice", world.coinbase.authorize("alice"), request_id="request-1")

    assert ours.token_id != theirs.token_id


def test_ready_tokens_without_an_id_are_a_new_request_each_time(world: World, client: Client) -> None:
    tokens = world.coinbase.ready("alice")

    outcomes = [client.connect("alice", tokens).outcome for _ in range(2)]

    assert outcomes == [ConnectOutcome.CREATED, ConnectOutcome.REAUTHENTICATED]


CODE = AuthorizationCode(Secret("code"), "https://client.example/back", Secret("verifier"))
TOKENS = OAuthTokens(Secret("access"), Secret("renewal"), BEGINNING + HOUR, ("accounts:read",))
CHANGES: dict[str, tuple[Grant, Grant]] = {
    "another code": (CODE, replace(CODE, code=Secret("code-2"))),
    "another address": (CODE, replace(CODE, redirect_uri="https://client.example/there")),
    "another verifier": (CODE, replace(CODE, code_verifier=Secret("verifier-2"))),
    "another access token": (TOKENS, replace(TOKENS, access_token=Secret("access-2"))),
    "another refresh token": (TOKENS, replace(TOKENS, refresh_token=None)),
    "another expiry": (TOKENS, replace(TOKENS, expires_at=BEGINNING + HOUR + MICROSECONDS)),
    "other scopes": (TOKENS, replace(TOKENS, granted_scopes=("accounts:read", "more"))),
    "another kind": (CODE, TOKENS),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_id_with_other_content_is_refused(world: World, client: Client, change: str) -> None:
    first, second = CHANGES[change]
    world.coinbase.strike("redeem", REFUSED)
    with pytest.raises(GrantRejectedError):
        client.connect("alice", first, request_id="request-1")

    with pytest.raises(InvalidRequestError) as refusal:
        client.connect("alice", second, request_id="request-1")

    assert refusal.value.violations == (OTHER_CONTENT,)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, code: client.connect("bob", code, request_id="request-1"),
        lambda client, code: client.connect("alice", code, request_id="request-1", scope=Scope.WRITE),
        lambda client, code: client.connect("alice", code, request_id="request-1", integration="uphold"),
        lambda client, code: client.connect("alice", code, request_id="request-1", allow_account_change=True),
    ],
    ids=["user", "scope", "integration", "account change"],
)
def test_the_same_id_for_something_else_is_refused(
    world: World, client: Client, ask: Callable[[Client, AuthorizationCode], object]
) -> None:
    code = world.coinbase.authorize("alice")
    client.connect("alice", code, request_id="request-1")

    with pytest.raises(InvalidRequestError):
        ask(client, code)


def test_a_request_is_remembered_for_a_day(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")
    client.connect("alice", code, request_id="request-1")
    world.pass_time(24 * 3600 + 1)

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")


def test_a_repeated_request_whose_row_was_revoked_since_is_a_conflict(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")
    client.revoke(client.connect("alice", code, request_id="request-1").token_id)

    with pytest.raises(ConflictError):
        client.connect("alice", code, request_id="request-1")


def test_a_session_and_its_expiry_are_part_of_the_content(world: World, client: Client) -> None:
    session = world.binance.session("alice", expires_at=BEGINNING + HOUR)
    assert isinstance(session, SessionGrant)
    client.connect("alice", session, integration="binance", request_id="request-1")

    with pytest.raises(InvalidRequestError):
        client.connect("alice", replace(session, expires_at=None), integration="binance", request_id="request-1")
