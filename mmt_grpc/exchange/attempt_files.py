"""Attempts on this replica's disk: one file each, in which the answer's room is taken before anything is sent.

A file is named `attempt-<id>.record`, mode 0600: at 0 the sealed intent behind its length (4 bytes, big-endian), at
4096 the sealed answer likewise, a length of 0 where there is none. All of it is allocated and the intent fsynced before
the POST, so a disk that fills up in between cannot refuse the answer. A torn answer does not open, and counts as none.
What an answer has left of its room goes back to the disk: it is kept for minutes, and there are many.
"""

import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.sealing import RecordSealing
from mmt_grpc.exchange.attempt_reading import ANSWER, ANSWER_AT, INTENT, LENGTH, AttemptReader, name_of
from mmt_grpc.exchange.attempt_records import Answer, Intent, Kept, encode_answer, encode_intent

PARTIAL: Final = ".partial"
"""Ends the name of a file whose intent is not whole yet. What a death leaves of it was never sent: the spool removes it
at the next start. Under its final name it would look, to whoever settles just then, like an attempt that was not sent,
and be removed though its owner is about to send.
"""
SIZE: Final = ANSWER_AT + 28 * 1024
"""Bytes: two tokens of 8 KiB each, with much room."""


class AttemptFiles:
    """`AttemptLog` on a directory that exists (the spool's)."""

    def __init__(self, *, directory: Path, sealing: RecordSealing, failpoints: Failpoints, log: EventLog) -> None:
        self._directory = directory
        self._sealing = sealing
        self._failpoints = failpoints
        self._reader = AttemptReader(directory=directory, sealing=sealing, log=log)

    def intend(self, intent: Intent) -> None:
        sealed = self._sealing.seal_record(INTENT, encode_intent(intent))
        path = self._path(intent.attempt_id)
        partial = path.with_suffix(PARTIAL)
        try:
            self._failpoints.reach("spool.before_intent")
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, SIZE)
                _write(descriptor, sealed, 0)
                partial.rename(path)
                self._failpoints.reach("spool.before_intent_sync")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._failpoints.reach("spool.before_intent_name_sync")
            self._sync_directory()
            self._failpoints.reach("spool.after_intent")
        except OSError:
            # A disk that has just failed may refuse this too; what is left of it is settled like any other record.
            for left in (partial, path):
                with contextlib.suppress(OSError):
                    left.unlink(missing_ok=True)
            raise StoreUnavailableError from None

    def answer(self, intent: Intent, answer: Answer) -> None:
        sealed = self._sealing.seal_record(ANSWER, intent.attempt_id + encode_answer(answer))
        try:
            self._failpoints.reach("spool.before_answer")
            descriptor = os.open(self._path(intent.attempt_id), os.O_WRONLY | os.O_CLOEXEC)
            try:
                end = _write(descriptor, sealed, ANSWER_AT)
                self._failpoints.reach("spool.before_answer_sync")
                os.fdatasync(descriptor)
                # The answer is durable, whatever becomes of this.
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, end)
            finally:
                os.close(descriptor)
            self._failpoints.reach("spool.after_answer")
        except OSError:
            raise StoreUnavailableError from None

    def scrub(self, attempt_id: bytes) -> None:
        path = self._path(attempt_id)
        try:
            self._failpoints.reach("spool.before_scrub")
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError:
            raise StoreUnavailableError from None
        try:
            os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
            os.fsync(descriptor)
            self._failpoints.reach("spool.before_unlink")
            path.unlink(missing_ok=True)
            self._sync_directory()
        except OSError:
            raise StoreUnavailableError from None
        finally:
            os.close(descriptor)

    def knows(self, attempt_id: bytes) -> bool:
        return self._reader.knows(attempt_id)

    def read(self, *, skip: Collection[bytes] = ()) -> Kept:
        kept, torn = self._reader.read(skip=skip)
        for attempt_id in torn:
            # An intent that was never whole was never sent. Where the disk refuses to remove it, it stays, and stands
            # for nothing: nobody may wait for that.
            with contextlib.suppress(StoreUnavailableError):
                self.scrub(attempt_id)
        return kept

    def _path(self, attempt_id: bytes) -> Path:
        return self._directory / name_of(attempt_id)

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(descriptor: int, sealed: bytes, at: int) -> int:
    """Write a part, its length last, so that a torn part has none; return where it ends."""
    if at + LENGTH.size + len(sealed) > SIZE:
        raise OSError("a record is too long")
    view, where = memoryview(sealed), at + LENGTH.size
    while view:
        written = os.pwrite(descriptor, view, where)
        view, where = view[written:], where + written
    os.pwrite(descriptor, LENGTH.pack(len(sealed)), at)
    return where
