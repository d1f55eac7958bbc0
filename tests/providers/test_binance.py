"""Binance: logins, sessions and API keys at the sandbox; nothing is refreshed."""

import dataclasses
import hashlib
import hmac
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mmt_grpc.domain.model import (
    ApiKeyGrant,
    ApiKeyPair,
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
from mmt_grpc.providers.registry import ConfiguredProviders, Surroundings, open_providers
from tests.providers.acme import error_of, failure_of
from tests.support.exchange import Exchange
from tests.support.http_script import Act, ScriptedServer, says
from tests.support.settings_tables import options_of

PAIR = ApiKeyPair(Secret("canary-key"), Secret("canary-secret"))
OTP = "123456"
KEY = ApiKeyGrant(PAIR.key, PAIR.secret)
LOGIN = UserCredentials(Secret("canary-user"), Secret("canary-password"), None)


@pytest.fixture
def binance(providers: ConfiguredProviders) -> Provider:
    return providers.get("binance")


@pytest.fixture
def account() -> str:
    return f"user-{uuid.uuid4()}"


@pytest.fixture
def login(exchange: Exchange, account: str) -> Callable[..., UserCredentials]:
    def login(scope: str = "read", *, needs_otp: bool = False, password: str = "right") -> UserCredentials:
        fields = {"account": account, "username": account, "password": "right", "scope": scope}
        exchange.control("users", **fields, **({"otp": OTP} if needs_otp else {}))
        return UserCredentials(Secret(account), Secret(password), None)

    return login


@pytest.fixture
def api_key(exchange: Exchange, account: str) -> Callable[..., ApiKeyGrant]:
    def api_key(scope: str = "read", **more: object) -> ApiKeyGrant:
        given = exchange.control("api-keys", account=account, scope=scope, **more)
        return ApiKeyGrant(Secret(given["key"]), Secret(given["secret"]))

    return api_key


def scripted(url: str, surroundings: Surroundings | None = None, **fields: object) -> Provider:
    table: dict[str, Any] = {
        "login_url": f"{url}/login",
        "restrictions_url": f"{url}/restrictions",
        "account_url": f"{url}/account",
        "session_url": f"{url}/session",
        **fields,
    }
    around = surroundings or Surroundings(sleep=lambda _: None)
    opened = open_providers({"binance": options_of("binance", table)}, on_retry=lambda *_: None, surroundings=around)
    return opened.get("binance")


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


@pytest.mark.parametrize(
    ("permissions", "granted"),
    [
        (["enableReading"], ("read",)),
        (["enableReading", "enableWithdrawals"], ("read", "write")),
        (["enableReading", "enableSpotAndMarginTrading"], ("read", "write")),
        (["enableReading", "permitsUniversalTransfer"], ("read", "write")),
    ],
)
def test_a_key_grants_what_its_permissions_say(
    binance: Provider, api_key: Callable[..., ApiKeyGrant], permissions: list[str], granted: tuple[str, ...]
) -> None:
    grant = api_key(permissions=permissions)
    issued = binance.redeem(grant, Scope.READ)

    assert issued == Issued(ApiKeyPair(grant.key, grant.secret), None, None, granted)
    assert binance.covers(granted, Scope.READ)
    assert binance.covers(granted, Scope.WRITE) is ("write" in granted)


def test_a_key_that_may_not_read_is_refused(binance: Provider, api_key: Callable[..., ApiKeyGrant]) -> None:
    grant = api_key(permissions=["enableWithdrawals"])
    assert failure_of(lambda: binance.redeem(grant, Scope.READ)) is Failure.PERMANENT


def test_a_key_with_a_foreign_secret_is_refused(binance: Provider, api_key: Callable[..., ApiKeyGrant]) -> None:
    grant = ApiKeyGrant(api_key().key, Secret("canary-secret"))
    assert failure_of(lambda: binance.redeem(grant, Scope.READ)) is Failure.PERMANENT


def test_a_key_that_nobody_made_is_refused(binance: Provider) -> None:
    assert failure_of(lambda: binance.redeem(KEY, Scope.READ)) is Failure.PERMANENT


@pytest.mark.parametrize("key", ["", "a b\r\nX: 1", "ключ"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(binance: Provider, key: str) -> None:
    grant = ApiKeyGrant(Secret(key), Secret("ü\ud800"))
    assert failure_of(lambda: binance.redeem(grant, Scope.READ)) is Failure.PERMANENT


def test_the_account_of_a_key_is_its_uid(binance: Provider, api_key: Callable[..., ApiKeyGrant], account: str) -> None:
    assert binance.read_account(binance.redeem(api_key(), Scope.READ).credential) == account


def test_a_key_that_was_deleted_is_dead(
    binance: Provider, api_key: Callable[..., ApiKeyGrant], exchange: Exchange, account: str
) -> None:
    credential = binance.redeem(api_key(), Scope.READ).credential
    assert binance.probe(credential) is Liveness.ALIVE
    exchange.end("binance", account)

    assert binance.probe(credential) is Liveness.DEAD
    assert failure_of(lambda: binance.read_account(credential)) is Failure.PERMANENT


def test_keys_and_sessions_cannot_be_revoked(binance: Provider) -> None:
    assert binance.revoke(PAIR, None) is Upstream.UNSUPPORTED
    assert binance.revoke(BearerToken(Secret("session")), None) is Upstream.UNSUPPORTED


def test_there_is_nothing_to_refresh_with(binance: Provider) -> None:
    assert failure_of(binance.open_refresh) is Failure.NOT_SENT


def test_an_authorization_code_is_not_taken(binance: Provider) -> None:
    with pytest.raises(TypeError, match=r"^binance takes no AuthorizationCode$"):
        binance.redeem(AuthorizationCode(Secret("c"), "", Secret("")), Scope.READ)


def test_a_signed_request_is_signed_over_all_of_its_query() -> None:
    with ScriptedServer(says(200, {"uid": 354937868})) as server:
        provider = scripted(server.url, Surroundings(wall_clock=lambda: 1_800_000_000.5))
        assert provider.read_account(PAIR) == "354937868"
        head = server.heads()[0]

    query, signature = urlsplit(head[""].split(" ")[1]).query.rsplit("&signature=", 1)
    assert parse_qs(query) == {"omitZeroBalances": ["true"], "recvWindow": ["5000"], "timestamp": ["1800000000500"]}
    assert signature == hmac.new(b"canary-secret", query.encode(), hashlib.sha256).hexdigest()
    assert head["x-mbx-apikey"] == "canary-key"


def refuses(code: int, status: int = 400, **headers: str) -> Act:
    return says(status, {"code": code, "msg": "canary"}, headers)


@pytest.mark.parametrize(
    ("act", "failure", "limited"),
    [
        (refuses(-2014, 401), Failure.PERMANENT, False),
        (refuses(-2015, 401), Failure.PERMANENT, False),
        (refuses(-2008), Failure.PERMANENT, False),
        (refuses(-1022), Failure.PERMANENT, False),
        (refuses(-1021), Failure.OUR_OUTAGE, False),
        (refuses(-1102), Failure.NOT_CONSUMED, False),
        (says(404, b"<html>"), Failure.OUR_OUTAGE, False),
        (says(403, b"<html>"), Failure.NOT_CONSUMED, False),
        (refuses(-1003, 429, **{"Retry-After": "30"}), Failure.NOT_CONSUMED, True),
        (refuses(-1003, 418, **{"Retry-After": "7200"}), Failure.NOT_CONSUMED, True),
        (refuses(-1016, 503), Failure.NOT_CONSUMED, False),
        (says(502, b""), Failure.NOT_CONSUMED, False),
        (says(200, b"<html>"), Failure.NOT_CONSUMED, False),
        (says(200, {"enableReading": "yes"}), Failure.NOT_CONSUMED, False),
        (says(200, {"enableReading": False, "enableWithdrawals": True}), Failure.PERMANENT, False),
    ],
)
def test_each_error_of_a_key_has_its_class(act: Act, failure: Failure, *, limited: bool) -> None:
    with ScriptedServer(act) as server:
        error = error_of(lambda: scripted(server.url).redeem(KEY, Scope.READ))
    assert (error.failure, error.rate_limited) == (failure, limited)
    assert "canary" not in str(error)


def test_a_ban_is_waited_out_as_long_as_it_lasts() -> None:
    with ScriptedServer(refuses(-1003, 418, **{"Retry-After": "7200"})) as server:
        assert error_of(lambda: scripted(server.url).redeem(KEY, Scope.READ)).retry_after == 7200.0


def test_one_refusal_does_not_make_a_key_dead() -> None:
    alive = says(200, {"enableReading": True})
    with ScriptedServer(refuses(-2015, 401), alive) as server:
        assert scripted(server.url).probe(PAIR) is Liveness.ALIVE
        assert len(server.requests) == 2


def test_a_key_without_permission_for_the_account_has_none() -> None:
    with ScriptedServer(refuses(-2015, 401), says(200, {"enableReading": True})) as server:
        assert scripted(server.url).read_account(PAIR) is None


@pytest.mark.parametrize("act", [refuses(-1021), refuses(-1003, 429), says(500, b"")])
def test_an_outage_is_no_death(act: Act) -> None:
    with ScriptedServer(act) as server:
        assert failure_of(lambda: scripted(server.url).probe(PAIR)) in {Failure.OUR_OUTAGE, Failure.NOT_CONSUMED}


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
        assert provider.revoke(session, None) is Upstream.REVOKED
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
