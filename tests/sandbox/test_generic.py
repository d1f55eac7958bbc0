"""Any further OAuth integration."""

from tests.sandbox.application import Application


def test_any_name_is_an_integration(app: Application) -> None:
    app.settings["x-9_z"] = {name: url.replace("acme", "x-9_z") for name, url in app.settings["acme"].items()}
    tokens = app.connect("x-9_z", scope="write")
    assert tokens["scope"] == "read write"
    assert app.account("x-9_z", tokens["access_token"]).json() == {"data": {"id": "alice"}}


def test_the_client_may_come_by_basic_but_not_twice(app: Application) -> None:
    known, made = app.settings["acme"], app.authorize("acme")
    auth = (known["client_id"], known["client_secret"])
    form = {"grant_type": "authorization_code", **made}
    twice = app.http.post(known["token_url"], data={**form, "client_secret": known["client_secret"]}, auth=auth)
    assert twice.json()["error"] == "invalid_client"
    assert app.http.post(known["token_url"], data=form, auth=auth).status_code == 200


def test_a_verifier_for_a_code_without_challenge_is_a_downgrade(app: Application) -> None:
    url, callback = app.settings["acme"]["authorize_url"], f"{app.base_url}/acme/callback"
    asked = {"client_id": "sandbox-acme", "response_type": "code", "redirect_uri": callback, "scope": "read"}
    answer = app.http.post(url, data={**asked, "decision": "allow", "account": "alice", "scope:read": "on"})
    code = answer.headers["location"].partition("code=")[2]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback}
    assert app.post_token("acme", {**form, "code_verifier": "x" * 43}).json()["error"] == "invalid_grant"
    assert app.post_token("acme", form).status_code == 200


def test_revocation_follows_rfc_7009(app: Application) -> None:
    tokens = app.connect("acme")
    assert app.revoke("acme", "unknown").status_code == 200
    url = app.settings["acme"]["revoke_url"]
    assert app.http.post(url, data={"token": tokens["refresh_token"]}).status_code == 401
    assert app.http.post(url, content=b"{}").status_code == 400
    client = {"client_id": "sandbox-acme", "client_secret": "sandbox-acme-secret"}
    assert app.http.post(url, data=client).json()["error"] == "invalid_request"
    assert app.account("acme", tokens["access_token"]).status_code == 200
    assert app.revoke("acme", tokens["refresh_token"]).status_code == 200
    assert app.account("acme", tokens["access_token"]).status_code == 401
