"""Binance: logins bring sessions, a second factor is asked for, and nothing is refreshed."""

import dataclasses
from collections.abc import Callable

import pytest

from mmt_grpc.domain.model import (
    AuthorizationCode,
    BearerToken,
    Liveness,
    Scope,
    SessionGrant,
    Upstream,
    UserCredentials,
)
from mmt_grpc.domain.ports.providers import Failure, Issued, Provider
from mmt_grpc.domain.secret import Secret
from tests.providers.acme import error_of, failure_of, revoke
from tests.providers.binance import KEY, LOGIN, PAIR, scripted
from tests.support.exchange import Exchange
from tests.support.http_script import Act, ScriptedServer, says

OTP = "123456"


@pytest.fixture
def login(exchange: Exchange, account: str) -> Callable[..., UserCredentials]:
    def login(scope: str = "read", *, needs_otp: bool = False, password: str = "right") -> UserCredentials:
        fields = {"account": account, "username": account, "password": "right", "scope": scope}
        exchange.control("users", **fields, **({"otp": OTP} if needs_otp else {}))
        return UserCredentials(Secret(account), Secret(password), None)

    return login


@pytest.mark.parametrize(("scope", "granted"), [("read", ("read",)), ("write", ("read", "write"))])
def test_a_login_brings_a_session_with_its_account(
    binance: Provider, login: Callable[..., UserCredentials], account: str, scope: str, granted: tuple[str, ...]
) -> None:
    issued = binance.redeem(login(scope), Scope.READ)

    assert isinstance(issued.credential, BearerToken)
    assert (issued.renewal, issued.expires_in, issued.account) == (None, 3600.0, account)
    assert issued.granted_scopes == granted
    assert binance.probe(issued.credential) is Liveness.ALIVE


def test_a_session_that_a_caller_brings_is_kept_as_it_is(binance: Provider) -> None:
    issued = binance.redeem(SessionGrant(Secret("nobody knows it"), None), Scope.READ)

    assert issued == Issued(BearerToken(Secret("nobody knows it")), None, None, None)
    assert binance.read_account(issued.credential) is None
    assert binance.read_granted_scopes(issued.credential) is None


def test_a_wrong_password_is_refused(binance: Provider, login: Callable[..., UserCredentials]) -> None:
    credentials = login(password="wrong")
    assert failure_of(lambda: binance.redeem(credentials, Scope.READ)) is Failure.PERMANENT


def test_a_second_factor_is_asked_for_and_then_taken(binance: Provider, login: Callable[..., UserCredentials]) -> None:
    without = login(needs_otp=True)
    assert failure_of(lambda: binance.redeem(without, Scope.READ)) is Failure.OTP_REQUIRED

    with_otp = dataclasses.replace(without, otp=Secret(OTP))
    assert binance.redeem(with_otp, Scope.READ).renewal is None


def test_a_session_comes_back_as_it_is(binance: Provider) -> None:
    grant = SessionGrant(Secret("session"), 1_800_000_000_000_000)
    issued = binance.redeem(grant, Scope.READ)
    assert issued == Issued(BearerToken(grant.token), None, None, None, expires_at=grant.expires_at)


def test_a_session_that_ended_is_dead(
    binance: Provider, login: Callable[..., UserCredentials], exchange: Exchange, account: str
) -> None:
    issued = binance.redeem(login(), Scope.READ)
    exchange.end("binance", account)

    assert binance.probe(issued.credential) is Liveness.DEAD


def test_keys_and_sessions_cannot_be_revoked(binance: Provider) -> None:
    assert revoke(binance, PAIR) is Upstream.UNSUPPORTED
    assert revoke(binance, BearerToken(Secret("session"))) is Upstream.UNSUPPORTED


def test_there_is_nothing_to_refresh_with(binance: Provider) -> None:
    assert failure_of(binance.open_refresh) is Failure.NOT_SENT


def test_an_authorization_code_is_not_taken(binance: Provider) -> None:
    with pytest.raises(TypeError, match=r"^binance takes no AuthorizationCode$"):
        binance.redeem(AuthorizationCode(Secret("c"), "", Secret("")), Scope.READ)


@pytest.mark.parametrize(
    ("act", "failure"),
    [
        (says(401, {"error": "invalid_credentials"}), Failure.PERMANENT),
        (says(401, {"error": "otp_required"}), Failure.OTP_REQUIRED),
        (says(429, {}, {"Retry-After": "60"}), Failure.NOT_CONSUMED),
        (says(500, {}), Failure.AMBIGUOUS),
        (says(200, {}), Failure.AMBIGUOUS),
        (says(200, {"session_token": "s", "account_id": []}), Failure.AMBIGUOUS),
        (says(404, {}), Failure.OUR_OUTAGE),
    ],
)
def test_each_answer_to_a_login_has_its_class_and_none_is_repeated(act: Act, failure: Failure) -> None:
    with ScriptedServer(act) as server:
        error = error_of(lambda: scripted(server.url).redeem(LOGIN, Scope.READ))
        assert (error.failure, len(server.requests)) == (failure, 1)
    assert "canary" not in str(error)


def test_a_login_without_an_endpoint_is_refused_alone() -> None:
    provider = scripted("https://localhost:1", login_url=None, restrictions_url=None, account_url=None)
    assert failure_of(lambda: provider.redeem(LOGIN, Scope.READ)) is Failure.PERMANENT
    assert failure_of(lambda: provider.redeem(KEY, Scope.READ)) is Failure.PERMANENT
    assert provider.read_account(PAIR) is None
    assert provider.probe(PAIR) is Liveness.UNKNOWN


def test_a_session_is_ended_where_there_is_an_endpoint_for_it() -> None:
    session = BearerToken(Secret("session"))
    with ScriptedServer(says(200), says(200), says(401)) as server:
        provider = scripted(server.url, revoke_url=f"{server.url}/logout")
        assert revoke(provider, session) is Upstream.REVOKED
        assert [head[""] for head in server.heads()] == [
            "GET /session HTTP/1.1",
            "POST /logout HTTP/1.1",
            "GET /session HTTP/1.1",
        ]


def test_a_login_is_sent_as_the_protocol_has_it() -> None:
    with ScriptedServer(says(200, {"session_token": "s"})) as server:
        scripted(server.url).redeem(LOGIN, Scope.READ)
        assert server.heads()[0]["content-type"] == "application/json"
        assert server.bodies() == [b'{"username": "canary-user", "password": "canary-password", "otp": null}']
