"""One append-only audit file while it is being written."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from mmt_grpc.audit.directory import FileName, Tail
from mmt_grpc.audit.record import FORMAT, START, encode_header, seal, timestamp

FILE_MODE: Final = 0o600
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file starts from: its name's parts, when, and what it continues."""

    role: str
    ordinal: int
    life: str
    nanoseconds: int
    predecessor: Tail | None
    skipped: Sequence[Tail] = ()

    @property
    def name(self) -> FileName:
        """The file's name."""
        return FileName(self.role, self.ordinal, timestamp(self.nanoseconds), self.life)

    def header(self) -> tuple[bytes, str]:
        """Return the first line and its hash."""
        members = {
            "time": timestamp(self.nanoseconds),
            "format": FORMAT,
            "role": self.role,
            "life": self.life,
            "predecessor": _describe(self.predecessor) if self.predecessor else None,
            "skipped": [_describe(tail) for tail in self.skipped],
        }
        previous = self.predecessor.hash if self.predecessor and self.predecessor.hash else START
        return seal(0, encode_header(members), previous)


def _describe(tail: Tail) -> dict[str, object]:
    return {"file": tail.name, "hash": tail.hash, "torn_bytes": tail.torn_bytes}


class ChainFile:
    """An open file and the end of its chain; used by one thread, but for `sync` and `close`."""

    def __init__(self, *, descriptor: int, origin: Origin, size: int, last_hash: str) -> None:
        self._descriptor = descriptor
        self.origin = origin
        self.size = size
        self.broken = False
        """Set once nothing may be appended any more: a successor has to be opened."""
        self._seq = 0
        self._hash = last_hash

    @classmethod
    def create(cls, directory: Path, origin: Origin) -> Self:
        """Create the file with its header, both durable on return; `OSError` leaves none behind where it can."""
        path = directory / str(origin.name)
        line, digest = origin.header()
        descriptor = os.open(path, _FLAGS, FILE_MODE)
        try:
            _write_whole(descriptor, line)
            os.fdatasync(descriptor)
            _sync_directory(directory)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return cls(descriptor=descriptor, origin=origin, size=len(line), last_hash=digest)

    def append(self, insides: Iterable[str]) -> None:
        """Chain records and hand them to the kernel in one write, all or none; `OSError` if it does not take them."""
        seq, last, lines = self._seq, self._hash, []
        for inside in insides:
            seq += 1
            line, last = seal(seq, inside, last)
            lines.append(line)
        data = b"".join(lines)
        try:
            _write_whole(self._descriptor, data)
        except OSError:
            self._cut_back()
            raise
        self._seq, self._hash = seq, last
        self.size += len(data)

    def _cut_back(self) -> None:
        """Remove what a failed write left; where that fails too, the successor's header will name it."""
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            self.broken = True

    def tail(self) -> Tail:
        """Return how the file ends, as its successor's header names it."""
        return Tail(str(self.origin.name), self._hash, self._torn_bytes())

    def _torn_bytes(self) -> int:
        try:
            return max(0, os.fstat(self._descriptor).st_size - self.size)
        except OSError:
            return 0

    def sync(self) -> bool:
        """Bring everything written so far to the disk; False if somebody removed or cut the file meanwhile."""
        expected = self.size
        os.fdatasync(self._descriptor)
        found = os.fstat(self._descriptor)
        return found.st_nlink > 0 and found.st_size >= expected

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _write_whole(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
