"""The directory of audit files: how they are named, found and read."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmt_grpc.audit.record import check

DIRECTORY_MODE: Final = 0o700
_NAME: Final = re.compile(
    r"(?P<role>[a-z][a-z0-9-]*)\.(?P<ordinal>\d{8})\.(?P<time>[0-9TZ.]+)\.(?P<life>[0-9a-f]+)\.jsonl"
)
_ROLE: Final = re.compile(r"[a-z][a-z0-9-]*")
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class FileName:
    """What a file's name says; files of a role are ordered by `ordinal`, so that a clock that jumps changes nothing."""

    role: str
    ordinal: int
    time: str
    life: str

    def __post_init__(self) -> None:
        if not _ROLE.fullmatch(self.role):
            raise ValueError("a role is lower-case letters, digits and hyphens")

    def __str__(self) -> str:
        moment = self.time.replace("-", "").replace(":", "")
        return f"{self.role}.{self.ordinal:08d}.{moment}.{self.life}.jsonl"


@dataclass(frozen=True, slots=True)
class Tail:
    """How a file ends: the hash of its last whole line, None if it has none, and the bytes of a torn one behind it."""

    name: str
    hash: str | None
    torn_bytes: int


def prepare(path: Path) -> None:
    """Make the directory for its owner alone; `OSError` if that cannot be."""
    path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    path.chmod(DIRECTORY_MODE)


def names(path: Path) -> Sequence[FileName]:
    """Return the names of all audit files, by role, then in order."""
    matches = (_NAME.fullmatch(entry.name) for entry in os.scandir(path))
    found = [FileName(m["role"], int(m["ordinal"]), m["time"], m["life"]) for m in matches if m is not None]
    return sorted(found, key=lambda name: (name.role, name.ordinal, name.time))


def read_tail(path: Path) -> Tail:
    """Read how a file ends; `OSError` if it cannot be read."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        data, start = b"", size
        while start > 0:
            start = max(0, start - _CHUNK)
            file.seek(start)
            data = file.read(size - start)
            whole, line_break, torn = data.rpartition(b"\n")
            if not line_break:
                continue
            before, another, last = whole.rpartition(b"\n")
            del before
            if another or start == 0:
                checked = check(last)
                return Tail(path.name, checked[2] if checked else None, len(torn))
    return Tail(path.name, None, size)


def predecessors(path: Path, role: str) -> tuple[Tail | None, Sequence[Tail], int]:
    """Return the newest file of a role that ends in a whole line, the newer ones that do not, and the next ordinal."""
    skipped: list[Tail] = []
    known = [name for name in names(path) if name.role == role]
    following = known[-1].ordinal + 1 if known else 1
    for name in reversed(known):
        tail = read_tail(path / str(name))
        if tail.hash is not None:
            return tail, skipped, following
        skipped.append(tail)
    return None, skipped, following
