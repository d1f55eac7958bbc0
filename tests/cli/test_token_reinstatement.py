"""`mmt token reinstate`: an exchange's bad day ends, and nobody who had withdrawn nothing has to log in again."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import answer, run, run_on
from tests.support.clients import READ, refusal, token_of
from tests.support.dev import RunningDev
from tests.support.service import Service, running_service

NOTHING = {
    "found": 0, "reinstatable": 0, "reinstated": 0,
    "left_in_doubt": 0, "left_revoked": 0, "left_unknown": 0, "left_changed": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """An installation whose exchanges have bad days."""
    with running_service() as service:
        yield service


def reinstate(dev: RunningDev, *arguments: str, integration: str = "coinbase") -> Any:
    return run_on(
        dev, "token", "reinstate", "--integration", integration, "--condemned-after", "1h", *arguments, "--json"
    )


def told(dev: RunningDev, *arguments: str, integration: str = "coinbase") -> dict[str, Any]:
    counts: dict[str, Any] = answer(reinstate(dev, *arguments, integration=integration))
    return counts


def counts(**others: int) -> dict[str, int]:
    return NOTHING | others


def condemned(service: Service, integration: str = "coinbase") -> tuple[str, str]:
    """Connect somebody whom the exchange refuses on a bad day; return the token id and the account."""
    token_id, account = service.expired(integration)
    service.fault(integration, account, "invalid_grant", endpoint="token")
    assert reason(service, token_id) == "REAUTHENTICATION_REQUIRED"
    return token_id, account


def reason(service: Service, token_id: str) -> str | None:
    return refusal(lambda: service.write.resolve(token_id)).reason


def audited(dev: RunningDev) -> list[dict[str, Any]]:
    lines = (line for file in sorted(dev.audit_path.glob("*.jsonl")) for line in file.read_text().splitlines())
    return [record for record in map(json.loads, lines) if record.get("method") == "Reinstate"]


def test_when_the_day_is_over_the_same_token_id_gets_a_fresh_token(service: Service) -> None:
    ids = [condemned(service) for _ in range(3)]
    before = len(audited(service.dev))

    looked = told(service.dev, "--dry-run")
    assert looked == {"dry_run": True, **counts(found=3, reinstatable=3)}
    assert [reason(service, token_id) for token_id, _ in ids] == ["REAUTHENTICATION_REQUIRED"] * 3
    assert len(audited(service.dev)) == before

    assert told(service.dev) == {"dry_run": False, **counts(found=3, reinstatable=3, reinstated=3)}
    for token_id, account in ids:
        resolved = service.write.resolve(token_id)
        assert service.is_live("coinbase", account, token_of(resolved))
        assert resolved.generation == 2
        books = service.books("coinbase", account)
        assert (books["refreshes"], books["reuses"]) == (1, 0)
    records = audited(service.dev)[before:]
    assert [(record["phase"], record.get("outcome")) for record in records] == [
        ("intent", None),
        *[("outcome", "ok")] * 4,
    ]
    assert len({record["token_key"] for record in records if record.get("token_key")}) == 3
    assert told(service.dev) == {"dry_run": False, **NOTHING}


def test_what_is_really_dead_is_refused_and_condemned_again(service: Service) -> None:
    token_id, account = condemned(service, "uphold")
    service.end("uphold", account)

    assert told(service.dev, integration="uphold")["reinstated"] == 1
    assert reason(service, token_id) == "REAUTHENTICATION_REQUIRED"
    assert service.books("uphold", account)["reuses"] == 0

    assert told(service.dev, "--dry-run", integration="uphold")["reinstatable"] == 1


def test_what_comes_back_is_due_though_nobody_asks_for_it(service: Service) -> None:
    token_id, _ = condemned(service)
    assert told(service.dev)["reinstated"] == 1
    status = answer(
        run_on(service.dev, "token", "status", "--client-id", service.dev.client_id, "--token-id", token_id, "--json")
    )
    assert (status["state"], status["failures"], status["last_failure"]) == ("active", 0, None)
    assert status["next_refresh"] is not None


def test_only_what_was_condemned_in_the_time_comes_back(service: Service) -> None:
    token_id, _ = condemned(service)
    early = ("--condemned-before", "30m")
    assert told(service.dev, *early)["found"] == 0
    assert told(service.dev, integration="binance")["found"] == 0
    assert reason(service, token_id) == "REAUTHENTICATION_REQUIRED"
    arguments = ("--integration", "coinbase", "--condemned-after", "2020-01-31T12:00:00Z")
    assert answer(run_on(service.dev, "token", "reinstate", *arguments, "--json"))["reinstated"] == 1
    assert token_of(service.write.resolve(token_id))


def test_people_get_a_line_a_count(service: Service) -> None:
    condemned(service)
    result = run_on(service.dev, "token", "reinstate", "--integration", "coinbase", "--condemned-after", "6h")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert (lines[0], lines[1], lines[3]) == (["dry", "run", "no"], ["found", "1"], ["reinstated", "1"])


def test_a_token_that_was_revoked_is_not_there_to_come_back(service: Service) -> None:
    token_id, _ = condemned(service)
    service.write.revoke(token_id)
    assert told(service.dev)["found"] == 0
    assert reason(service, token_id) == "TOKEN_NOT_FOUND"


def test_a_revoked_row_of_a_backup_does_not_come_back(tmp_path: Path) -> None:
    state_dir, backup = tmp_path / "state", tmp_path / "backup"
    with running_service(state_dir) as service:
        revoked, _ = condemned(service)
        kept, account = condemned(service)
    backup.mkdir()
    for path in state_dir.glob("mmt.db*"):
        shutil.copy2(path, backup / path.name)
    with running_service(state_dir) as service:
        service.write.revoke(revoked)
        dev = service.dev
    for path in state_dir.glob("mmt.db*"):
        path.unlink()
    for path in backup.iterdir():
        shutil.copy2(path, state_dir / path.name)

    assert told(dev) == {"dry_run": False, **counts(found=2, reinstatable=1, reinstated=1, left_revoked=1)}

    with running_service(state_dir) as service:
        assert reason(service, revoked) == "TOKEN_NOT_FOUND"
        assert token_of(service.write.resolve(kept, READ))
        assert service.books("coinbase", account)["reuses"] == 0


def test_the_administrators_chain_of_records_is_whole(service: Service) -> None:
    told(service.dev)
    assert run_on(service.dev, "audit", "verify", str(service.dev.audit_path)).exit_code == 0


@pytest.mark.parametrize("time", ["yesterday", "6", "6 h", "-6h", "2030-01-31T12:00:00"])
def test_what_is_no_time_is_refused(time: str) -> None:
    result = run("token", "reinstate", "--integration", "coinbase", f"--condemned-after={time}")
    assert (result.exit_code, "how long ago, like 6h" in result.stderr) == (2, True)


def test_a_time_that_ends_before_it_begins_is_refused(service: Service) -> None:
    result = reinstate(service.dev, "--condemned-before", "2h")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "over before it begins" in result.stderr


def test_it_needs_the_settings() -> None:
    result = run("token", "reinstate", "--integration", "coinbase", "--condemned-after", "6h")
    assert (result.exit_code, "database_url: is missing" in result.stderr) == (78, True)
