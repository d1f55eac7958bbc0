"""The audit log of what administrators do: a chain of its own beside those of the processes."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mmt_grpc.audit.file_audit import FileAudit
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.domain.errors import AuditUnavailableError
from mmt_grpc.domain.ports.audit import Audit

ROLE: Final = "administration"
LIFE_BYTES: Final = 16
_DIRECTORY_MODE: Final = 0o700


class Unobserved:
    """`AuditObserver` of a command: what fails is told by the command itself."""

    def failed(self, what: str) -> None:
        """Leave it to the write that will fail."""

    def opened(self, name: str) -> None:
        """Nobody waits for it."""


@contextlib.contextmanager
def administrators_audit(path: Path) -> Iterator[Audit]:
    """Open the administrators' own chain in the audit directory, one administrator at a time.

    Raises `AuditUnavailableError`.
    """
    try:
        path.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        lock = os.open(path / f"{ROLE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        raise AuditUnavailableError from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        audit = FileAudit(
            path=path,
            role=ROLE,
            life=SystemRandomness().random_bytes(LIFE_BYTES),
            wall_clock=time.time_ns,
            observer=Unobserved(),
            durability="fsync",
        ).start()
        try:
            yield audit
        finally:
            audit.close()
    finally:
        os.close(lock)
