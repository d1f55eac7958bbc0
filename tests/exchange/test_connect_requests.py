"""A retried Connect: what is single-use is sent once, and whoever asks again gets the first one's answer."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import (
    ConflictError,
    GrantRejectedError,
    InvalidRequestError,
    OtpRequiredError,
    ProviderRateLimitedError,
    ProviderUnavailableError,
    StoreUnavailableError,
    Violation,
)
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
from mmt_grpc.exchange.requests import GONE_AFTER
from tests.support.fakes_exchange_faults import LOST_ANSWER, LOST_REQUEST, NOT_SENT, OUTAGE, REFUSED, Fault, limited
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import BEGINNING, HOUR, OTHER, Client, World

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


@pytest.mark.parametrize("fault", [LOST_ANSWER, LOST_REQUEST])
def test_a_code_whose_fate_is_unknown_is_rejected_and_never_sent_again(
    world: World, client: Client, fault: Fault
) -> None:
    code = world.coinbase.authorize("alice")
    world.coinbase.strike("redeem", fault)

    for _ in range(2):
        with pytest.raises(GrantRejectedError) as refusal:
            client.connect("alice", code, request_id="request-1")
        assert refusal.value.retry_after is None

    assert world.coinbase.counts["exchanges"] == int(fault.done)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (NOT_SENT, ProviderUnavailableError),
        (OUTAGE, ProviderUnavailableError),
        (limited(7), ProviderRateLimitedError),
    ],
)
def test_a_grant_that_was_not_spent_may_be_sent_again_under_the_same_id(
    world: World, client: Client, fault: Fault, expected: type[Exception]
) -> None:
    code = world.coinbase.authorize("alice")
    world.coinbase.strike("redeem", fault)
    with pytest.raises(expected):
        client.connect("alice", code, request_id="request-1")

    assert client.connect("alice", code, request_id="request-1").token_id


def test_a_login_that_wants_a_one_time_password_may_be_repeated_with_it(world: World, client: Client) -> None:
    login = world.binance.add_user("alice", otp="123456")
    with pytest.raises(OtpRequiredError):
        client.connect("alice", replace(login, otp=None), integration="binance", request_id="request-1")

    assert client.connect("alice", login, integration="binance", request_id="request-1").token_id


@pytest.mark.parametrize(
    "method", ["now", "read_identity", "contains"], ids=["the clock", "the row", "the ledger of a known identity"]
)
def test_a_store_that_fails_before_anything_is_sent_costs_no_code(world: World, client: Client, method: str) -> None:
    client.connect("alice", world.coinbase.authorize("alice"))
    code = world.coinbase.authorize("alice")
    world.weather.refuse(method)
    with pytest.raises(StoreUnavailableError):
        client.connect("alice", code, request_id="request-1")

    assert client.connect("alice", code, request_id="request-1").token_id


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_insert_of_the_request_costs_no_code(world: World, client: Client, *, applied: bool) -> None:
    code = world.coinbase.authorize("alice")
    world.weather.lose("begin", applied=applied)

    assert client.connect("alice", code, request_id="request-1").token_id


def test_a_request_that_could_not_be_withdrawn_may_still_be_repeated(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")
    world.coinbase.strike("redeem", OUTAGE)
    world.weather.refuse("withdraw")
    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", code, request_id="request-1")

    assert client.connect("alice", code, request_id="request-1").token_id


def test_a_pending_request_of_a_dead_life_is_rejected(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    world.boot(OTHER)

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")
    assert world.coinbase.counts["exchanges"] == 0


def test_a_pending_request_is_rejected_as_soon_as_its_replica_lives_another_life(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    (there,) = [replica for replica in world.store.replicas.list() if replica.beat.owner == OTHER]
    world.store.replicas.beat(replace(there.beat, life=b"another-life-000"))

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")


def test_a_pending_request_of_a_replica_not_seen_for_long_is_rejected(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    world.clock.advance(GONE_AFTER + MICROSECONDS)

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")


def test_a_pending_request_of_a_forgotten_replica_is_rejected(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    world.store.replicas.forget(OTHER)

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")


def test_a_pending_request_of_a_living_replica_is_waited_for(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    began = world.clock.elapsed()

    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", code, request_id="request-1")

    assert 9 * MICROSECONDS <= world.clock.elapsed() - began < 10 * MICROSECONDS
    assert [recorded.state for recorded in world.rows.requests.values()] == ["PENDING"]


def test_who_waits_for_a_living_replica_gets_its_answer(world: World, client: Client) -> None:
    other = world.boot(OTHER)
    code = world.coinbase.authorize("alice")
    answers = []
    world.coinbase.meanwhile("redeem", lambda: answers.append(_refusal(client, code)))

    first = world.client(life=other).connect("alice", code, request_id="request-1")

    assert answers == [ProviderUnavailableError]
    assert client.connect("alice", code, request_id="request-1") == first


def test_a_replica_that_was_given_up_cannot_commit_any_more(world: World, client: Client) -> None:
    other = world.boot(OTHER)
    code = world.coinbase.authorize("alice")

    def late() -> None:
        world.clock.advance(GONE_AFTER + MICROSECONDS)
        assert _refusal(client, code) is GrantRejectedError

    world.coinbase.meanwhile("redeem", late)
    with pytest.raises(GrantRejectedError):
        world.client(life=other).connect("alice", code, request_id="request-1")
    other.engine.upstream.sweep()

    assert world.rows.rows == {}
    assert world.coinbase.living == 0


def _pending_elsewhere(world: World) -> AuthorizationCode:
    other = world.boot(OTHER)
    code = world.coinbase.authorize("alice")
    world.failpoints.arm("connect.after_begin")
    other.line.is_up = True
    with pytest.raises(ProviderUnavailableError):
        world.client(life=other).connect("alice", code, request_id="request-1")
    return code


def _refusal(client: Client, code: AuthorizationCode) -> type[BaseException]:
    try:
        client.connect("alice", code, request_id="request-1")
    except (ProviderUnavailableError, GrantRejectedError, CrashError) as error:
        return type(error)
    raise AssertionError("it was not refused")


def test_a_session_and_its_expiry_are_part_of_the_content(world: World, client: Client) -> None:
    session = world.binance.session("alice", expires_at=BEGINNING + HOUR)
    assert isinstance(session, SessionGrant)
    client.connect("alice", session, integration="binance", request_id="request-1")

    with pytest.raises(InvalidRequestError):
        client.connect("alice", replace(session, expires_at=None), integration="binance", request_id="request-1")
