"""The spool: sealed records on this replica's own disk, each durable before anybody is told.

One file a record, `<kind>-<key>.record`, mode 0600, in a directory of mode 0700. A record is written beside its name,
fsynced, renamed over it, and the directory fsynced; scrubbed means overwritten, fsynced and unlinked.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.sealing import RecordSealing
from mmt_grpc.exchange.directories import make_durably
from mmt_grpc.exchange.spool_listing import Entry, SpoolListing, name_of

_PARTIAL: Final = ".partial"
_LOCKS: Final = 64


class Spool:
    """Keeps records by kind and key (up to 64 bytes)."""

    def __init__(self, *, directory: Path, sealing: RecordSealing, failpoints: Failpoints, log: EventLog) -> None:
        """Use `directory`, made durably with mode 0700 if it is missing; leftovers of torn writes are removed.

        `StoreUnavailableError` if the disk does not keep the directory: no record in it would be durable.
        """
        try:
            make_durably(directory)
        except OSError as error:
            log.error("spool_disk_failed", why=errno.errorcode.get(error.errno or 0, "unknown"))
            raise StoreUnavailableError from None
        self._directory = directory
        self._log = log
        self._listing = SpoolListing(directory=directory, on_odd=self._report)
        self._sealing = sealing
        self._failpoints = failpoints
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        for partial in directory.glob(f"*{_PARTIAL}"):
            try:
                partial.unlink()
            except OSError as error:
                # It stands for nothing, and the next start tries again.
                self._report(ascii(partial.name)[1:-1], errno.errorcode.get(error.errno or 0, "unknown"))

    def put(self, kind: str, key: bytes, content: bytes, *, room: int = 0) -> None:
        """Write a record durably, replacing the one of this name; `StoreUnavailableError` if the disk refuses.

        `room`: bytes that have to be free for it, though it be shorter.
        """
        path = self._path(kind, key)
        sealed = self._sealing.seal_record(kind, content)
        with self._lock_of(key):
            try:
                self._write(path, sealed, room)
                self._listing.forget(path.name)
            except OSError:
                # What is left of it would take room of a full disk until the next start, and hold credentials.
                with contextlib.suppress(OSError):
                    path.with_suffix(_PARTIAL).unlink(missing_ok=True)
                raise StoreUnavailableError from None

    def get(self, kind: str, key: bytes) -> bytes | None:
        """Read a record, None if there is none; `CredentialUnreadableError` if it cannot be opened."""
        try:
            sealed = self._path(kind, key).read_bytes()
            if _is_overwritten(sealed):
                self._finish_scrub(kind, key)
                return None
        except FileNotFoundError:
            return None
        except OSError:
            raise CredentialUnreadableError from None
        return self._sealing.open_record(kind, sealed)

    def is_lost(self, kind: str, key: bytes) -> bool:
        """Whether a record's key epoch has been destroyed, so that nobody can ever open it again."""
        try:
            return self._sealing.is_lost(self._path(kind, key).read_bytes())
        except OSError:
            return False

    def scrub(self, kind: str, key: bytes) -> None:
        """Remove a record for good; one that is not there is fine. `StoreUnavailableError` if the disk refuses."""
        with self._lock_of(key):
            try:
                self._overwrite(self._path(kind, key))
            except FileNotFoundError:
                return
            except OSError:
                raise StoreUnavailableError from None

    def entries(self, kind: str | None = None) -> Sequence[Entry]:
        """List the records of a kind by key, or all, without opening them.

        One that the disk says nothing of but its name is among them: it may be read another day. Raises
        `StoreUnavailableError` if the directory cannot be listed.
        """
        return self._listing.entries(kind)

    def oldest(self) -> int | None:
        """Return when the oldest record was written, None if there is none; as was known last if the disk does not say.

        No trouble of the disk raises: a replica that fell silent for it would be taken for dead.
        """
        return self._listing.oldest()

    def _write(self, path: Path, sealed: bytes, room: int) -> None:
        partial = path.with_suffix(_PARTIAL)
        self._failpoints.reach("record.before_write")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if room:
                os.posix_fallocate(descriptor, 0, room)
            _write_all(descriptor, sealed)
            if room:
                os.ftruncate(descriptor, len(sealed))
            self._failpoints.reach("record.before_sync")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.rename(path)
        self._failpoints.reach("record.before_name_sync")
        self._sync_directory()
        self._failpoints.reach("record.after_write")

    def _overwrite(self, path: Path) -> None:
        self._failpoints.reach("record.before_scrub")
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            _write_all(descriptor, bytes(os.fstat(descriptor).st_size))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._failpoints.reach("record.before_unlink")
        path.unlink()
        self._sync_directory()

    def _finish_scrub(self, kind: str, key: bytes) -> None:
        """Remove a record that a death has left overwritten, unless another is there by now: it stands for nothing."""
        path = self._path(kind, key)
        with self._lock_of(key):
            if _is_overwritten(path.read_bytes()):
                path.unlink()
                self._sync_directory()

    def _lock_of(self, key: bytes) -> threading.Lock:
        """Return what keeps two threads from writing one record, or removing what the other has just written."""
        return self._locks[key[0] % len(self._locks)]

    def _path(self, kind: str, key: bytes) -> Path:
        return self._directory / name_of(kind, key)

    def _report(self, file: str, why: str) -> None:
        self._log.error("spool_file_odd", file=file, why=why)

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_overwritten(sealed: bytes) -> bool:
    return bool(sealed) and not any(sealed)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
