"""`mmt token status|discard`: what an administrator sees of a token, and how an unreadable one goes for good."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.cli.running import answer, refusal, run, run_on
from tests.support.dev import RunningDev, running_dev


@pytest.fixture(scope="module")
def dev() -> Iterator[RunningDev]:
    """An installation whose rows the tests damage."""
    with running_dev() as dev:
        yield dev


@pytest.fixture
def token_id(dev: RunningDev, someone: Callable[[], str]) -> str:
    connected: dict[str, str] = answer(connect(dev, someone()))
    return connected["token_id"]


def connect(dev: RunningDev, user: str) -> Any:
    made = dev.control("authorizations", {"integration": "coinbase", "account": user, "scope": "read"})
    return run_on(
        dev, "token", "connect", "--integration", "coinbase", "--end-user-id", user, "--scope", "read",
        "--code", made["code"], "--redirect-uri", made["redirect_uri"], "--code-verifier", made["code_verifier"],
        "--json",
    )  # fmt: skip


def administer(dev: RunningDev, verb: str, token_id: str, *arguments: str, client_id: str | None = None) -> Any:
    client = client_id or dev.client_id
    return run_on(dev, "token", verb, "--client-id", client, "--token-id", token_id, *arguments)


def resolve(dev: RunningDev, token_id: str) -> Any:
    return run_on(dev, "token", "resolve", "--token-id", token_id, "--required-scope", "read", "--json")


def damage(dev: RunningDev, token_id: str, change: str) -> None:
    """Change a row as whoever can write the database could."""
    shard = int(token_id[:3], 16)
    with closing(sqlite3.connect(dev.database, timeout=30)) as database, database:
        newest = database.execute("SELECT max(connected_at) FROM token WHERE shard = ?", [shard]).fetchone()[0]
        update = f"UPDATE token SET {change} WHERE shard = ? AND connected_at = ?"  # noqa: S608  # the test's own text
        changed = database.execute(update, [shard, newest])
        assert changed.rowcount == 1


def audited(dev: RunningDev, call: str) -> list[dict[str, Any]]:
    lines = (line for file in sorted(dev.audit_path.glob("*.jsonl")) for line in file.read_text().splitlines())
    return [record for record in map(json.loads, lines) if record.get("method") == call]


def test_a_healthy_token_is_shown_without_its_credential(dev: RunningDev, token_id: str) -> None:
    credential = answer(resolve(dev, token_id))["access_token"]
    result = administer(dev, "status", token_id, "--json")
    told = answer(result)
    connected, next_refresh, expires = (told.pop(name) for name in ("connected", "next_refresh", "expires"))
    assert connected < next_refresh < expires
    assert told == {
        "integration": "coinbase",
        "scope": "read",
        "state": "active",
        "alive": True,
        "cause": None,
        "refreshable": True,
        "last_refresh": None,
        "failures": 0,
        "last_failure": None,
        "failed": None,
        "backs_off_until": None,
        "in_doubt": False,
        "lease_owner": None,
        "doubt_owner": None,
        "generation": 1,
        "key_epoch": 1,
        "readable": "yes",
    }
    assert credential not in result.output


def test_a_token_whose_user_withdrew_says_why(dev: RunningDev, someone: Callable[[], str]) -> None:
    user = someone()
    token_id = answer(connect(dev, user))["token_id"]
    dev.control("deaths", {"integration": "coinbase", "account": user})
    arguments = ("--token-id", token_id, "--required-scope", "read", "--rejected-generation", "1", "--json")
    assert refusal(run_on(dev, "token", "resolve", *arguments))["reason"] == "REAUTHENTICATION_REQUIRED"
    told = answer(administer(dev, "status", token_id, "--json"))
    assert (told["state"], told["alive"], told["cause"]) == ("reauthentication", False, "PROVIDER_REVOKED")


def test_a_token_that_can_be_read_is_not_discarded(dev: RunningDev, token_id: str) -> None:
    result = administer(dev, "discard", token_id)
    assert (result.exit_code, "revoke it" in result.stderr) == (1, True)
    assert answer(resolve(dev, token_id))["generation"] == 1


@pytest.mark.parametrize(
    ("change", "readable"),
    [
        ("access_blob = zeroblob(300)", "no"),
        ("metadata_blob = zeroblob(300)", "no"),
        ("access_key = zeroblob(90)", "no"),
        ("generation = generation + 1", "no"),
        ("scope = 2", "no"),
        ("key_epoch = 0", "no: its key epoch was destroyed"),
    ],
)
def test_a_token_that_nobody_can_read_is_discarded_for_good(
    dev: RunningDev, someone: Callable[[], str], change: str, readable: str
) -> None:
    user = someone()
    token_id = answer(connect(dev, user))["token_id"]
    damage(dev, token_id, change)
    assert answer(administer(dev, "status", token_id, "--json"))["readable"] == readable
    before = len(audited(dev, "Discard"))
    assert answer(administer(dev, "discard", token_id, "--json"))["discard_time"]
    assert refusal(resolve(dev, token_id))["reason"] == "TOKEN_NOT_FOUND"
    assert administer(dev, "discard", token_id).exit_code == 1
    records = audited(dev, "Discard")[before:]
    assert [(record["phase"], record.get("outcome")) for record in records] == [("intent", None), ("outcome", "ok")]
    assert answer(connect(dev, user))["token_id"] != token_id


def test_what_was_discarded_stands_in_the_ledger(dev: RunningDev, token_id: str) -> None:
    damage(dev, token_id, "access_blob = zeroblob(300)")
    assert administer(dev, "discard", token_id).exit_code == 0
    token_key = audited(dev, "Discard")[-1]["token_key"]
    with closing(sqlite3.connect(dev.state_dir / "ledger.db", timeout=30)) as ledger:
        found = ledger.execute("SELECT count(*) FROM revocation WHERE hex(token_key) = upper(?)", [token_key])
        assert found.fetchone() == (1,)


def test_a_row_of_a_newer_keyring_is_left_alone(dev: RunningDev, token_id: str) -> None:
    damage(dev, token_id, "key_epoch = 7")
    told = answer(administer(dev, "status", token_id, "--json"))
    result = administer(dev, "discard", token_id)
    assert told["readable"] == "not with this keyring, which is older than the row"
    assert (result.exit_code, "newer keyring" in result.stderr) == (1, True)
    damage(dev, token_id, "key_epoch = 1")
    assert answer(resolve(dev, token_id))["generation"] == 1


def test_the_administrators_chain_of_records_is_whole(dev: RunningDev, token_id: str) -> None:
    damage(dev, token_id, "access_blob = zeroblob(300)")
    assert administer(dev, "discard", token_id).exit_code == 0
    assert run_on(dev, "audit", "verify", str(dev.audit_path)).exit_code == 0


@pytest.mark.parametrize("verb", ["status", "discard"])
def test_what_is_not_there_is_said_to_be(dev: RunningDev, token_id: str, verb: str) -> None:
    for result in (
        administer(dev, verb, "00000000-0000-8000-8000-000000000000"),
        administer(dev, verb, token_id, client_id="cl_another"),
    ):
        assert (result.exit_code, result.stderr) == (1, "mmt: this client has no such token\n")
    assert "a token id is a UUID" in administer(dev, verb, "no-uuid").stderr


@pytest.mark.parametrize("verb", ["status", "discard"])
def test_administration_needs_the_settings(verb: str) -> None:
    result = run("token", verb, "--client-id", "c", "--token-id", "t")
    assert (result.exit_code, "database_url: is missing" in result.stderr) == (78, True)
