"""System calls on replicas' disks: as much of `os` as the spool uses, each call a step in which others may go on."""

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Final

from mmt_grpc.exchange import attempt_files, spool, spool_listing
from tests.simulation.disk import File, SimulatedDisk
from tests.simulation.paths import SimulatedPath

FIRST_DESCRIPTOR: Final = 1000


class SimulatedOs:
    """What stands in the place of the module `os`; descriptors are of all disks together."""

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

    def listdir(self, path: SimulatedPath) -> list[str]:
        path.disk.work("list")
        return list(path.disk.names)

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
    modules = (attempt_files, spool, spool_listing)
    before = [vars(module)["os"] for module in modules]
    simulated = SimulatedOs()
    for module in modules:
        vars(module)["os"] = simulated
    make_durably = vars(spool)["make_durably"]
    # The one directory that a simulated disk has is there from the beginning.
    vars(spool)["make_durably"] = lambda _: None

    def end() -> None:
        vars(spool)["make_durably"] = make_durably
        for module, old in zip(modules, before, strict=True):
            vars(module)["os"] = old

    return end
