"""Whatever is changed in the files, other than cutting off their very ends, is found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mmt_grpc.audit.record import encode, seal
from mmt_grpc.audit.verify import verify_directory
from tests.audit.conftest import Open, a_record

Lines = list[bytes]


@pytest.fixture
def written(open_audit: Open, path: Path) -> Path:
    """Return a directory with three lives of 5 records each."""
    for life in range(3):
        audit = open_audit()
        for number in range(5):
            audit.write(a_record(call_id=f"call-{life}-{number}"))
        audit.close()
    return path


def test_what_was_written_verifies(written: Path) -> None:
    report = verify_directory(written)

    assert report.ok
    assert not report.notes
    assert [file.records for file in report.files] == [5, 5, 5]


def forge(lines: Lines) -> Lines:
    """Replace a line by one whose own hash is right."""
    return [*lines[:2], seal(2, encode(a_record(call_id="forged"), 0), "0" * 64)[0], *lines[3:]]


CHANGES: dict[str, Callable[[Lines], Lines]] = {
    "a byte changed": lambda lines: [*lines[:2], lines[2].replace(b"acme", b"acne"), *lines[3:]],
    "a line removed": lambda lines: lines[:2] + lines[3:],
    "a line repeated": lambda lines: [*lines[:3], lines[2], *lines[3:]],
    "two lines exchanged": lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
    "a line forged": forge,
    "a line that is no record": lambda lines: [*lines[:2], b"{}\n", *lines[3:]],
    "the header removed": lambda lines: lines[1:],
    "the last line removed": lambda lines: lines[:-1],
    "the last line torn": lambda lines: [*lines[:-1], lines[-1][:-5]],
    "everything removed": lambda lines: lines[:0],
    "something appended": lambda lines: [*lines, b"{"],
}


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_file_that_has_a_successor_is_found(written: Path, change: str, position: int) -> None:
    file = sorted(written.iterdir())[position]
    file.write_bytes(b"".join(CHANGES[change](file.read_bytes().splitlines(keepends=True))))

    assert not verify_directory(written).ok


def test_a_missing_file_is_found(written: Path) -> None:
    sorted(written.iterdir())[1].unlink()

    assert not verify_directory(written).ok


def test_a_file_of_another_life_in_its_place_is_found(written: Path) -> None:
    first, second, _ = sorted(written.iterdir())
    second.write_bytes(first.read_bytes())

    assert not verify_directory(written).ok


def test_oldest_files_may_be_archived(written: Path) -> None:
    oldest = min(written.iterdir())
    oldest.unlink()

    report = verify_directory(written)
    assert report.ok
    assert [note.text for note in report.notes] == ["the file it continues is not here"]


def test_a_crash_in_the_middle_of_a_line_is_no_damage(written: Path, open_audit: Open) -> None:
    with max(written.iterdir()).open("ab") as file:
        file.write(b'{"seq":6,"ti')
    assert [note.text for note in verify_directory(written).notes] == [
        "the last line is not whole: being written, or torn by a crash"
    ]
    open_audit()

    report = verify_directory(written)
    assert report.ok
    assert report.files[-1].header is not None
    assert report.files[-1].header["predecessor"] == {
        "file": str(report.files[-2].name), "hash": report.files[-2].last_hash, "torn_bytes": 12,
    }  # fmt: skip


def test_a_crash_before_the_header_is_no_damage(written: Path, open_audit: Open) -> None:
    torn = written / f"worker-0.00000004.20260921T141400.000000Z.{'0' * 32}.jsonl"
    torn.write_bytes(b'{"seq":0')
    open_audit()

    report = verify_directory(written)
    assert report.ok
    assert report.files[-1].header is not None
    assert report.files[-1].header["skipped"] == [{"file": torn.name, "hash": None, "torn_bytes": 8}]
    assert report.files[-1].previous == report.files[2].last_hash


def test_each_role_has_a_chain_of_its_own(written: Path, open_audit: Open) -> None:
    open_audit(role="exchanger").write(a_record())

    report = verify_directory(written)
    assert report.ok
    assert report.files[0].name.role == "exchanger"
    assert report.files[0].header is not None
    assert report.files[0].header["predecessor"] is None


def test_a_clock_that_jumps_back_changes_no_order(written: Path, open_audit: Open) -> None:
    open_audit(wall_clock=lambda: 0)

    report = verify_directory(written)
    assert report.ok
    assert report.files[-1].name.time.startswith("1970")


def test_findings_name_file_and_line(written: Path) -> None:
    file = min(written.iterdir())
    file.write_bytes(file.read_bytes().replace(b"call-0-1", b"call-0-9"))

    [problem] = verify_directory(written).problems
    assert (problem.file, problem.line) == (file.name, 3)
