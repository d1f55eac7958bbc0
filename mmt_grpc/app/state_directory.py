"""A replica's state directory: locked by one supervisor, and the place of the replica's own name."""

import fcntl
import itertools
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmt_grpc.exchange.directories import make_durably, sync, sync_directory

OWNER_BYTES: Final = 16
SOCKETS: Final = "mmt-"
_LOCK_PATIENCE: Final = 30.0
_PAUSE: Final = 0.1


class LockedError(Exception):
    """Another replica's processes use the state directory."""


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """A locked state directory. The lock is the descriptor's: the exchanger inherits it, and while it drains after its
    supervisor's death no other replica starts here.
    """

    path: Path
    lock: int
    owner: bytes

    @classmethod
    def enter(
        cls, path: Path, *, patience: float = _LOCK_PATIENCE, on_wait: Callable[[Path], None] = lambda _: None
    ) -> "StateDirectory":
        """Make (0700) and lock the directory; `LockedError` if another holds it for `patience` seconds.

        `on_wait` is called once if it has to be waited for. `OSError` if the directory cannot be made, or the disk does
        not keep it or the replica's id: after a power cut the replica has to be the same.
        """
        make_durably(path)
        name = path / "lock"
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(lock, path, patience, on_wait)
            owner = _owner(lock)
            # Whether it was written now or by a life that died before it came to this.
            sync(lock, name)
            sync_directory(path)
        except BaseException:
            os.close(lock)
            raise
        return cls(path, lock, owner)

    def socket_directory(self) -> Path:
        """Return a new directory (0700) with a path short enough for a unix socket's 107 characters.

        The one of a supervisor that was killed is removed: the state directory remembers it.
        """
        note = self.path / "sockets"
        if note.exists():
            left = Path(note.read_text(encoding="utf-8"))
            if left.name.startswith(SOCKETS) and left.parent == Path(tempfile.gettempdir()):
                shutil.rmtree(left, ignore_errors=True)
        directory = Path(tempfile.mkdtemp(prefix=SOCKETS))
        note.write_text(str(directory), encoding="utf-8")
        return directory


def _lock(lock: int, path: Path, patience: float, on_wait: Callable[[Path], None]) -> None:
    start = time.monotonic()
    for attempt in itertools.count():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= start + patience:
                raise LockedError(f"another replica runs on {path}") from None
            if attempt == 0:
                on_wait(path)
            time.sleep(_PAUSE)
        else:
            return


def _owner(lock: int) -> bytes:
    """Return the replica's random id, written into the locked file once and the same over restarts."""
    owner = os.pread(lock, OWNER_BYTES, 0)
    if len(owner) != OWNER_BYTES:
        owner = secrets.token_bytes(OWNER_BYTES)
        os.pwrite(lock, owner, 0)
        os.ftruncate(lock, OWNER_BYTES)
    return owner
