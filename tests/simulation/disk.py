"""A replica's disk: what is written is in the page cache, what is fsynced is on the disk, and either may be refused."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Final

from mmt_grpc.exchange import attempt_files, spool
from tests.simulation.scheduler import Process, Scheduler

FIRST_DESCRIPTOR: Final = 1000


@dataclass(slots=True)
class File:
    """One file: as processes see it, and as the disk has it."""

    cached: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    written_at: int = 0
    name: str = ""
    bad_until: int = 0
    """Until when reading it is answered with EIO."""


class SimulatedDisk:
    """One replica's disk. `is_full` refuses new blocks, `is_bad` everything; `wall` is the machine's wall clock."""

    def __init__(self, *, scheduler: Scheduler, on_sync: Callable[["SimulatedDisk", File], None]) -> None:
        self.is_full = False
        self.is_bad = False
        self.is_lost = False
        self.had_trouble = False
        """Whether it ever refused something."""
        self.wall_shift = 0
        self.process: Process | None = None
        self.names: dict[str, File] = {}
        self._durable_names: dict[str, File] = {}
        self._scheduler = scheduler
        self._on_sync = on_sync

    @property
    def root(self) -> "SimulatedPath":
        """The directory that everything is in."""
        return SimulatedPath(self, "")

    @property
    def now(self) -> int:
        return self._scheduler.now

    def wall(self) -> int:
        return self.now + self.wall_shift + 1_900_000_000_000_000

    def work(self, kind: str, *, takes_blocks: bool = False) -> None:
        """Take a step of this disk, or refuse it."""
        assert self.process is not None
        self._scheduler.step(self.process, kind, wait=40)
        if self.is_bad:
            self.had_trouble = True
            raise OSError(errno.EIO, "simulated")
        if takes_blocks and self.is_full:
            self.had_trouble = True
            raise OSError(errno.ENOSPC, "simulated")

    def create(self, name: str) -> File:
        self.names[name] = File(written_at=self.wall(), name=name)
        return self.names[name]

    def sync(self, file: File) -> None:
        self.work("fsync")
        file.durable = bytes(file.cached)
        self._on_sync(self, file)

    def sync_names(self) -> None:
        self.work("fsync directory")
        self._durable_names = dict(self.names)

    def holds(self, name: str) -> bool:
        """Whether a file would be there after a power cut, with something in it."""
        return name in self._durable_names and bool(self._durable_names[name].durable)

    def lose_power(self) -> None:
        """Forget what was not fsynced; of a file or a name that was not, either version may be what is left."""
        draw = self._scheduler.random.random
        names = {*self.names, *self._durable_names}
        kept: dict[str, File] = {}
        for name in sorted(names):
            at_risk = self.names.get(name) is not self._durable_names.get(name)
            source = self.names if at_risk and draw() < 0.5 else self._durable_names
            if name in source:
                kept[name] = source[name]
        for file in kept.values():
            if bytes(file.cached) != file.durable:
                file.cached = bytearray(self._torn(file) if draw() < 0.3 else file.durable)
                file.durable = bytes(file.cached)
        self.names, self._durable_names = kept, dict(kept)

    def _torn(self, file: File) -> bytes:
        """Some of the bytes that were not fsynced have come to the disk: those up to a point, or those from it."""
        old, new = file.durable.ljust(len(file.cached), b"\0"), bytes(file.cached)
        at = self._scheduler.random.randrange(len(new) + 1)
        return new[:at] + old[at:] if self._scheduler.random.random() < 0.5 else old[:at] + new[at:]


class SimulatedPath:
    """As much of `pathlib.Path` as the spool uses."""

    __slots__ = ("disk", "name")

    def __init__(self, disk: SimulatedDisk, name: str) -> None:
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

    def mkdir(self, **_: object) -> None:
        return

    def glob(self, pattern: str) -> Iterator["SimulatedPath"]:
        first, *_, last = pattern.split("*")
        names = [name for name in self.disk.names if name.startswith(first) and name.endswith(last)]
        return iter([SimulatedPath(self.disk, name) for name in names])

    def iterdir(self) -> Iterator["SimulatedPath"]:
        self.disk.work("list")
        return iter([SimulatedPath(self.disk, name) for name in self.disk.names])

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


class SimulatedOs:
    """As much of `os` as the spool uses, on simulated disks."""

    O_WRONLY, O_RDONLY, O_CREAT, O_EXCL = os.O_WRONLY, os.O_RDONLY, os.O_CREAT, os.O_EXCL
    O_TRUNC, O_CLOEXEC, O_DIRECTORY = os.O_TRUNC, os.O_CLOEXEC, os.O_DIRECTORY

    def __init__(self) -> None:
        self._open: dict[int, tuple[SimulatedDisk, File | None]] = {}
        self._written: dict[int, int] = {}
        self._next = FIRST_DESCRIPTOR

    def open(self, path: SimulatedPath, flags: int, mode: int = 0) -> int:
        del mode
        disk = path.disk
        file: File | None = None
        if not flags & os.O_DIRECTORY:
            disk.work("open", takes_blocks=bool(flags & os.O_CREAT))
            file = disk.names.get(path.name)
            if file is None and not flags & os.O_CREAT:
                raise FileNotFoundError(path.name)
            if file is not None and flags & os.O_EXCL:
                raise FileExistsError(path.name)
            if file is None or flags & os.O_TRUNC:
                file = disk.create(path.name)
        self._next += 1
        self._open[self._next] = (disk, file)
        return self._next

    def close(self, descriptor: int) -> None:
        del self._open[descriptor]

    def posix_fallocate(self, descriptor: int, offset: int, length: int) -> None:
        del offset, length
        self._open[descriptor][0].work("fallocate", takes_blocks=True)

    def write(self, descriptor: int, content: bytes) -> int:
        disk, file = self._open[descriptor]
        assert file is not None
        at = self._written.get(descriptor, 0)
        disk.work("write", takes_blocks=True)
        file.cached[at : at + len(content)] = content
        file.written_at = disk.wall()
        self._written[descriptor] = at + len(content)
        return len(content)

    def pwrite(self, descriptor: int, content: bytes, at: int) -> int:
        disk, file = self._open[descriptor]
        assert file is not None
        disk.work("write")
        if at == 0 and len(content) >= len(file.cached) and not any(content):
            # Zeros all over: what is behind the end reads as zeros here.
            file.cached.clear()
            return len(content)
        if len(file.cached) < at:
            file.cached.extend(bytes(at - len(file.cached)))
        file.cached[at : at + len(content)] = content
        file.written_at = disk.wall()
        return len(content)

    def ftruncate(self, descriptor: int, length: int) -> None:
        disk, file = self._open[descriptor]
        assert file is not None
        disk.work("ftruncate")
        del file.cached[length:]

    def fsync(self, descriptor: int) -> None:
        disk, file = self._open[descriptor]
        if file is None:
            disk.sync_names()
        else:
            disk.sync(file)

    fdatasync = fsync

    def fstat(self, descriptor: int) -> SimpleNamespace:
        file = self._open[descriptor][1]
        assert file is not None
        return SimpleNamespace(st_size=len(file.cached))


def on_simulated_disks() -> Callable[[], None]:
    """Have the spool and the attempts use simulated disks; returns what ends that."""
    modules = (attempt_files, spool)
    before = [vars(module)["os"] for module in modules]
    simulated = SimulatedOs()
    for module in modules:
        vars(module)["os"] = simulated

    def end() -> None:
        for module, old in zip(modules, before, strict=True):
            vars(module)["os"] = old

    return end
