"""What the sandbox remembers over a restart, and what its file does not hold."""

import itertools
import sqlite3
import stat
from pathlib import Path

import httpx2
import pytest

from mmt_grpc.sandbox import SandboxServer, journal
from tests.sandbox.application import OAUTH, Application


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.db"


def test_tokens_stay_refreshable_over_a_restart(state: Path) -> None:
    with httpx2.Client(trust_env=False) as http:
        with SandboxServer(state_file=state) as sandbox:
            app = Application(http, sandbox.base_url)
            tokens = {name: app.connect(name) for name in OAUTH}
            made = app.authorize("coinbase")
            before = http.get(f"{app.base_url}/control/books").json()
        with SandboxServer(state_file=state) as sandbox:
            app = Application(http, sandbox.base_url)
            assert http.get(f"{app.base_url}/control/books").json() == before
            assert app.exchange("coinbase", made).status_code == 200
            for name in OAUTH:
                assert app.account(name, tokens[name]["access_token"]).status_code == 200
                assert app.refresh(name, tokens[name]["refresh_token"]).status_code == 200
        with SandboxServer(state_file=state) as sandbox:
            app = Application(http, sandbox.base_url)
            assert app.refresh("coinbase", tokens["coinbase"]["refresh_token"]).status_code == 401
            assert app.books("coinbase")["reuses"] == 1


def test_users_keys_and_deaths_are_remembered(state: Path) -> None:
    with httpx2.Client(trust_env=False) as http:
        with SandboxServer(state_file=state) as sandbox:
            app = Application(http, sandbox.base_url)
            app.control("users", account="alice", username="al", password="pw", otp="1", scope="read")
            made = app.control("api-keys", account="alice", scope="read")
            session = app.log_in("al", "pw", "1").json()["session_token"]
            dead = app.connect("coinbase")["access_token"]
            app.control("deaths", integration="coinbase", account="alice")
        with SandboxServer(state_file=state) as sandbox:
            app = Application(http, sandbox.base_url)
            assert app.log_in("al", "pw", "1").status_code == 200
            assert app.session(session).status_code == 200
            assert app.signed("account_url", made["key"], made["secret"]).status_code == 200
            assert app.account("coinbase", dead).status_code == 401


def test_what_was_answered_is_on_disk_before_the_answer(state: Path) -> None:
    with SandboxServer(state_file=state) as sandbox, httpx2.Client(trust_env=False) as http:
        app = Application(http, sandbox.base_url)
        tokens = app.connect("coinbase")
        copy = state.with_name("copy.db")
        for suffix in ("", "-wal"):
            Path(f"{copy}{suffix}").write_bytes(Path(f"{state}{suffix}").read_bytes())
        with SandboxServer(state_file=copy) as other:
            there = Application(http, other.base_url)
            assert there.refresh("coinbase", tokens["refresh_token"]).status_code == 200


def test_the_files_are_private_and_hold_no_credential(state: Path) -> None:
    with SandboxServer(state_file=state) as sandbox, httpx2.Client(trust_env=False) as http:
        app = Application(http, sandbox.base_url)
        made = app.authorize("coinbase")
        tokens = app.exchange("coinbase", made).json()
        app.control("users", account="alice", username="al", password="canary-pass", otp="canary-otp", scope="read")
        session = app.log_in("al", "canary-pass", "canary-otp").json()["session_token"]
        key = app.control("api-keys", account="alice", scope="read")
        files = list(state.parent.glob("sandbox.db*"))
        assert len(files) == 2
        written = b"".join(path.read_bytes() for path in files)
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert b"alice" in written
    secrets = [*made.values(), tokens["access_token"], tokens["refresh_token"], session, *key.values()]
    for secret in [*secrets, "canary-pass", "canary-otp", "sandbox-coinbase-secret"]:
        assert secret.startswith("http") or secret.encode() not in written


def test_a_file_that_was_there_is_made_private(state: Path) -> None:
    state.touch(mode=0o644)
    with SandboxServer(state_file=state):
        assert stat.S_IMODE(state.stat().st_mode) == 0o600


def test_two_sandboxes_cannot_share_a_file(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_BUSY_SECONDS", 0.01)
    with SandboxServer(state_file=state), pytest.raises(sqlite3.OperationalError), SandboxServer(state_file=state):
        pytest.fail("the second one started")


def test_a_sandbox_can_be_started_again(state: Path) -> None:
    sandbox = SandboxServer(state_file=state)
    for _ in range(2):
        with sandbox, httpx2.Client(trust_env=False) as http:
            assert Application(http, sandbox.base_url).connect("coinbase")


def test_without_a_file_everything_is_forgotten() -> None:
    numbers = itertools.count()
    sandbox = SandboxServer(make_token=lambda: f"token-{next(numbers)}")
    with httpx2.Client(trust_env=False) as http:
        with sandbox:
            token = Application(http, sandbox.base_url).connect("acme")["access_token"]
            assert token.startswith("token-")
        with sandbox:
            assert Application(http, sandbox.base_url).account("acme", token).status_code == 401
