"""The control endpoints name the field that is wrong and repeat no value."""

import json
from typing import Any

import pytest

from tests.sandbox.application import Application

AUTHORIZATION = {"integration": "coinbase", "account": "alice", "scope": "read"}
USER = {"account": "alice", "username": "al", "password": "pw", "scope": "read"}
KEY = {"account": "alice", "scope": "read"}
FAULT = {"integration": "coinbase", "account": "alice", "fault": "slow", "times": 1}
SECRET = "s3cr3t-canary"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("authorizations", {**AUTHORIZATION, "integration": "Coinbase"}, "integration"),
        ("authorizations", {**AUTHORIZATION, "integration": "control"}, "integration"),
        ("authorizations", {**AUTHORIZATION, "integration": "binance"}, "integration"),
        ("authorizations", {**AUTHORIZATION, "integration": "x" * 64}, "integration"),
        ("authorizations", {**AUTHORIZATION, "integration": None}, "integration"),
        ("authorizations", {**AUTHORIZATION, "account": ""}, "account"),
        ("authorizations", {**AUTHORIZATION, "account": 7}, "account"),
        ("authorizations", {**AUTHORIZATION, "account": "a\nb"}, "account"),
        ("authorizations", {**AUTHORIZATION, "account": "\ud800"}, "account"),
        ("authorizations", {**AUTHORIZATION, "account": "a" * 257}, "account"),
        ("authorizations", {**AUTHORIZATION, "scope": "SCOPE_READ"}, "scope"),
        ("authorizations", {**AUTHORIZATION, "scope": []}, "scope"),
        ("authorizations", {**AUTHORIZATION, "access_seconds": 0}, "access_seconds"),
        ("authorizations", {**AUTHORIZATION, "access_seconds": "60"}, "access_seconds"),
        ("authorizations", {**AUTHORIZATION, "access_seconds": True}, "access_seconds"),
        ("authorizations", {**AUTHORIZATION, "access_seconds": 1e300}, "access_seconds"),
        ("authorizations", {**AUTHORIZATION, "refreshable": "no"}, "refreshable"),
        ("authorizations", {**AUTHORIZATION, "granted_scopes": "read"}, "granted_scopes"),
        ("authorizations", {**AUTHORIZATION, "granted_scopes": ["a b"]}, "granted_scopes"),
        ("authorizations", {**AUTHORIZATION, "acess_seconds": 60}, "acess_seconds"),
        ("users", {**USER, "username": ""}, "username"),
        ("users", {**USER, "username": "\udfff"}, "username"),
        ("users", {**USER, "password": "p" * 8193}, "password"),
        ("users", {**USER, "otp": 123456}, "otp"),
        ("users", {**USER, "session_seconds": -1}, "session_seconds"),
        ("api-keys", {**KEY, "scope": None}, "scope"),
        ("api-keys", {**KEY, "permissions": ["enableEverything"]}, "permissions"),
        ("faults", {**FAULT, "fault": "explode"}, "fault"),
        ("faults", {**FAULT, "times": -1}, "times"),
        ("faults", {**FAULT, "times": 1.5}, "times"),
        ("faults", {**FAULT, "seconds": 301}, "seconds"),
        ("faults", {**FAULT, "endpoint": "page"}, "endpoint"),
        ("deaths", {"integration": "coinbase", "account": "nobody"}, "account"),
        ("deaths", {"integration": "coinbase", "account": "alice", "kind": "code"}, "kind"),
        ("rate-limits", {"integration": "uphold", "limit": "50 per minute"}, "limit"),
        ("rate-limits", {"integration": "uphold", "limit": "0/1s"}, "limit"),
    ],
)
def test_a_wrong_field_is_named(app: Application, path: str, body: dict[str, Any], field: str) -> None:
    answer = app.http.post(f"{app.base_url}/control/{path}", content=json.dumps(body))
    assert answer.status_code == 400
    assert answer.json().keys() == {"error"}
    assert answer.json()["error"].startswith(f"{field}: ")


@pytest.mark.parametrize("content", [b"", b"[]", b'"x"', b"{", b"\xff", b"[" * 30_000, b'{"times": NaN}'])
def test_a_body_that_is_no_object_is_refused(app: Application, content: bytes) -> None:
    answer = app.http.post(f"{app.base_url}/control/faults", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("body: ")


def test_no_value_is_repeated(app: Application) -> None:
    for path, body in (("users", USER), ("authorizations", AUTHORIZATION)):
        for field in body:
            wrong = app.http.post(f"{app.base_url}/control/{path}", json={**body, field: [SECRET]})
            assert wrong.status_code == 400
            assert SECRET not in wrong.text


def test_unknown_paths_and_other_methods(app: Application) -> None:
    assert app.http.get(f"{app.base_url}/control/nothing").status_code == 404
    answer = app.http.get(f"{app.base_url}/control/users")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert app.http.post(f"{app.base_url}/control/books").headers["allow"] == "GET"


def test_the_content_type_of_a_control_body_does_not_matter(app: Application) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = app.http.post(f"{app.base_url}/control/api-keys", content=b'{"account":"a","scope":"read"}', headers=form)
    assert answer.json().keys() == {"key", "secret"}


def test_health_answers(app: Application) -> None:
    answer = app.http.get(f"{app.base_url}/control/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_books_can_be_narrowed(app: Application) -> None:
    for integration, account in (("coinbase", "alice"), ("coinbase", "bob"), ("uphold", "alice")):
        app.authorize(integration, account)
    url = f"{app.base_url}/control/books"
    whole = app.http.get(url).json()
    assert {name: set(accounts) for name, accounts in whole.items()} == {
        "coinbase": {"alice", "bob"},
        "uphold": {"alice"},
    }
    assert app.http.get(url, params={"integration": "coinbase", "account": "bob"}).json() == {
        "coinbase": {"bob": whole["coinbase"]["bob"]}
    }
    assert app.http.get(url, params={"acount": "bob"}).status_code == 400


def test_a_user_can_be_replaced(app: Application) -> None:
    app.control("users", **USER)
    app.control("users", **{**USER, "password": "new"})
    assert app.log_in("al", "pw").status_code == 401
    assert app.log_in("al", "new").status_code == 200


def test_a_rate_limit_can_be_lifted(app: Application) -> None:
    app.control("rate-limits", integration="acme", limit="1/300s")
    first, second = (app.exchange("acme", app.authorize("acme")).status_code for _ in range(2))
    assert (first, second) == (200, 429)
    app.control("rate-limits", integration="acme")
    assert app.exchange("acme", app.authorize("acme")).status_code == 200
