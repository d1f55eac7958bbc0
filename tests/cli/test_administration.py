"""What administrators see: audit files that are whole or not, and mistakes told in one line."""

import json
from pathlib import Path

from tests.cli.running import answer, run, run_on
from tests.support.dev import RunningDev


def test_whole_chains_are_said_to_be_to_people_and_programs(shared_dev: RunningDev) -> None:
    assert run_on(shared_dev, "audit", "verify").stdout.endswith(": every chain is whole.\n")
    told = answer(run_on(shared_dev, "audit", "verify", "--json"))
    assert (told["files"] > 0, told["problems"]) == (True, [])


def test_a_changed_record_is_named(shared_dev: RunningDev, tmp_path: Path) -> None:
    for file in shared_dev.audit_path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes().replace(b'"seq":0', b'"seq":1', 1))

    people, programs = (run("audit", "verify", str(tmp_path), *more) for more in ((), ("--json",)))
    assert (people.exit_code, "problem: " in people.stdout, "BROKEN" in people.stdout) == (1, True, True)
    assert (programs.exit_code, bool(json.loads(programs.stdout)["problems"])) == (1, True)


def test_a_directory_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    result = run("audit", "verify", str(tmp_path / "none"))
    assert (result.exit_code, result.stderr) == (1, f"mmt: {tmp_path / 'none'}: No such file or directory\n")


def test_a_state_directory_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = run("dev", "--state-dir", str(tmp_path / "file" / "state"))
    assert (result.exit_code, result.stderr) == (1, f"mmt: {tmp_path / 'file'}: Not a directory\n")


def test_ids_are_never_folded_to_the_width_of_a_terminal(shared_dev: RunningDev) -> None:
    owner = (shared_dev.state_dir / "lock").read_bytes().hex()
    assert owner in run_on(shared_dev, "replicas", "list", COLUMNS="40").stdout


def test_what_is_true_or_false_is_told_as_yes_or_no(shared_dev: RunningDev) -> None:
    header, *rows = run_on(shared_dev, "api-keys", "list").stdout.splitlines()
    assert header.split() == ["key", "id", "client", "id", "scope", "disabled", "created"]
    assert [row.split()[3] for row in rows[:2]] == ["no", "no"]
