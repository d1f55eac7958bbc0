"""The authorize page, as a browser uses it."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from tests.sandbox.application import Application, challenge_for

VERIFIER = "v" * 43
EVIL = '"><script>alert(1)</script>'


class Form(HTMLParser):
    """The page's form as a browser would submit it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        if tag == "input" and (name := values.get("name")):
            self.fields[name] = values.get("value") or ""


def asked_of(app: Application, integration: str, **changes: str | None) -> dict[str, str]:
    asked = {
        "client_id": f"sandbox-{integration}",
        "response_type": "code",
        "redirect_uri": f"{app.base_url}/{integration}/callback",
        "scope": "wallet:user:read offline_access" if integration == "coinbase" else "user:read",
        "state": "state-of-8+",
        "code_challenge": challenge_for(VERIFIER),
        "code_challenge_method": "S256",
    } | changes
    return {name: value for name, value in asked.items() if value is not None}


def decide(app: Application, integration: str, decision: str, account: str = "alice", **asked: str) -> httpx2.Response:
    url = app.settings[integration]["authorize_url"]
    page = app.http.get(url, params=asked_of(app, integration, **asked))
    assert page.status_code == 200
    fields = Form(page.text).fields
    return app.http.post(url, data={**fields, "account": account, "decision": decision})


def answer_of(response: httpx2.Response) -> dict[str, str]:
    assert response.status_code == 303
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


@pytest.mark.parametrize("integration", ["coinbase", "uphold", "acme"])
def test_allow_sends_a_code_that_gives_tokens(app: Application, integration: str) -> None:
    answer = answer_of(decide(app, integration, "allow"))
    assert answer.keys() == {"code", "state"}
    assert answer["state"] == "state-of-8+"
    made = {
        "code": answer["code"],
        "redirect_uri": f"{app.base_url}/{integration}/callback",
        "code_verifier": VERIFIER,
    }
    tokens = app.exchange(integration, made).json()
    assert tokens["refresh_token"]
    assert app.account(integration, tokens["access_token"]).status_code == 200


@pytest.mark.parametrize("integration", ["coinbase", "uphold", "acme"])
def test_deny_sends_access_denied(app: Application, integration: str) -> None:
    assert answer_of(decide(app, integration, "deny")) == {"error": "access_denied", "state": "state-of-8+"}


def test_the_page_shows_who_asks_for_what(app: Application) -> None:
    page = app.http.get(app.settings["coinbase"]["authorize_url"], params=asked_of(app, "coinbase"))
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for shown in ("Coinbase", "sandbox-coinbase", "wallet:user:read", "offline_access", "/coinbase/callback"):
        assert shown in page.text


def test_the_page_can_run_no_script_and_be_framed_by_nobody(app: Application) -> None:
    page = app.http.get(app.settings["coinbase"]["authorize_url"], params=asked_of(app, "coinbase"))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["cache-control"] == "no-store"


def test_everything_on_the_page_is_escaped(app: Application) -> None:
    asked = asked_of(app, "acme", scope="a'b<i>", state=EVIL)
    url = app.settings["acme"]["authorize_url"]
    for page in (
        app.http.get(url, params=asked),
        app.http.post(url, data={**asked, "decision": "allow", "account": EVIL + "\n"}),
        app.http.post(url, data={**asked, "decision": "perhaps", "account": EVIL}),
        app.http.get(f"{app.base_url}/acme/callback", params={"code": EVIL, "state": EVIL}),
    ):
        assert not {"script", "i"} & set(Form(page.text).tags)
    assert Form(app.http.get(url, params=asked).text).fields["state"] == EVIL


def test_a_user_may_grant_fewer_scopes(app: Application) -> None:
    asked = asked_of(app, "coinbase")
    form = {**asked, "decision": "allow", "account": "alice", "scope:wallet:user:read": "on"}
    answer = answer_of(app.http.post(app.settings["coinbase"]["authorize_url"], data=form))
    made = {"code": answer["code"], "redirect_uri": asked["redirect_uri"], "code_verifier": VERIFIER}
    tokens = app.exchange("coinbase", made).json()
    assert tokens["scope"] == "wallet:user:read"
    assert "refresh_token" not in tokens


@pytest.mark.parametrize("account", ["", "   ", "a" * 257, "a\x00b"])
def test_an_account_has_to_be_typed_in(app: Application, account: str) -> None:
    page = decide(app, "coinbase", "allow", account)
    assert page.status_code == 400
    assert "Type the account" in page.text


@pytest.mark.parametrize(
    ("integration", "changes", "error"),
    [
        ("coinbase", {"code_challenge": None}, "invalid_request"),
        ("coinbase", {"code_challenge_method": None}, "invalid_request"),
        ("coinbase", {"code_challenge_method": "plain"}, "invalid_request"),
        ("coinbase", {"code_challenge": "short"}, "invalid_request"),
        ("coinbase", {"state": "short"}, "invalid_request"),
        ("coinbase", {"response_type": "token"}, "unsupported_response_type"),
        ("coinbase", {"scope": ""}, "invalid_scope"),
        ("coinbase", {"scope": "caf\u00e9"}, "invalid_scope"),
        ("uphold", {"state": None}, "invalid_request"),
        ("acme", {"response_type": None}, "unsupported_response_type"),
    ],
)
def test_a_wrong_request_goes_back_with_its_error(
    app: Application, integration: str, changes: dict[str, str | None], error: str
) -> None:
    asked = asked_of(app, integration, **changes)
    url = app.settings[integration]["authorize_url"]
    for response in (app.http.get(url, params=asked), app.http.post(url, data={**asked, "decision": "allow"})):
        assert answer_of(response)["error"] == error


@pytest.mark.parametrize(
    ("integration", "changes"),
    [
        ("coinbase", {"client_id": "somebody-else"}),
        ("coinbase", {"client_id": None}),
        ("coinbase", {"redirect_uri": "https://evil.example/callback"}),
        ("coinbase", {"redirect_uri": "http://127.0.0.1@evil.example/"}),
        ("coinbase", {"redirect_uri": "http://127.0.0.1\\@evil.example/"}),
        ("coinbase", {"redirect_uri": "javascript:alert(1)"}),
        ("coinbase", {"redirect_uri": "http://127.0.0.1/#fragment"}),
        ("coinbase", {"redirect_uri": "http://127.0.0.1/a b"}),
        ("coinbase", {"redirect_uri": "http://[::1/"}),
        ("coinbase", {"redirect_uri": "http://127.0.0.1:99999/"}),
        ("uphold", {"redirect_uri": "http://127.0.0.1:8000/callback"}),
    ],
)
def test_a_request_that_nobody_vouches_for_is_never_sent_back(
    app: Application, integration: str, changes: dict[str, str | None]
) -> None:
    asked = asked_of(app, integration, **changes)
    url = app.settings[integration]["authorize_url"]
    for response in (app.http.get(url, params=asked), app.http.post(url, data={**asked, "decision": "deny"})):
        assert response.status_code == 400
        assert "location" not in response.headers


@pytest.mark.parametrize("redirect_uri", ["http://127.0.0.1:8000/cb?x=1", "http://localhost/cb", "https://[::1]:1/cb"])
def test_an_application_on_this_machine_may_be_the_redirect(app: Application, redirect_uri: str) -> None:
    response = decide(app, "coinbase", "allow", redirect_uri=redirect_uri)
    assert response.headers["location"].startswith(redirect_uri + ("&" if "?" in redirect_uri else "?"))
    made = {"code": answer_of(response)["code"], "redirect_uri": redirect_uri, "code_verifier": VERIFIER}
    assert app.exchange("coinbase", made).status_code == 200


def test_uphold_needs_neither_client_nor_redirect_in_the_query(app: Application) -> None:
    page = app.http.get(app.settings["uphold"]["authorize_url"], params={"scope": "user:read", "state": "s"})
    assert page.status_code == 200


def test_a_parameter_there_twice_is_refused(app: Application) -> None:
    query = urlencode(asked_of(app, "coinbase")) + "&state=another-one"
    assert app.http.get(f"{app.settings['coinbase']['authorize_url']}?{query}").status_code == 400


def test_the_callback_shows_the_code(app: Application) -> None:
    response = decide(app, "coinbase", "allow")
    page = app.http.get(response.headers["location"])
    assert answer_of(response)["code"] in page.text
    assert app.http.get(f"{app.base_url}/coinbase/callback?a=1&a=2").status_code == 400
