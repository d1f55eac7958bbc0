"""An audit log in a directory of the test's own, and someone who watches it."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmt_grpc.audit.file_audit import FileAudit
from mmt_grpc.domain.ports.audit import AuditRecord, Phase

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND


class Watcher:
    def __init__(self) -> None:
        self.failures: list[str] = []
        self.names: list[str] = []
        self._changed = threading.Condition()

    def failed(self, what: str) -> None:
        with self._changed:
            self.failures.append(what)
            self._changed.notify_all()

    def opened(self, name: str) -> None:
        with self._changed:
            self.names.append(name)
            self._changed.notify_all()

    def wait_for(self, failure: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: failure in self.failures, timeout=60)


Open = Callable[..., FileAudit]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def open_audit(path: Path, watcher: Watcher) -> Iterator[Open]:
    opened: list[FileAudit] = []
    lives, ticks = itertools.count(1), itertools.count(START, SECOND)

    def start(**options: object) -> FileAudit:
        given: dict[str, object] = {
            "path": path,
            "role": "worker-0",
            "life": next(lives).to_bytes(16, "big"),
            "wall_clock": lambda: next(ticks),
            "observer": watcher,
            # Long enough for a busy machine: what is tested is that it ends, not when.
            "timeout": 30.0,
        } | options
        audit = FileAudit(**given).start()  # type: ignore[arg-type]  # the test names what it changes
        opened.append(audit)
        return audit

    yield start
    for audit in opened:
        audit.close()


def a_record(**changes: object) -> AuditRecord:
    fields: dict[str, object] = {
        "call_id": "call-1",
        "caller": "key-1",
        "client_id": "acme",
        "method": "Resolve",
        "phase": Phase.OUTCOME,
        "token_key": b"\x01" * 32,
        "integration": "coinbase",
        "generation": 3,
        "outcome": "ok",
        "key_epoch": 1,
    } | changes
    return AuditRecord(**fields)  # type: ignore[arg-type]  # the test names what it changes


def lines(path: Path) -> list[bytes]:
    """Return the lines of all files, in order."""
    return [line for file in sorted(path.iterdir()) for line in file.read_bytes().splitlines()]
