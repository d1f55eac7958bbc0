"""What is Binance's own: logins, sessions, signed reads."""

import hashlib
import hmac
import time

import pytest

from tests.sandbox.application import Application, Clock, sha256

PASSWORD = "correct horse"


def add_user(app: Application, **more: object) -> None:
    user = {"account": "alice", "username": "alice@example.com", "password": PASSWORD, "scope": "write", **more}
    assert app.control("users", **user) == {}


def test_a_login_gives_a_session_that_ends(app: Application, clock: Clock) -> None:
    add_user(app, session_seconds=120)
    answer = app.log_in("alice@example.com", PASSWORD)
    body = answer.json()
    assert answer.status_code == 200
    assert body == {
        "session_token": body["session_token"],
        "expires_in": 120,
        "account_id": "alice",
        "scopes": ["read", "write"],
    }
    assert app.session(body["session_token"]).json() == {"account_id": "alice", "scopes": ["read", "write"]}
    assert app.books("binance") == {
        "exchanges": 1,
        "refreshes": 0,
        "reuses": 0,
        "live": [sha256(body["session_token"])],
    }
    clock.ahead = 121
    assert app.session(body["session_token"]).status_code == 401
    assert app.books("binance")["live"] == []


def test_a_read_only_user_gets_a_read_only_session(app: Application) -> None:
    add_user(app, scope="read")
    assert app.log_in("alice@example.com", PASSWORD).json()["scopes"] == ["read"]


@pytest.mark.parametrize(("username", "password"), [("alice@example.com", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_wrong_credentials_are_all_the_same(app: Application, username: str, password: str) -> None:
    add_user(app, otp="123456")
    answer = app.log_in(username, password)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_credentials"})


def test_a_one_time_password_is_asked_for_after_the_password(app: Application) -> None:
    add_user(app, otp="123456")
    assert app.log_in("alice@example.com", PASSWORD).json() == {"error": "otp_required"}
    assert app.log_in("alice@example.com", PASSWORD, "000000").json() == {"error": "invalid_credentials"}
    assert app.log_in("alice@example.com", PASSWORD, "123456").status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"username": 1, "password": "x"}', b'{"username": "x"}'])
def test_a_malformed_login_is_refused(app: Application, body: bytes) -> None:
    answer = app.http.post(app.settings["binance"]["login_url"], content=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_logins_can_be_limited(app: Application) -> None:
    add_user(app)
    app.control("rate-limits", integration="binance", limit="1/60s")
    assert app.log_in("alice@example.com", PASSWORD).status_code == 200
    answer = app.log_in("alice@example.com", PASSWORD)
    assert (answer.status_code, answer.json()) == (429, {"error": "too_many_requests"})
    assert int(answer.headers["retry-after"]) >= 1


def test_a_session_without_a_token_is_dead(app: Application) -> None:
    assert app.http.get(app.settings["binance"]["session_url"]).status_code == 401


def test_a_key_s_permissions_follow_its_scope(app: Application) -> None:
    shown = {}
    for scope in ("read", "write"):
        made = app.control("api-keys", account="alice", scope=scope)
        answer = app.signed("restrictions_url", made["key"], made["secret"])
        assert answer.status_code == 200
        shown[scope] = answer.json()
    writing = ("enableWithdrawals", "enableSpotAndMarginTrading", "permitsUniversalTransfer")
    assert shown["read"]["enableReading"] is shown["write"]["enableReading"] is True
    assert [shown["read"][name] for name in writing] == [False] * 3
    assert [shown["write"][name] for name in writing] == [True] * 3


def test_permissions_can_be_chosen(app: Application) -> None:
    made = app.control("api-keys", account="alice", scope="read", permissions=["enableWithdrawals"])
    answer = app.signed("restrictions_url", made["key"], made["secret"]).json()
    assert (answer["enableReading"], answer["enableWithdrawals"]) == (False, True)
    assert app.signed("account_url", made["key"], made["secret"]).json()["code"] == -2015


@pytest.mark.parametrize(("account", "uid"), [("354937868", 354937868), ("alice", "alice"), ("007", "007")])
def test_the_account_is_known_by_its_uid(app: Application, account: str, uid: object) -> None:
    made = app.control("api-keys", account=account, scope="read")
    assert app.signed("account_url", made["key"], made["secret"]).json()["uid"] == uid
    assert app.books("binance", account)["live"] == [sha256(made["key"])]


def test_the_signature_covers_the_whole_query(app: Application) -> None:
    made = app.control("api-keys", account="alice", scope="read")
    headers = {"X-MBX-APIKEY": made["key"]}
    url = app.settings["binance"]["restrictions_url"]
    query = f"timestamp={int(time.time() * 1000)}&recvWindow=10000"
    signature = hmac.new(made["secret"].encode(), query.encode(), hashlib.sha256).hexdigest()
    assert app.http.get(f"{url}?{query}&signature={signature.upper()}", headers=headers).status_code == 200
    for wrong in (f"{query}&extra=1&signature={signature}", f"{query}&signature=00", query):
        answer = app.http.get(f"{url}?{wrong}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, -1022)


@pytest.mark.parametrize(("seconds", "code"), [(-6, -1021), (2, -1021), (-4, None), (0.5, None)])
def test_a_clock_that_is_off_is_refused(app: Application, clock: Clock, seconds: float, code: int | None) -> None:
    clock.stopped_at = now = time.time()
    made = app.control("api-keys", account="alice", scope="read")
    answer = app.signed("restrictions_url", made["key"], made["secret"], at=now + seconds)
    assert answer.json().get("code") == code


@pytest.mark.parametrize("query", ["", "timestamp=", "timestamp=abc", "timestamp=1&timestamp=2", "timestamp=%ff"])
def test_a_missing_timestamp_is_named(app: Application, query: str) -> None:
    made = app.control("api-keys", account="alice", scope="read")
    url = f"{app.settings['binance']['restrictions_url']}?{query}"
    answer = app.http.get(url, headers={"X-MBX-APIKEY": made["key"]})
    assert (answer.status_code, answer.json()["code"]) == (400, -1102)


def test_a_window_over_a_minute_is_refused(app: Application) -> None:
    made = app.control("api-keys", account="alice", scope="read")
    answer = app.signed("restrictions_url", made["key"], made["secret"], recvWindow="60001")
    assert answer.json()["code"] == -1102


@pytest.mark.parametrize(("key", "code"), [("", -2014), ("not a key!", -2014), ("x" * 200, -2014), ("x" * 64, -2015)])
def test_bad_and_unknown_keys_are_told_apart(app: Application, key: str, code: int) -> None:
    answer = app.signed("restrictions_url", key, "secret")
    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_death_takes_sessions_and_keys_but_not_the_password(app: Application) -> None:
    add_user(app)
    session = app.log_in("alice@example.com", PASSWORD).json()["session_token"]
    made = app.control("api-keys", account="alice", scope="read")
    assert app.control("deaths", integration="binance", account="alice") == {"ended": 2}
    assert app.session(session).status_code == 401
    assert app.signed("restrictions_url", made["key"], made["secret"]).json()["code"] == -2015
    assert app.signed("account_url", made["key"], made["secret"]).json()["code"] == -2015
    assert app.books("binance")["live"] == []
    again = app.log_in("alice@example.com", PASSWORD).json()["session_token"]
    assert app.session(again).status_code == 200


def test_only_the_keys_may_die(app: Application) -> None:
    add_user(app)
    session = app.log_in("alice@example.com", PASSWORD).json()["session_token"]
    app.control("api-keys", account="alice", scope="read")
    assert app.control("deaths", integration="binance", account="alice", kind="api_key") == {"ended": 1}
    assert app.session(session).status_code == 200
