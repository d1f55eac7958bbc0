"""Where callers hand over their records and wait, never longer than they may, for the thread that writes them."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from mmt_grpc.domain.errors import AuditUnavailableError

MAX_WAITING: Final = 1024
"""Far more than calls are served at once: beyond it the writer is not keeping up, and waiting would not help."""


class Entry:
    """A record on its way; `done` is released once its fate is known."""

    __slots__ = ("done", "inside", "written")

    def __init__(self, inside: str) -> None:
        self.inside = inside
        self.written = False
        # A bare lock is the cheapest thing that one thread can wait on with a limit and another can release.
        self.done = threading.Lock()
        self.done.acquire()

    def settle(self, *, written: bool) -> None:
        """Tell the waiting caller, once."""
        self.written = written
        self.done.release()


class RecordQueue:
    """Entries between many callers and one writer."""

    def __init__(self, *, timeout: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`timeout` seconds are what a caller waits while nothing at all is settled."""
        self._timeout = timeout
        self._monotonic = monotonic
        self._settled_at = -timeout
        self._guard = threading.Lock()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._rung = False
        self._waiting: list[Entry] = []
        self._hung = False
        self._closed = False

    def put(self, inside: str) -> None:
        """Hand over a record and wait; `AuditUnavailableError` if it is not written in time."""
        entry = Entry(inside)
        with self._guard:
            # While the disk hangs everybody learns so at once instead of queueing for it.
            if self._closed or self._hung or len(self._waiting) >= MAX_WAITING:
                raise AuditUnavailableError
            self._waiting.append(entry)
            self._ring()
        if not entry.done.acquire(timeout=self._timeout) and not self._wait_on(entry):
            self._give_up(entry)
        if not entry.written:
            raise AuditUnavailableError

    def _wait_on(self, entry: Entry) -> bool:
        """Wait as long as others are settled meanwhile: then it is not the disk that is slow but this process, whose
        interpreter many threads want at once, and the entry is in the very next batch.
        """
        while (left := self._settled_at + self._timeout - self._monotonic()) > 0:
            if entry.done.acquire(timeout=left):
                return True
        return False

    def _give_up(self, entry: Entry) -> None:
        with self._guard:
            # Settled in this very moment: nothing hangs, and nobody would come to say so.
            if entry.done.locked():
                self._hung = True
            if entry in self._waiting:
                self._waiting.remove(entry)

    def take(self) -> list[Entry] | None:
        """Wait for entries and take all there are; None once closed and empty."""
        self._bell.acquire()
        with self._guard:
            self._rung = False
            taken, self._waiting = self._waiting, []
            if not taken and self._closed:
                return None
            if self._closed:
                self._ring()
            return taken

    def settle(self, entries: Iterable[Entry], *, written: bool) -> None:
        """Tell waiting callers what became of their records; the disk has answered, if only with an error."""
        for entry in entries:
            entry.settle(written=written)
        with self._guard:
            self._hung = False
            self._settled_at = self._monotonic()

    def close(self) -> None:
        """Take no more entries; what is there is still written."""
        with self._guard:
            self._closed = True
            self._ring()

    def _ring(self) -> None:
        if not self._rung:
            self._rung = True
            self._bell.release()
