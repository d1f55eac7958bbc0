"""What is Coinbase's own."""

import pytest

from tests.sandbox.application import Application, Clock


def test_tokens_live_an_hour_and_the_refresh_token_needs_offline_access(app: Application) -> None:
    tokens = app.connect("coinbase")
    assert tokens["expires_in"] == 3600
    assert tokens["token_type"] == "bearer"
    assert "offline_access" in tokens["scope"].split()


def test_a_code_without_its_verifier_or_with_another_is_refused(app: Application) -> None:
    made = app.authorize("coinbase")
    for wrong in ("", "short", "x" * 43):
        answer = app.exchange("coinbase", {**made, "code_verifier": wrong})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert app.exchange("coinbase", made).status_code == 200


def test_another_redirect_is_refused(app: Application) -> None:
    made = app.authorize("coinbase")
    answer = app.exchange("coinbase", {**made, "redirect_uri": "https://elsewhere.example/"})
    assert answer.json()["error"] == "invalid_grant"


def test_the_client_belongs_into_the_body(app: Application) -> None:
    known = app.settings["coinbase"]
    answer = app.http.post(
        known["token_url"],
        data={"grant_type": "refresh_token", "refresh_token": "x"},
        auth=(known["client_id"], known["client_secret"]),
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_spent_refresh_token_answers_401_with_a_list_of_errors(app: Application) -> None:
    token = app.connect("coinbase")["refresh_token"]
    app.refresh("coinbase", token)
    answer = app.refresh("coinbase", token)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["id"] == "invalid_grant"


def test_an_expired_refresh_token_answers_401_with_one_error(app: Application, clock: Clock) -> None:
    token = app.connect("coinbase")["refresh_token"]
    clock.ahead = 19 * 30 * 24 * 3600
    answer = app.refresh("coinbase", token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")


def test_an_unknown_refresh_token_answers_400(app: Application) -> None:
    answer = app.refresh("coinbase", "never-given")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_the_api_says_why_a_token_is_refused(app: Application, clock: Clock) -> None:
    expired, revoked = app.connect("coinbase", access_seconds=1), app.connect("coinbase")
    app.revoke("coinbase", revoked["access_token"])
    clock.ahead = 2
    said = [
        app.account("coinbase", token).json()["errors"][0]["id"]
        for token in (expired["access_token"], revoked["access_token"], "unknown")
    ]
    assert said == ["expired_token", "revoked_token", "invalid_token"]


def test_the_granted_scopes_can_be_asked_for(app: Application) -> None:
    tokens = app.connect("coinbase", granted_scopes=["wallet:user:read"], scope_in_answer=False)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = app.http.get(app.settings["coinbase"]["scopes_url"], headers=headers)
    assert answer.json()["data"]["scopes"] == ["wallet:user:read", "offline_access"]


def test_the_account_needs_its_scope(app: Application) -> None:
    tokens = app.connect("coinbase", granted_scopes=["wallet:accounts:read"])
    answer = app.account("coinbase", tokens["access_token"])
    assert (answer.status_code, answer.json()["errors"][0]["id"]) == (403, "invalid_scope")


@pytest.mark.parametrize("bearer", ["", "Bearer other"])
def test_revoking_answers_200_for_failures_too(app: Application, bearer: str) -> None:
    tokens = app.connect("coinbase")
    url = app.settings["coinbase"]["revoke_url"]
    assert app.http.post(url, data={"token": tokens["access_token"]}, headers={"Authorization": bearer}).is_success
    assert app.revoke("coinbase", tokens["refresh_token"]).status_code == 200
    assert app.http.post(url, content=b"{").status_code == 200
    assert app.account("coinbase", tokens["access_token"]).status_code == 200
