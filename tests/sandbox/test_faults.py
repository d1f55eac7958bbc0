"""Every fault does what its name says, to the right request, so many times."""

import httpx2
import pytest

from mmt_grpc.sandbox.faults import FaultName
from tests.sandbox.application import OAUTH, Application, sha256

each_oauth = pytest.mark.parametrize("integration", OAUTH)


def counts(app: Application, integration: str) -> tuple[int, int, int]:
    books = app.books(integration)
    return books["exchanges"], books["refreshes"], books["reuses"]


def error_of(answer: httpx2.Response) -> str:
    body = answer.json()
    return str(body.get("error") or body.get("code") or body["errors"][0]["id"])


@each_oauth
def test_a_lost_answer_was_done(app: Application, integration: str) -> None:
    tokens = app.connect(integration)
    app.fault(integration, "lost_answer")
    with pytest.raises(httpx2.TransportError):
        app.refresh(integration, tokens["refresh_token"])
    assert counts(app, integration) == (1, 1, 0)
    assert app.refresh(integration, tokens["refresh_token"]).status_code in {400, 401}
    assert counts(app, integration) == (1, 1, 1)


@each_oauth
@pytest.mark.parametrize("fault", ["garbage", "bad_gateway"])
def test_a_garbled_answer_was_done(app: Application, integration: str, fault: str) -> None:
    made = app.authorize(integration)
    app.fault(integration, fault)
    answer = app.exchange(integration, made)
    assert answer.status_code == (200 if fault == "garbage" else 502)
    with pytest.raises(ValueError, match=r"."):
        answer.json()
    assert counts(app, integration) == (1, 0, 0)


@each_oauth
def test_a_slow_answer_holds_up_nobody_and_was_done(app: Application, integration: str) -> None:
    tokens = app.connect(integration)
    app.fault(integration, "slow", seconds=100)
    with (
        httpx2.Client(trust_env=False, timeout=httpx2.Timeout(60, read=0.2)) as impatient,
        pytest.raises(httpx2.ReadTimeout),
    ):
        Application(impatient, app.base_url).refresh(integration, tokens["refresh_token"])
    while counts(app, integration) != (1, 1, 0):
        """The request is on its way; the suite's timeout ends a wait that is in vain."""


def test_a_slow_answer_comes_in_the_end(app: Application) -> None:
    tokens = app.connect("acme")
    app.fault("acme", "slow", seconds=0.01)
    assert app.refresh("acme", tokens["refresh_token"]).status_code == 200


@each_oauth
@pytest.mark.parametrize(("fault", "status"), [("rate_limit", 429), ("unavailable", 503)])
def test_an_outage_does_nothing_and_says_when_to_return(
    app: Application, integration: str, fault: str, status: int
) -> None:
    tokens = app.connect(integration)
    app.fault(integration, fault)
    app.fault(integration, fault, seconds=7)
    answers = [app.refresh(integration, tokens["refresh_token"]) for _ in range(2)]
    assert [(a.status_code, a.headers["retry-after"]) for a in answers] == [(status, "1"), (status, "7")]
    assert app.refresh(integration, tokens["refresh_token"]).status_code == 200
    assert counts(app, integration) == (1, 1, 0)


@each_oauth
@pytest.mark.parametrize("fault", ["invalid_grant", "invalid_client"])
def test_a_false_refusal_spends_nothing(app: Application, integration: str, fault: str) -> None:
    tokens = app.connect(integration)
    app.fault(integration, fault, times=2)
    for _ in range(2):
        assert error_of(app.refresh(integration, tokens["refresh_token"])) == fault
    assert app.refresh(integration, tokens["refresh_token"]).status_code == 200


@each_oauth
def test_expires_in_can_be_missing(app: Application, integration: str) -> None:
    made = app.authorize(integration)
    app.fault(integration, "no_expires_in")
    tokens = app.exchange(integration, made).json()
    assert "expires_in" not in tokens
    assert "expires_in" in app.refresh(integration, tokens["refresh_token"]).json()


@each_oauth
def test_a_revocation_can_lie(app: Application, integration: str) -> None:
    token = app.connect(integration)["access_token"]
    app.fault(integration, "revoke_lies")
    assert app.revoke(integration, token).status_code == 200
    assert app.account(integration, token).status_code == 200
    assert sha256(token) in app.books(integration)["live"]
    app.revoke(integration, token)
    assert app.account(integration, token).status_code == 401


@each_oauth
def test_a_fault_is_one_account_s_and_one_integration_s(app: Application, integration: str) -> None:
    other = next(name for name in OAUTH if name != integration)
    app.fault(other, "unavailable")
    app.fault(integration, "unavailable", account="bob")
    assert app.exchange(integration, app.authorize(integration)).status_code == 200
    assert app.exchange(integration, app.authorize(integration, "bob")).status_code == 503


@each_oauth
def test_reads_are_hit_only_by_name(app: Application, integration: str) -> None:
    tokens = app.connect(integration)
    app.fault(integration, "unavailable")
    assert app.account(integration, tokens["access_token"]).status_code == 200
    assert app.refresh(integration, tokens["refresh_token"]).status_code == 503
    wanted = {"rate_limit": 429, "unavailable": 503, "invalid_grant": 401, "forbidden": 403, "garbage": 200}
    for fault, status in wanted.items():
        app.fault(integration, fault, endpoint="account")
        assert app.account(integration, tokens["access_token"]).status_code == status
    assert app.account(integration, tokens["access_token"]).status_code == 200


@each_oauth
def test_faults_happen_in_the_order_they_were_asked_for(app: Application, integration: str) -> None:
    tokens = app.connect(integration)
    app.fault(integration, "rate_limit")
    app.fault(integration, "unavailable", endpoint="revoke")
    app.fault(integration, "invalid_client")
    statuses = [app.refresh(integration, tokens["refresh_token"]).status_code for _ in range(3)]
    assert statuses == [429, 401, 200]
    assert app.revoke(integration, tokens["access_token"]).status_code == 503


def test_a_fault_can_be_taken_back(app: Application) -> None:
    tokens = app.connect("coinbase")
    app.fault("coinbase", "unavailable", times=5)
    assert app.refresh("coinbase", tokens["refresh_token"]).status_code == 503
    app.fault("coinbase", "unavailable", times=0)
    assert app.refresh("coinbase", tokens["refresh_token"]).status_code == 200


def test_coinbase_asks_for_a_second_factor_by_402(app: Application) -> None:
    tokens = app.connect("coinbase")
    app.fault("coinbase", "otp_required", endpoint="account")
    answer = app.account("coinbase", tokens["access_token"])
    assert (answer.status_code, error_of(answer)) == (402, "two_factor_required")


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("rate_limit", 429, "too_many_requests"),
        ("unavailable", 503, "unavailable"),
        ("invalid_grant", 401, "invalid_credentials"),
        ("otp_required", 401, "otp_required"),
        ("ip_ban", 418, None),
    ],
)
def test_a_login_meets_faults(app: Application, fault: str, status: int, error: str | None) -> None:
    app.control("users", account="alice", username="al", password="pw", scope="read")
    app.fault("binance", fault)
    answer = app.log_in("al", "pw")
    assert (answer.status_code, answer.json().get("error")) == (status, error)
    assert app.log_in("al", "pw").status_code == 200
    assert counts(app, "binance") == (1, 0, 0)


def test_a_login_can_say_no_expiry_and_lose_its_answer(app: Application) -> None:
    app.control("users", account="alice", username="al", password="pw", scope="read")
    app.fault("binance", "no_expires_in")
    assert "expires_in" not in app.log_in("al", "pw").json()
    app.fault("binance", "lost_answer")
    with pytest.raises(httpx2.TransportError):
        app.log_in("al", "pw")
    assert counts(app, "binance") == (2, 0, 0)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("rate_limit", 429, -1003),
        ("ip_ban", 418, -1003),
        ("unavailable", 503, -1016),
        ("invalid_grant", 401, -2015),
        ("forbidden", 401, -2015),
    ],
)
def test_a_signed_read_meets_faults(app: Application, fault: str, status: int, code: int) -> None:
    made = app.control("api-keys", account="alice", scope="read")
    for endpoint, url_name in (("restrictions", "restrictions_url"), ("account", "account_url")):
        app.fault("binance", fault, endpoint=endpoint)
        answer = app.signed(url_name, made["key"], made["secret"])
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert app.signed(url_name, made["key"], made["secret"]).status_code == 200


def test_a_session_s_probe_meets_faults(app: Application) -> None:
    app.control("users", account="alice", username="al", password="pw", scope="read")
    token = app.log_in("al", "pw").json()["session_token"]
    app.fault("binance", "unavailable", endpoint="session")
    assert [app.session(token).status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    ("integration", "fault", "more"),
    [
        ("binance", "revoke_lies", {}),
        ("binance", "invalid_client", {}),
        ("coinbase", "forbidden", {}),
        ("coinbase", "no_expires_in", {"endpoint": "revoke"}),
        ("coinbase", "invalid_grant", {"endpoint": "revoke"}),
        ("uphold", "revoke_lies", {"endpoint": "account"}),
    ],
)
def test_a_fault_that_could_never_happen_is_refused(
    app: Application, integration: str, fault: str, more: dict[str, str]
) -> None:
    body = {"integration": integration, "account": "alice", "fault": fault, "times": 1, **more}
    answer = app.http.post(f"{app.base_url}/control/faults", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("fault: ")


def test_every_documented_fault_exists() -> None:
    contract = "lost_answer slow garbage rate_limit unavailable invalid_grant invalid_client no_expires_in revoke_lies"
    assert set(contract.split()) <= set(FaultName)
