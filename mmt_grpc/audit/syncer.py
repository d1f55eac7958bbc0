"""The thread that brings what was written to the disk, in groups, and closes the files that are done with."""

import threading
from typing import Final

from mmt_grpc.audit.chain_file import ChainFile
from mmt_grpc.audit.observer import AuditObserver, errno_name
from mmt_grpc.audit.queue import Entry, RecordQueue

SYNC_INTERVAL: Final = 0.1
"""Seconds that a record may be the kernel's alone, where nobody waits for the disk."""


class Syncer:
    """Syncs files that were written to: at once where entries wait for it, else after `SYNC_INTERVAL`."""

    def __init__(self, *, queue: RecordQueue, observer: AuditObserver) -> None:
        self._queue = queue
        self._observer = observer
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._dirty: dict[ChainFile, list[Entry]] = {}
        self._retired: list[ChainFile] = []

    def wrote(self, file: ChainFile, waiting: list[Entry]) -> None:
        """Note that a file was written to, and who waits until it is on the disk."""
        with self._changed:
            # Who is asleep is woken by the first write; those that follow within the interval ride along for nothing.
            if not self._dirty:
                self._changed.notify()
            self._dirty.setdefault(file, []).extend(waiting)

    def retire(self, file: ChainFile) -> None:
        """Sync a file for the last time, then close it."""
        with self._changed:
            self._dirty.setdefault(file, [])
            self._retired.append(file)
            self._changed.notify()

    def stop(self) -> None:
        """Return from `run` once everything is synced."""
        with self._changed:
            self._stopping.set()
            self._changed.notify()

    def run(self) -> None:
        """Sync until stopped."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._dirty) or self._stopping.is_set())
                if not self._dirty:
                    return
                impatient = any(self._dirty.values())
            if not impatient:
                self._stopping.wait(SYNC_INTERVAL)
            self._sync_all()

    def _sync_all(self) -> None:
        with self._changed:
            dirty, self._dirty = self._dirty, {}
            retired, self._retired = self._retired, []
        for file, waiting in dirty.items():
            synced = self._sync(file)
            if waiting:
                self._queue.settle(waiting, written=synced)
        for file in retired:
            file.close()

    def _sync(self, file: ChainFile) -> bool:
        try:
            whole = file.sync()
        except OSError as error:
            # After a failed sync the kernel may count lost pages as clean: this file can never be trusted again.
            file.broken = True
            self._observer.failed(f"sync:{errno_name(error)}")
            return False
        if not whole:
            file.broken = True
            self._observer.failed("vanished")
        return whole
