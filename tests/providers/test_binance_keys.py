"""Binance: API keys are checked by what they may do, and every request with one is signed."""

import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from mmt_grpc.domain.model import ApiKeyGrant, ApiKeyPair, Liveness, Scope
from mmt_grpc.domain.ports.providers import Failure, Issued, Provider
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.registry import Surroundings
from tests.providers.acme import error_of, failure_of
from tests.providers.binance import KEY, PAIR, refuses, scripted
from tests.support.exchange import Exchange
from tests.support.http_script import Act, ScriptedServer, says


@pytest.fixture
def api_key(exchange: Exchange, account: str) -> Callable[..., ApiKeyGrant]:
    def api_key(scope: str = "read", **more: object) -> ApiKeyGrant:
        given = exchange.control("api-keys", account=account, scope=scope, **more)
        return ApiKeyGrant(Secret(given["key"]), Secret(given["secret"]))

    return api_key


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


def test_a_signed_request_is_signed_over_all_of_its_query() -> None:
    with ScriptedServer(says(200, {"uid": 354937868})) as server:
        provider = scripted(server.url, Surroundings(wall_clock=lambda: 1_800_000_000.5))
        assert provider.read_account(PAIR) == "354937868"
        head = server.heads()[0]

    query, signature = urlsplit(head[""].split(" ")[1]).query.rsplit("&signature=", 1)
    assert parse_qs(query) == {"omitZeroBalances": ["true"], "recvWindow": ["5000"], "timestamp": ["1800000000500"]}
    assert signature == hmac.new(b"canary-secret", query.encode(), hashlib.sha256).hexdigest()
    assert head["x-mbx-apikey"] == "canary-key"


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
