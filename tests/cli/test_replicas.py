"""`mmt replicas` and `mmt spool status`: who runs, and what waits on whose disk."""

import errno
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.running import answer, run, run_on
from tests.support.dev import RunningDev, running_dev


def test_a_replica_that_runs_is_listed_and_not_forgotten(shared_dev: RunningDev) -> None:
    listed = answer(run_on(shared_dev, "replicas", "list", "--json"))
    assert [sorted(row) for row in listed] == [
        [
            "access_epochs",
            "oldest_spooled",
            "open_recovery",
            "renewal_epochs",
            "replica",
            "running_attempts",
            "seconds_ago",
            "seen",
            "settled_recovery",
        ]
    ]
    assert listed[0]["replica"] == (shared_dev.state_dir / "lock").read_bytes().hex()
    result = run_on(shared_dev, "replicas", "forget", listed[0]["replica"])
    assert (result.exit_code, "end it first" in result.stderr) == (1, True)
    assert len(answer(run_on(shared_dev, "replicas", "list", "--json"))) == 1


def test_a_replica_that_never_was_is_not_forgotten(shared_dev: RunningDev) -> None:
    result = run_on(shared_dev, "replicas", "forget", "00" * 16)
    assert (result.exit_code, result.stderr) == (1, "mmt: there is no such replica\n")


def test_a_replica_that_was_not_seen_for_long_is_forgotten(tmp_path: Path) -> None:
    with running_dev(tmp_path / "dev") as dev:
        pass
    age(dev.database)
    owner = answer(run_on(dev, "replicas", "list", "--json"))[0]["replica"]
    assert run_on(dev, "replicas", "forget", owner).exit_code == 0
    assert answer(run_on(dev, "replicas", "list", "--json")) == []
    assert "No replica has run" in run_on(dev, "replicas", "list").stdout


def age(database: Path) -> None:
    """Let two minutes pass for the registry."""
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("UPDATE replica SET seen_at = seen_at - 120000000")


def test_an_empty_spool_says_so(shared_dev: RunningDev) -> None:
    result = run("spool", "status", "--state-dir", str(shared_dev.state_dir))
    assert (result.exit_code, result.stdout) == (0, "The spool is empty.\n")


def test_a_spool_is_counted_by_kind_without_being_opened(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    for name, seconds in (("revocation-aa", 2_000_000_000), ("revocation-bb", 1_900_000_000), ("attempt-cc", 5)):
        path = spool / f"{name}.record"
        path.write_bytes(b"sealed")
        os.utime(path, (seconds, seconds))
    torn = spool / "attempt-dd.partial"
    torn.write_bytes(b"being written")
    assert answer(run("spool", "status", "--state-dir", str(tmp_path), "--json")) == [
        {"kind": "attempt", "records": 1, "oldest": "1970-01-01 00:00:05", "unreadable": ""},
        {"kind": "revocation", "records": 2, "oldest": "2030-03-17 17:46:40", "unreadable": ""},
    ]
    assert torn.exists(), "a running replica's own work was touched"


def test_a_file_that_the_disk_does_not_give_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    for name in ("attempt-cc", "attempt-dd", "revocation-aa"):
        (spool / f"{name}.record").write_bytes(b"sealed")
    read = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.stem == "attempt-dd":
            raise OSError(errno.EIO, "refused")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    rows = answer(run("spool", "status", "--state-dir", str(tmp_path), "--json"))
    assert [(row["kind"], row["records"], row["unreadable"]) for row in rows] == [
        ("attempt", 2, "attempt-dd.record"),
        ("revocation", 1, ""),
    ]


@pytest.mark.parametrize("content", [None, "a file"])
def test_a_place_without_a_spool_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "spool").write_text(content)
    result = run("spool", "status", "--state-dir", str(tmp_path))
    assert (result.exit_code, "there is no spool in" in result.stderr) == (1, True)


def test_rows_are_told_to_people_in_columns(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "attempt-cc.record").write_bytes(b"sealed")
    lines = run("spool", "status", "--state-dir", str(tmp_path)).stdout.splitlines()
    assert lines[0].split() == ["kind", "records", "oldest", "unreadable"]
    assert lines[1].split()[:2] == ["attempt", "1"]
    assert json.loads(run("spool", "status", "--state-dir", str(tmp_path), "--json").stdout)[0]["kind"] == "attempt"
