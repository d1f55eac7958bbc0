"""Paths on a replica's disk: as much of `pathlib` as the spool uses."""

import errno
from collections.abc import Iterator
from types import SimpleNamespace

from tests.simulation.disk import File, SimulatedDisk


class SimulatedPath:
    """A file in the one directory that a disk has; the path without a name is that directory."""

    __slots__ = ("disk", "name")

    def __init__(self, disk: SimulatedDisk, name: str = "") -> None:
        self.disk = disk
        self.name = name

    def __truediv__(self, name: str) -> "SimulatedPath":
        return SimulatedPath(self.disk, name)

    def __lt__(self, other: "SimulatedPath") -> bool:
        return self.name < other.name

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0]

    def with_suffix(self, suffix: str) -> "SimulatedPath":
        return SimulatedPath(self.disk, self.stem + suffix)

    def glob(self, pattern: str) -> Iterator["SimulatedPath"]:
        first, *_, last = pattern.split("*")
        names = [name for name in self.disk.names if name.startswith(first) and name.endswith(last)]
        return iter([SimulatedPath(self.disk, name) for name in names])

    def read_bytes(self) -> bytes:
        self.disk.work("read")
        if self._file().bad_until > self.disk.now:
            raise OSError(errno.EIO, "simulated")
        return bytes(self._file().cached)

    def stat(self) -> SimpleNamespace:
        return SimpleNamespace(st_mtime_ns=self._file().written_at * 1000)

    def unlink(self, *, missing_ok: bool = False) -> None:
        self.disk.work("unlink")
        if self.disk.names.pop(self.name, None) is None and not missing_ok:
            raise FileNotFoundError(self.name)

    def rename(self, target: "SimulatedPath") -> None:
        self.disk.work("rename")
        file = self._file()
        del self.disk.names[self.name]
        file.name = target.name
        self.disk.names[target.name] = file

    def _file(self) -> File:
        file = self.disk.names.get(self.name)
        if file is None:
            raise FileNotFoundError(self.name)
        return file
