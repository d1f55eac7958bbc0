"""A replica's disk: what is written is in the page cache, what is fsynced is on the disk, and either may be refused."""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation.scheduler import Process, Scheduler


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
