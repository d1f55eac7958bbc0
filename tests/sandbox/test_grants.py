"""What holds for the codes and tokens of every OAuth exchange."""

import pytest

from tests.sandbox.application import OAUTH, Application, Clock, sha256

pytestmark = pytest.mark.parametrize("integration", OAUTH)


def is_invalid_grant(answer: object) -> bool:
    assert hasattr(answer, "status_code")
    body = answer.json()  # type: ignore[attr-defined]  # an httpx2.Response
    return answer.status_code in {400, 401} and "invalid_grant" in {
        body.get("error"),
        *(error["id"] for error in body.get("errors", [])),
    }


def test_a_code_gives_tokens_that_open_the_account(app: Application, integration: str) -> None:
    tokens = app.connect(integration)
    answer = app.account(integration, tokens["access_token"])
    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"] if integration == "uphold" else body["data"]["id"]) == "alice"


def test_the_books_show_an_account_and_what_is_live(app: Application, integration: str) -> None:
    app.authorize(integration)
    assert app.books(integration) == {"exchanges": 0, "refreshes": 0, "reuses": 0, "live": []}
    tokens = app.connect(integration)
    live = sorted([sha256(tokens["access_token"]), sha256(tokens["refresh_token"])])
    assert app.books(integration) == {"exchanges": 1, "refreshes": 0, "reuses": 0, "live": live}


def test_a_code_sent_twice_is_refused_and_ends_what_it_gave(app: Application, integration: str) -> None:
    made = app.authorize(integration)
    tokens = app.exchange(integration, made).json()
    assert is_invalid_grant(app.exchange(integration, made))
    assert app.account(integration, tokens["access_token"]).status_code == 401
    assert is_invalid_grant(app.refresh(integration, tokens["refresh_token"]))
    assert app.books(integration) == {"exchanges": 1, "refreshes": 0, "reuses": 0, "live": []}


def test_a_code_is_good_for_a_while_only(app: Application, clock: Clock, integration: str) -> None:
    made = app.authorize(integration, code_seconds=30)
    clock.ahead = 31
    assert is_invalid_grant(app.exchange(integration, made))


def test_a_code_of_another_exchange_is_unknown(app: Application, integration: str) -> None:
    made = app.authorize("uphold" if integration != "uphold" else "acme")
    assert is_invalid_grant(app.exchange(integration, made))


def test_a_refresh_token_is_spent_once_and_replaced(app: Application, integration: str) -> None:
    first = app.connect(integration)
    second = app.refresh(integration, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    third = app.refresh(integration, second["refresh_token"])
    assert third.status_code == 200
    books = app.books(integration)
    assert (books["exchanges"], books["refreshes"], books["reuses"]) == (1, 2, 0)
    assert sha256(third.json()["refresh_token"]) in books["live"]
    assert sha256(first["refresh_token"]) not in books["live"]


def test_an_access_token_lives_on_beside_its_successor(app: Application, integration: str) -> None:
    first = app.connect(integration)
    app.refresh(integration, first["refresh_token"])
    assert app.account(integration, first["access_token"]).status_code == 200


def test_a_spent_refresh_token_ends_the_whole_chain(app: Application, integration: str) -> None:
    first = app.connect(integration)
    second = app.refresh(integration, first["refresh_token"]).json()
    assert is_invalid_grant(app.refresh(integration, first["refresh_token"]))
    assert is_invalid_grant(app.refresh(integration, second["refresh_token"]))
    assert app.account(integration, first["access_token"]).status_code == 401
    assert app.account(integration, second["access_token"]).status_code == 401
    assert app.books(integration) == {"exchanges": 1, "refreshes": 1, "reuses": 1, "live": []}


def test_one_chain_ends_without_the_account_s_other_one(app: Application, integration: str) -> None:
    first, other = app.connect(integration), app.connect(integration)
    app.refresh(integration, first["refresh_token"])
    app.refresh(integration, first["refresh_token"])
    assert app.account(integration, other["access_token"]).status_code == 200


def test_an_expired_access_token_is_refused_and_refreshed(app: Application, clock: Clock, integration: str) -> None:
    tokens = app.connect(integration, access_seconds=2.5)
    assert tokens["expires_in"] == 2.5
    clock.ahead = 3
    assert app.account(integration, tokens["access_token"]).status_code == 401
    assert sha256(tokens["access_token"]) not in app.books(integration)["live"]
    again = app.refresh(integration, tokens["refresh_token"]).json()
    assert again["expires_in"] == 2.5
    assert app.account(integration, again["access_token"]).status_code == 200


def test_access_tokens_expired_long_ago_are_forgotten(app: Application, clock: Clock, integration: str) -> None:
    tokens = app.connect(integration, access_seconds=1)
    clock.ahead = 700
    again = app.refresh(integration, tokens["refresh_token"]).json()
    assert app.account(integration, tokens["access_token"]).status_code == 401
    assert app.account(integration, again["access_token"]).status_code == 200


def test_an_expired_refresh_token_is_refused(app: Application, clock: Clock, integration: str) -> None:
    tokens = app.connect(integration, refresh_seconds=60)
    clock.ahead = 61
    assert is_invalid_grant(app.refresh(integration, tokens["refresh_token"]))
    assert app.books(integration)["reuses"] == 0


def test_without_offline_access_there_is_no_refresh_token(app: Application, integration: str) -> None:
    tokens = app.connect(integration, refreshable=False)
    assert "refresh_token" not in tokens
    assert "offline_access" not in tokens["scope"]
    assert app.books(integration)["live"] == [sha256(tokens["access_token"])]


def test_an_access_token_is_no_refresh_token_nor_the_reverse(app: Application, integration: str) -> None:
    tokens = app.connect(integration)
    assert is_invalid_grant(app.refresh(integration, tokens["access_token"]))
    assert app.account(integration, tokens["refresh_token"]).status_code == 401
    assert app.account(integration, tokens["access_token"]).status_code == 200


def test_when_the_user_withdraws_everything_of_the_account_dies(app: Application, integration: str) -> None:
    first, other = app.connect(integration), app.connect(integration)
    bystander = app.connect(integration, "bob")
    assert app.control("deaths", integration=integration, account="alice") == {"ended": 4}
    for tokens in (first, other):
        assert app.account(integration, tokens["access_token"]).status_code == 401
        assert is_invalid_grant(app.refresh(integration, tokens["refresh_token"]))
    assert app.books(integration)["live"] == []
    assert app.books(integration)["reuses"] == 0
    assert app.refresh(integration, bystander["refresh_token"]).status_code == 200


def test_only_the_access_tokens_may_die(app: Application, integration: str) -> None:
    tokens = app.connect(integration)
    assert app.control("deaths", integration=integration, account="alice", kind="access") == {"ended": 1}
    assert app.account(integration, tokens["access_token"]).status_code == 401
    assert app.refresh(integration, tokens["refresh_token"]).status_code == 200


def test_after_a_death_the_user_can_authorize_again(app: Application, integration: str) -> None:
    app.connect(integration)
    app.control("deaths", integration=integration, account="alice")
    tokens = app.connect(integration)
    assert app.account(integration, tokens["access_token"]).status_code == 200


def test_revoking_ends_the_refresh_token_too(app: Application, integration: str) -> None:
    tokens = app.connect(integration)
    assert app.revoke(integration, tokens["access_token"]).status_code == 200
    assert app.account(integration, tokens["access_token"]).status_code == 401
    assert is_invalid_grant(app.refresh(integration, tokens["refresh_token"]))
    assert app.books(integration)["live"] == []


def test_write_grants_more_scopes_than_read(app: Application, integration: str) -> None:
    read = set(app.connect(integration)["scope"].split())
    write = set(app.connect(integration, scope="write")["scope"].split())
    assert read < write


def test_the_granted_scopes_may_be_fewer_and_unsaid(app: Application, integration: str) -> None:
    tokens = app.connect(integration, granted_scopes=["user:read"], scope_in_answer=False)
    assert "scope" not in tokens


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password", "username": "alice", "password": "x"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": ""}, "invalid_request"),
    ],
)
def test_a_malformed_token_request_is_named(
    app: Application, integration: str, form: dict[str, str], error: str
) -> None:
    answer = app.post_token(integration, form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_repeated_parameter_and_another_content_type_are_refused(app: Application, integration: str) -> None:
    url = app.settings[integration]["token_url"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = app.http.post(url, content=b"grant_type=refresh_token&grant_type=password", headers=form)
    json = app.http.post(url, json={"grant_type": "refresh_token"})
    assert [answer.json()["error"] for answer in (twice, json)] == ["invalid_request"] * 2


def test_a_wrong_client_is_refused_and_spends_nothing(app: Application, integration: str) -> None:
    made = app.authorize(integration)
    for name in ("client_id", "client_secret"):
        right = app.settings[integration][name]
        app.settings[integration][name] = "wrong"
        answer = app.exchange(integration, made)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        app.settings[integration][name] = right
    assert app.exchange(integration, made).status_code == 200


def test_token_answers_are_not_to_be_stored(app: Application, integration: str) -> None:
    assert app.exchange(integration, app.authorize(integration)).headers["cache-control"] == "no-store"
