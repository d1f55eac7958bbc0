"""Disks that hang, are full, lose files: nothing leaves unseen, nobody is kept waiting, and it passes."""

import contextlib
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmt_grpc.audit.chain_file import ChainFile
from mmt_grpc.audit.file_audit import FileAudit
from mmt_grpc.audit.verify import verify_directory
from mmt_grpc.domain.errors import AuditUnavailableError
from tests.audit.conftest import Open, Watcher, a_record


def descriptor_of(audit: FileAudit) -> int:
    assert audit._file is not None
    return audit._file._descriptor


@contextlib.contextmanager
def hung_disk(monkeypatch: pytest.MonkeyPatch, call: str) -> Iterator[threading.Event]:
    """Let a system call of the files hang until the event is set, as on a disk that does not answer."""
    answers, real = threading.Event(), getattr(os, call)

    def hang(descriptor: int, *arguments: object) -> object:
        if "/audit/" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            answers.wait()
        return real(descriptor, *arguments)

    monkeypatch.setattr(f"mmt_grpc.audit.chain_file.os.{call}", hang)
    try:
        yield answers
    finally:
        answers.set()


def write_until_it_works(audit: FileAudit) -> None:
    while True:
        with contextlib.suppress(AuditUnavailableError):
            audit.write(a_record())
            return


def test_a_write_that_hangs_is_refused_in_time_and_works_again_afterwards(
    open_audit: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = open_audit(timeout=0.05)
    with hung_disk(monkeypatch, "write") as answers:
        for _ in range(3):
            with pytest.raises(AuditUnavailableError):
                audit.write(a_record())
        answers.set()
        write_until_it_works(audit)

    audit.close()
    assert verify_directory(path).ok


def test_while_the_disk_hangs_callers_do_not_even_wait(
    open_audit: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = open_audit(timeout=0.05)
    with hung_disk(monkeypatch, "write") as answers:
        with pytest.raises(AuditUnavailableError):
            audit.write(a_record())
        # Were these to queue, one of them would be written once the disk answers.
        for _ in range(100):
            with pytest.raises(AuditUnavailableError):
                audit.write(a_record(call_id="queued"))
        answers.set()
        write_until_it_works(audit)

    audit.close()
    assert b"queued" not in b"".join(file.read_bytes() for file in path.iterdir())


def test_with_fsync_an_answer_waits_for_the_disk(open_audit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = open_audit(timeout=0.05, durability="fsync")
    with hung_disk(monkeypatch, "fdatasync") as answers:
        with pytest.raises(AuditUnavailableError):
            audit.write(a_record())
        answers.set()
        write_until_it_works(audit)


def test_without_it_an_answer_does_not(open_audit: Open, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = open_audit()
    with hung_disk(monkeypatch, "fdatasync"):
        for _ in range(10):
            audit.write(a_record())

        assert verify_directory(path).files[0].records == 10


def test_a_full_disk_refuses_and_leaves_no_torn_line(open_audit: Open, path: Path, watcher: Watcher) -> None:
    audit = open_audit()
    audit.write(a_record())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = next(path.iterdir()).stat().st_size
    try:
        # The kernel takes 10 bytes of the next line, then no more.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
        with pytest.raises(AuditUnavailableError):
            audit.write(a_record())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    audit.write(a_record(call_id="after"))
    audit.close()

    report = verify_directory(path)
    assert report.ok
    assert [file.records for file in report.files] == [2]
    assert watcher.failures == ["write:EFBIG"]


def test_a_file_that_takes_nothing_any_more_is_continued_in_another(
    open_audit: Open, path: Path, watcher: Watcher
) -> None:
    audit = open_audit()
    audit.write(a_record())
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, descriptor_of(audit))
    os.close(full)
    with pytest.raises(AuditUnavailableError):
        audit.write(a_record(call_id="lost"))
    audit.write(a_record(call_id="after"))
    audit.close()

    report = verify_directory(path)
    assert report.ok
    assert [file.records for file in report.files] == [1, 1]
    assert "write:ENOSPC" in watcher.failures


def test_a_sync_that_fails_condemns_the_file(
    open_audit: Open, path: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = open_audit(durability="fsync")
    failing, real = [OSError(5, "Input/output error")], ChainFile.sync

    def sync(file: ChainFile) -> bool:
        if failing:
            raise failing.pop()
        return real(file)

    monkeypatch.setattr(ChainFile, "sync", sync)
    with pytest.raises(AuditUnavailableError):
        audit.write(a_record())
    audit.write(a_record())
    audit.close()

    assert watcher.failures == ["sync:EIO"]
    assert len(watcher.names) == 2
    assert verify_directory(path).ok


def test_a_file_that_somebody_removes_is_noticed_and_continued(open_audit: Open, path: Path, watcher: Watcher) -> None:
    audit = open_audit()
    next(path.iterdir()).unlink()
    audit.write(a_record())
    watcher.wait_for("vanished")
    audit.write(a_record(call_id="after"))

    assert b"after" in b"".join(file.read_bytes() for file in path.iterdir())


def test_a_file_that_somebody_cuts_is_noticed_and_the_loss_is_on_record(open_audit: Open, path: Path) -> None:
    audit = open_audit()
    audit.write(a_record())
    file = next(path.iterdir())
    os.truncate(file, file.stat().st_size - 20)
    audit.write(a_record())
    audit.close()

    assert not verify_directory(path).ok
