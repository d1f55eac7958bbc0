"""Driving deleted rows out of SQLite's write-ahead log, where the pages of before stay until it is truncated."""

import time
from collections.abc import Callable
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.session import Session
from mmt_grpc.store.statement import execute

ATTEMPTS: Final = 10
PAUSE: Final = 0.02
"""Seconds between two attempts: readers of one statement are gone long before."""


class LogTruncation:
    """Truncates the log after a delete; what a reader holds back is finished by the next delete or heartbeat."""

    def __init__(self, *, execution: Execution, sleep: Callable[[float], None] = time.sleep) -> None:
        self._execution = execution
        self._sleep = sleep

    def after_delete(self) -> None:
        """Truncate, trying for a short while; the delete itself is committed and is never made to fail."""
        for _ in range(ATTEMPTS):
            if self._truncated():
                return
            self._sleep(PAUSE)

    def after_beat(self) -> None:
        """Truncate if nothing holds it back."""
        self._truncated()

    def _truncated(self) -> bool:
        try:
            return self._execution.read(_truncate)
        except StoreUnavailableError:
            return False


def _truncate(session: Session) -> bool:
    with session.raw() as database:
        # A checkpoint that waits for readers keeps all writers out meanwhile: come back instead.
        (timeout,) = execute(database, "PRAGMA busy_timeout").fetchone()
        execute(database, "PRAGMA busy_timeout = 0")
        try:
            (busy, _, _) = execute(database, "PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            execute(database, f"PRAGMA busy_timeout = {int(timeout)}")
    return not busy
