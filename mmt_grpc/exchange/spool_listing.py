"""What lies in a spool's directory, by name: each file is looked at once, and one that is odd stops nobody.

Ten minutes' answers are tens of thousands of files, and they are listed every few seconds.
"""

import errno
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError

SUFFIX: Final = ".record"


@dataclass(frozen=True, slots=True)
class Entry:
    """A record's name, and when it was written (Unix microseconds of this machine's clock)."""

    kind: str
    key: bytes
    written_at: int


class SpoolListing:
    """Lists a directory for several threads.

    `on_odd` is told, once in a life for each, of a file whose name is no record's, and of one of which the disk does
    not even tell the time: its name, in ASCII, and a fixed word or the name of an error number.
    """

    def __init__(self, *, directory: Path, on_odd: Callable[[str, str], None]) -> None:
        self._directory = directory
        self._on_odd = on_odd
        self._known: dict[str, Entry] = {}
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def entries(self, kind: str | None = None) -> Sequence[Entry]:
        """List the records of a kind by key, or all in no order; `StoreUnavailableError` if the disk does not."""
        prefix = "" if kind is None else f"{kind}-"
        try:
            names = [name for name in names_in(self._directory) if name.startswith(prefix) and name.endswith(SUFFIX)]
        except OSError:
            raise StoreUnavailableError from None
        with self._lock:
            if kind is None:
                for name in self._known.keys() - set(names):
                    del self._known[name]
            entries = [entry for name in names if (entry := self._known.get(name) or self._learned(name)) is not None]
        if kind is None:
            return entries
        return sorted((entry for entry in entries if entry.kind == kind), key=lambda entry: entry.key)

    def oldest(self) -> int | None:
        """Return when the oldest record was written, None if there is none.

        Where the directory cannot be listed now it is what was there before: whoever asks does not live by that.
        """
        try:
            entries = self.entries()
        except StoreUnavailableError:
            with self._lock:
                entries = list(self._known.values())
        return min((entry.written_at for entry in entries), default=None)

    def forget(self, name: str) -> None:
        """Look at a file again: it has been written anew."""
        with self._lock:
            self._known.pop(name, None)

    def _learned(self, name: str) -> Entry | None:
        """Look at a file, None if it is no record or gone."""
        named = record_of(name)
        if named is None:
            self._tell(name, "foreign name")
            return None
        kind, key = named
        try:
            written_at = (self._directory / name).stat().st_mtime_ns // 1000
        except FileNotFoundError:
            return None
        except OSError as error:
            # It may be a record all the same. It is no younger than its name, which the directory has from then.
            self._tell(name, errno.errorcode.get(error.errno or 0, "unknown"))
            written_at = self._changed_at()
        self._known[name] = Entry(kind, key, written_at)
        return self._known[name]

    def _changed_at(self) -> int:
        try:
            return self._directory.stat().st_mtime_ns // 1000
        except OSError:
            return 0

    def _tell(self, name: str, why: str) -> None:
        if name not in self._told:
            self._told.add(name)
            self._on_odd(ascii(name)[1:-1], why)


def name_of(kind: str, key: bytes) -> str:
    """Return the name of a record's file."""
    return f"{kind}-{key.hex()}{SUFFIX}"


def record_of(name: str) -> tuple[str, bytes] | None:
    """Return the kind and key of a record by its file's name, None if it is not what `name_of` gives."""
    kind, _, digits = name.removesuffix(SUFFIX).rpartition("-")
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        return None
    return (kind, key) if kind and key and name_of(kind, key) == name else None


def names_in(directory: Path) -> Sequence[str]:
    """Return what is in a directory; raises `OSError`."""
    return os.listdir(directory)  # noqa: PTH208  # a path for each of the tens of thousands takes ten times as long


def listed(directory: Path, kind: str | None = None) -> Sequence[Entry]:
    """List a spool's records of a kind, or all, by name, whoever uses it; `StoreUnavailableError` if it cannot be."""
    listing = SpoolListing(directory=directory, on_odd=lambda _, __: None)
    return sorted(listing.entries(kind), key=lambda entry: (entry.kind, entry.key))
