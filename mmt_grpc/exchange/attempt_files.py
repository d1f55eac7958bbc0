"""Attempts on this replica's disk: one file each, in which the answer's room is taken before anything is sent.

A file is named `attempt-<id>.record`, mode 0600: at 0 the sealed intent behind its length (4 bytes, big-endian), at
4096 the sealed answer likewise, a length of 0 where there is none. All of it is allocated and the intent fsynced before
the POST, so a disk that fills up in between cannot refuse the answer. A torn answer does not open, and counts as none.
What an answer has left of its room goes back to the disk: it is kept for minutes, and there are many.
"""

import contextlib
import os
import struct
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.sealing import RecordSealing
from mmt_grpc.exchange.attempt_records import (
    Answer,
    AttemptRecord,
    Intent,
    decode_answer,
    decode_intent,
    encode_answer,
    encode_intent,
)

KIND: Final = "attempt"
PARTIAL: Final = ".partial"
"""Ends the name of a file whose intent is not whole yet. What a death leaves of it was never sent: the spool removes it
at the next start. Under its final name it would look, to whoever settles just then, like an attempt that was not sent,
and be removed though its owner is about to send.
"""
ANSWER_AT: Final = 4096
SIZE: Final = ANSWER_AT + 28 * 1024
"""Bytes: two tokens of 8 KiB each, with much room."""
_LENGTH: Final = struct.Struct(">I")
_INTENT: Final = "intent"
_ANSWER: Final = "answer"


class AttemptFiles:
    """`AttemptLog` on a directory that exists (the spool's)."""

    def __init__(self, *, directory: Path, sealing: RecordSealing, failpoints: Failpoints, log: EventLog) -> None:
        self._directory = directory
        self._sealing = sealing
        self._failpoints = failpoints
        self._log = log

    def intend(self, intent: Intent) -> None:
        sealed = self._sealing.seal_record(_INTENT, encode_intent(intent))
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
            self._sync_directory()
            self._failpoints.reach("spool.after_intent")
        except OSError:
            # A disk that has just failed may refuse this too; what is left of it is settled like any other record.
            for left in (partial, path):
                with contextlib.suppress(OSError):
                    left.unlink(missing_ok=True)
            raise StoreUnavailableError from None

    def answer(self, intent: Intent, answer: Answer) -> None:
        sealed = self._sealing.seal_record(_ANSWER, intent.attempt_id + encode_answer(answer))
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

    def records(self, *, skip: Collection[bytes] = ()) -> Sequence[AttemptRecord]:
        skipped = {self._path(attempt_id).name for attempt_id in skip}
        paths = sorted(self._directory.glob(f"{KIND}-*.record"))
        found = [self._read(path) for path in paths if path.name not in skipped]
        kept = [record for record in found if record is not None]
        return sorted(kept, key=lambda record: (record.intent.token_key, record.intent.generation))

    def knows(self, attempt_id: bytes) -> bool:
        try:
            return bool(_part(self._path(attempt_id).read_bytes(), 0))
        except FileNotFoundError:
            return False
        except OSError:
            raise StoreUnavailableError from None

    def _read(self, path: Path) -> AttemptRecord | None:
        """Read one file; one whose intent was never whole was never sent, and is removed.

        One that is whole and does not open (its epoch is gone, a block is bad) may have been sent: it stays.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            raise StoreUnavailableError from None
        try:
            intent = decode_intent(self._sealing.open_record(_INTENT, _part(content, 0)))
        except (CredentialUnreadableError, ValueError):
            if _part(content, 0):
                self._log.error("attempt_unreadable", part="intent")
            else:
                # Where the disk refuses it stays, and stands for nothing: nobody may wait for that.
                with contextlib.suppress(StoreUnavailableError):
                    self.scrub(bytes.fromhex(path.stem.partition("-")[2]))
            return None
        return AttemptRecord(intent, self._answer_of(intent, _part(content, ANSWER_AT)))

    def _answer_of(self, intent: Intent, sealed: bytes) -> Answer | None:
        if not sealed:
            return None
        try:
            opened = self._sealing.open_record(_ANSWER, sealed)
            return decode_answer(opened.removeprefix(intent.attempt_id))
        except (CredentialUnreadableError, ValueError):
            self._log.error("attempt_unreadable", part="answer")
            return None

    def _path(self, attempt_id: bytes) -> Path:
        return self._directory / f"{KIND}-{attempt_id.hex()}.record"

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(descriptor: int, sealed: bytes, at: int) -> int:
    """Write a part, its length last, so that a torn part has none; return where it ends."""
    if at + _LENGTH.size + len(sealed) > SIZE:
        raise OSError("a record is too long")
    view, where = memoryview(sealed), at + _LENGTH.size
    while view:
        written = os.pwrite(descriptor, view, where)
        view, where = view[written:], where + written
    os.pwrite(descriptor, _LENGTH.pack(len(sealed)), at)
    return where


def _part(content: bytes, at: int) -> bytes:
    if len(content) < at + _LENGTH.size:
        return b""
    (length,) = _LENGTH.unpack_from(content, at)
    return content[at + _LENGTH.size : at + _LENGTH.size + length]
