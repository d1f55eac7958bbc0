"""What is Uphold's own."""

import httpx2

from mmt_grpc.sandbox import SandboxServer
from tests.sandbox.application import Application, Clock


def test_a_refreshable_token_says_3599_seconds(app: Application) -> None:
    assert app.connect("uphold")["expires_in"] == 3599


def test_a_token_without_a_refresh_token_never_expires(app: Application, clock: Clock) -> None:
    tokens = app.connect("uphold", refreshable=False)
    assert tokens["expires_in"] is None
    assert "refresh_token" not in tokens
    clock.ahead = 50 * 365 * 24 * 3600
    assert app.account("uphold", tokens["access_token"]).status_code == 200


def test_a_code_lives_five_minutes(app: Application, clock: Clock) -> None:
    made = app.authorize("uphold")
    clock.ahead = 299
    assert app.exchange("uphold", made).status_code == 200
    late = app.authorize("uphold")
    clock.ahead += 301
    assert app.exchange("uphold", late).json()["error"] == "invalid_grant"


def test_there_is_no_pkce_and_no_redirect_to_repeat(app: Application) -> None:
    made = app.authorize("uphold")
    assert made["code_verifier"] == ""
    form = {"grant_type": "authorization_code", "code": made["code"], "code_verifier": "x" * 43, "redirect_uri": "x"}
    assert app.post_token("uphold", form).status_code == 200


def test_the_client_belongs_into_http_basic(app: Application) -> None:
    known = app.settings["uphold"]
    client = {"client_id": known["client_id"], "client_secret": known["client_secret"]}
    form = {"grant_type": "refresh_token", "refresh_token": "x", **client}
    answer = app.http.post(known["token_url"], data=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    broken = app.http.post(known["token_url"], data=form, headers={"Authorization": "Basic !!!"})
    assert broken.json()["error"] == "invalid_client"


def test_revoking_what_is_gone_answers_401(app: Application) -> None:
    token = app.connect("uphold")["access_token"]
    assert app.revoke("uphold", token).status_code == 200
    assert app.revoke("uphold", token).status_code == 401


def test_a_refresh_token_can_be_revoked(app: Application) -> None:
    tokens = app.connect("uphold")
    assert app.revoke("uphold", tokens["refresh_token"]).status_code == 200
    assert app.account("uphold", tokens["access_token"]).status_code == 401


def test_revoking_wants_the_token_twice(app: Application) -> None:
    token = app.connect("uphold")["access_token"]
    answer = app.http.post(app.settings["uphold"]["revoke_url"], data={"token": token})
    assert answer.status_code == 400
    assert app.account("uphold", token).status_code == 200


def test_a_one_time_password_is_asked_for_in_a_header(app: Application) -> None:
    tokens = app.connect("uphold")
    app.fault("uphold", "otp_required", endpoint="account")
    answer = app.account("uphold", tokens["access_token"])
    assert (answer.status_code, answer.headers["otp-token"]) == (401, "Required")
    assert app.account("uphold", tokens["access_token"]).status_code == 200


def test_the_token_endpoint_takes_so_many_requests_per_window(clock: Clock) -> None:
    limits = {"uphold": "2/300s"}
    with SandboxServer(clock=clock, rate_limits=limits) as sandbox, httpx2.Client(trust_env=False) as http:
        app = Application(http, sandbox.base_url)
        tokens = app.connect("uphold")
        tokens = app.refresh("uphold", tokens["refresh_token"]).json()
        refused = app.refresh("uphold", tokens["refresh_token"])
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 300
        assert app.account("uphold", tokens["access_token"]).status_code == 200
        assert app.connect("coinbase")
        clock.ahead = 301
        assert app.refresh("uphold", tokens["refresh_token"]).status_code == 200
