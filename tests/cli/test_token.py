"""The verbs of `mmt token` against a real installation."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from tests.cli.running import answer, refusal, run_on
from tests.support.dev import RunningDev

TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


@pytest.fixture
def connect(shared_dev: RunningDev, someone: Callable[[], str]) -> Callable[..., Result]:
    """Connect a new user of Coinbase."""

    def connecting(*arguments: str, scope: str = "read", key: str = "write", user: str | None = None) -> Result:
        account = user or someone()
        made = shared_dev.control("authorizations", {"integration": "coinbase", "account": account, "scope": scope})
        return run_on(
            shared_dev, "token", "connect", "--integration", "coinbase", "--end-user-id", account, "--scope", scope,
            "--code", made["code"], "--redirect-uri", made["redirect_uri"], "--code-verifier", made["code_verifier"],
            *arguments, key=key,
        )  # fmt: skip

    return connecting


@pytest.fixture
def token_id(connect: Callable[..., Result]) -> str:
    connected: dict[str, str] = answer(connect("--json"))
    return connected["token_id"]


def resolve(dev: RunningDev, token_id: str, *arguments: str, scope: str = "read", key: str = "write") -> Result:
    return run_on(dev, "token", "resolve", "--token-id", token_id, "--required-scope", scope, *arguments, key=key)


def accepted(dev: RunningDev, account: str) -> list[str]:
    live: list[str] = dev.control("books")["coinbase"][account]["live"]
    return live


def test_a_connection_is_told_to_programs_field_by_field(connect: Callable[..., Result]) -> None:
    connected = answer(connect("--json"))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", connected.pop("token_id"))
    assert TIME.fullmatch(connected.pop("expire_time"))
    assert connected == {"outcome": "created", "integration": "coinbase", "scope": "read", "refreshable": True}


def test_the_same_user_again_gets_the_same_token_id(connect: Callable[..., Result], someone: Callable[[], str]) -> None:
    user = someone()
    first, second = (answer(connect("--json", user=user)) for _ in range(2))
    assert (first["token_id"], second["outcome"]) == (second["token_id"], "reauthenticated")


def test_people_see_a_credential_masked(shared_dev: RunningDev, token_id: str) -> None:
    result = resolve(shared_dev, token_id)
    assert result.exit_code == 0
    assert re.search(r"^access token +•••• \(--show-credential prints it\)$", result.stdout, re.MULTILINE)
    assert re.search(r"^generation +1$", result.stdout, re.MULTILINE)


def test_people_see_a_credential_if_they_ask_for_it_and_programs_always(shared_dev: RunningDev, token_id: str) -> None:
    resolved = answer(resolve(shared_dev, token_id, "--json"))
    shown = resolve(shared_dev, token_id, "--show-credential").stdout
    assert len(resolved["access_token"]) > 20
    assert f"access token  {resolved['access_token']}" in shown
    assert TIME.fullmatch(resolved["use_until"])
    assert (resolved["scope"], resolved["generation"], resolved["integration"]) == ("read", 1, "coinbase")


def test_a_rejected_generation_brings_another_credential(shared_dev: RunningDev, token_id: str) -> None:
    before = answer(resolve(shared_dev, token_id, "--json"))
    after = answer(resolve(shared_dev, token_id, "--rejected-generation", "1", "--json"))
    assert (before["generation"], after["generation"]) == (1, 2)
    assert before["access_token"] != after["access_token"]


def test_an_end_user_who_is_not_the_tokens_gets_nothing(shared_dev: RunningDev, token_id: str) -> None:
    told = refusal(resolve(shared_dev, token_id, "--end-user-id", "somebody else", "--json"))
    assert told["reason"] == "TOKEN_NOT_FOUND"


def test_a_refusal_is_told_to_programs_with_all_it_says(shared_dev: RunningDev, token_id: str) -> None:
    assert refusal(resolve(shared_dev, token_id, "--json", scope="write")) == {
        "reason": "SCOPE_MISMATCH",
        "code": "PERMISSION_DENIED",
        "message": "The token or the caller lacks the scope.",
        "metadata": {"granted_scope": "SCOPE_READ", "required_scope": "SCOPE_WRITE"},
        "violations": [],
        "retry_after": None,
    }


def test_a_refusal_is_told_to_people_line_by_line(shared_dev: RunningDev) -> None:
    result = resolve(shared_dev, "no-uuid")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "mmt: INVALID_REQUEST: The request is malformed.",
        "  token_id: must be of the documented form",
    ]


@pytest.mark.parametrize(
    ("scope", "key", "allowed", "granted"),
    [
        ("read", "write", True, "read"),
        ("write", "write", False, "read"),
        ("read", "read", True, "read"),
    ],
)
def test_check_scope_answers_by_its_exit_status_too(
    shared_dev: RunningDev, token_id: str, scope: str, key: str, granted: str, *, allowed: bool
) -> None:
    result = run_on(
        shared_dev, "token", "check-scope", "--token-id", token_id, "--required-scope", scope, "--json", key=key
    )
    assert result.exit_code == (0 if allowed else 1)
    assert json.loads(result.stdout) == {"allowed": allowed, "granted_scope": granted}


def test_a_revoked_token_is_gone_here_and_at_the_exchange(
    shared_dev: RunningDev, connect: Callable[..., Result], someone: Callable[[], str]
) -> None:
    user = someone()
    token_id = answer(connect("--json", user=user))["token_id"]
    assert accepted(shared_dev, user)
    revoked = answer(run_on(shared_dev, "token", "revoke", "--token-id", token_id, "--json"))
    assert (revoked["upstream"], accepted(shared_dev, user)) == ("revoked", [])
    assert TIME.fullmatch(revoked["revoke_time"])
    again = refusal(run_on(shared_dev, "token", "revoke", "--token-id", token_id, "--json"))
    assert again["reason"] == "TOKEN_NOT_FOUND"


def test_a_request_id_makes_a_retry_safe(shared_dev: RunningDev, someone: Callable[[], str]) -> None:
    user = someone()
    made = shared_dev.control("authorizations", {"integration": "uphold", "account": user, "scope": "read"})
    tries: list[dict[str, Any]] = [
        answer(
            run_on(
                shared_dev, "token", "connect", "--integration", "uphold", "--end-user-id", user, "--scope", "read",
                "--code", made["code"], "--redirect-uri", made["redirect_uri"], "--request-id", user, "--json",
            )
        )
        for _ in range(2)
    ]  # fmt: skip
    assert tries[0] == tries[1]
    assert shared_dev.control("books")["uphold"][user]["exchanges"] == 1


def test_another_account_needs_the_users_word(shared_dev: RunningDev, someone: Callable[[], str]) -> None:
    user = someone()

    def bring_key(account: str, *arguments: str) -> Result:
        made = shared_dev.control("api-keys", {"account": account, "scope": "read"})
        return run_on(
            shared_dev, "token", "connect", "--integration", "binance", "--end-user-id", user, "--scope", "read",
            "--key", made["key"], "--secret", made["secret"], "--json", *arguments,
        )  # fmt: skip

    token_id = answer(bring_key(someone()))["token_id"]
    other = someone()
    assert refusal(bring_key(other))["reason"] == "ACCOUNT_MISMATCH"
    assert answer(bring_key(other, "--allow-account-change"))["token_id"] == token_id
    assert set(answer(resolve(shared_dev, token_id, "--json"))) >= {"key", "secret"}


def test_a_client_id_that_is_not_the_keys_is_refused(shared_dev: RunningDev, token_id: str) -> None:
    own = resolve(shared_dev, token_id, "--client-id", shared_dev.client_id)
    told = refusal(resolve(shared_dev, token_id, "--client-id", "cl_another", "--json"))
    assert (own.exit_code, told["reason"]) == (0, "CALLER_FORBIDDEN")


def test_a_server_that_is_not_there_is_a_failure_without_a_reason(shared_dev: RunningDev) -> None:
    result = run_on(shared_dev, "token", "revoke", "--token-id", "t", "--json", MMT_ADDRESS="127.0.0.1:1")
    told = refusal(result)
    assert (told["reason"], told["code"], told["message"]) == (None, "UNAVAILABLE", "The server cannot be reached.")
