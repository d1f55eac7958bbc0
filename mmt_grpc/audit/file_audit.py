"""The audit log on files: callers hand over, one thread writes, one syncs; a disk that hangs blocks neither callers."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, Self

from mmt_grpc.audit import directory as files
from mmt_grpc.audit.chain_file import ChainFile, Origin
from mmt_grpc.audit.observer import AuditObserver, errno_name
from mmt_grpc.audit.queue import Entry, RecordQueue
from mmt_grpc.audit.record import encode
from mmt_grpc.audit.syncer import Syncer
from mmt_grpc.domain.errors import AuditUnavailableError
from mmt_grpc.domain.ports.audit import AuditRecord

Durability = Literal["kernel", "fsync"]
"""What `write` waits for: the kernel (survives the death of every process), or the disk (survives a power cut)."""
WRITE_TIMEOUT: Final = 0.25
"""Seconds after which a record counts as not written, if no other was written meanwhile either."""
ROTATE_BYTES: Final = 256 * 1024 * 1024
"""The size at which the chain goes on in another file, by default."""
_STOP_TIMEOUT: Final = 5.0


class FileAudit:
    """The `Audit` port: one chain of records in a directory, a file per process life and `rotate_bytes`."""

    def __init__(
        self,
        *,
        path: Path,
        role: str,
        life: bytes,
        wall_clock: Callable[[], int],
        observer: AuditObserver,
        durability: Durability = "kernel",
        rotate_bytes: int = ROTATE_BYTES,
        timeout: float = WRITE_TIMEOUT,
    ) -> None:
        """`wall_clock` returns Unix nanoseconds (`time.time_ns`); `role` is `worker-0`, `exchanger`, …; `life` random.

        `rotate_bytes` is the size at which another file goes on, `timeout` the seconds after which a write has failed.
        """
        self._path = path
        self._role = role
        self._life = life.hex()
        self._wall_clock = wall_clock
        self._observer = observer
        self._waits_for_disk = durability == "fsync"
        self._rotate_bytes = rotate_bytes
        self._queue = RecordQueue(timeout=timeout)
        self._syncer = Syncer(queue=self._queue, observer=observer)
        self._file: ChainFile | None = None
        self._threads = (
            threading.Thread(target=self._run, name="audit-writer", daemon=True),
            threading.Thread(target=self._syncer.run, name="audit-syncer", daemon=True),
        )

    def start(self) -> Self:
        """Open this life's file and begin; `AuditUnavailableError` if that cannot be."""
        try:
            files.prepare(self._path)
            self._file = self._open_first()
        except OSError as error:
            self._observer.failed(f"open:{errno_name(error)}")
            raise AuditUnavailableError from None
        for thread in self._threads:
            thread.start()
        return self

    def write(self, record: AuditRecord) -> None:
        self._queue.put(encode(record, self._wall_clock()))

    def close(self) -> None:
        """Write and sync what is there, then end; a disk that hangs is not waited for longer than a few seconds."""
        self._queue.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_STOP_TIMEOUT)

    def _run(self) -> None:
        while (batch := self._queue.take()) is not None:
            if batch:
                self._write(batch)
            else:
                self._queue.settle((), written=False)
        if self._file is not None:
            self._syncer.retire(self._file)
        self._syncer.stop()

    def _write(self, batch: list[Entry]) -> None:
        written = False
        try:
            file = self._ready_file()
            file.append(entry.inside for entry in batch)
            written = True
        except OSError as error:
            self._observer.failed(f"write:{errno_name(error)}")
        else:
            self._syncer.wrote(file, batch if self._waits_for_disk else [])
        finally:
            if not (written and self._waits_for_disk):
                self._queue.settle(batch, written=written)

    def _ready_file(self) -> ChainFile:
        """Return a file that may be appended to, opening another where this one is broken or full."""
        current = self._file
        if current is None:
            raise OSError
        if not current.broken and current.size < self._rotate_bytes:
            return current
        opened = ChainFile.create(
            self._path,
            Origin(
                role=self._role,
                ordinal=current.origin.ordinal + 1,
                life=self._life,
                nanoseconds=self._wall_clock(),
                predecessor=current.tail(),
            ),
        )
        self._syncer.retire(current)
        self._file = opened
        self._observer.opened(str(opened.origin.name))
        return opened

    def _open_first(self) -> ChainFile:
        predecessor, skipped, ordinal = files.predecessors(self._path, self._role)
        origin = Origin(
            role=self._role,
            ordinal=ordinal,
            life=self._life,
            nanoseconds=self._wall_clock(),
            predecessor=predecessor,
            skipped=skipped,
        )
        opened = ChainFile.create(self._path, origin)
        self._observer.opened(str(origin.name))
        return opened
