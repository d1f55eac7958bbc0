"""Faults of the machine: a full disk, a database's clock that jumps, a holder that stands still, a lost replica."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.campaign.at_death import Deaths, strike_at_commit
from tests.campaign.faults import await_rotations
from tests.campaign.fleet import Fleet, owner_of
from tests.campaign.member import Member
from tests.support.database_server import Database
from tests.support.service import ended
from tests.support.waiting import until

FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
_CLOCK_FILE: Final = "clock"
_LONGEST_JUMP: Final = 120
"""Seconds: beyond the lease of 60, below the 10 minutes after which a replica counts as gone."""
_SMALL_DISK: Final = "size=512m,mode=700"
_CHUNK: Final = 1 << 20
PAST_THE_LEASE: Final = 66.0
_NEED_LIMIT: Final = 10.0
"""So long a replica may have nothing to write down."""
_CLOCK_TOLERANCE: Final = 3.0
FORGETTABLE_AFTER: Final = 120.0
"""A replica that was seen less than a minute ago is not forgotten."""


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of its own for one replica's state; needs the right to mount. Raises `CalledProcessError`."""
    folder.mkdir(mode=0o700)
    _run("mount", "-t", "tmpfs", "-o", _SMALL_DISK, "tmpfs", folder)
    try:
        yield folder
    finally:
        _run("umount", "--lazy", folder)


def _run(program: str, *arguments: str | Path) -> None:
    path = shutil.which(program, path="/usr/bin:/bin:/usr/sbin:/sbin")
    assert path is not None, f"there is no {program}"
    subprocess.run([path, *arguments], check=True, capture_output=True)


@dataclass
class FullDisk:
    """The disk below one replica's spool is full until the replica says so, and for some seconds more."""

    fleet: Fleet
    member: Member
    chance: random.Random

    def cycle(self) -> str:
        await_rotations(self.fleet, 1)
        ballast, before = self.member.state_dir / "ballast", self.member.logged()
        try:
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(bytes(_CHUNK)):
                    pass
            noticed = self._is_noticed(before)
            time.sleep(2 * self.chance.random())
        finally:
            ballast.unlink(missing_ok=True)
        return "disk full" if noticed else "disk full and not needed"

    def _is_noticed(self, before: int) -> bool:
        try:
            until(lambda: self.member.has_logged("spool_disk_failed", since=before), "a record", patience=_NEED_LIMIT)
        except AssertionError:
            return False
        return True


def needs_a_movable_clock() -> None:
    """Raise `SystemExit` if the library is missing that a database's clock is moved with."""
    if not FAKETIME.exists():
        raise SystemExit("this stage moves the database's clock: it needs the Debian package faketime")


def move_clock_by(database: Database, seconds: int) -> None:
    """Have the clock of a database with a movable one differ from the machine's."""
    _write_clock(database.folder, seconds)


def movable_clock(folder: Path) -> Sequence[str]:
    """Return the environment in which a database's clock is the one that `move_clock_by` moves in its folder."""
    _write_clock(folder, 0)
    return [
        f"LD_PRELOAD={FAKETIME}",
        f"FAKETIME_TIMESTAMP_FILE={folder / _CLOCK_FILE}",
        "FAKETIME_CACHE_DURATION=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ]


def _write_clock(folder: Path, seconds: int) -> None:
    fresh = folder / f".{_CLOCK_FILE}"
    fresh.write_text(f"{seconds:+d}", encoding="ascii")
    fresh.chmod(0o644)
    fresh.replace(folder / _CLOCK_FILE)


@dataclass
class ClockJumps:
    """The database's clock jumps by up to two minutes, forwards or back, and later jumps again."""

    database: Database
    chance: random.Random

    def cycle(self) -> str:
        seconds = self.chance.randint(-_LONGEST_JUMP, _LONGEST_JUMP)
        move_clock_by(self.database, seconds)
        time.sleep(1 + 2 * self.chance.random())
        return "clock jumped" if abs(self._ahead() - seconds) < _CLOCK_TOLERANCE else "clock stayed"

    def _ahead(self) -> float:
        """By how many seconds the database's clock is ahead of the machine's."""
        ((database,),) = self.database.administrate("SELECT UNIX_TIMESTAMP(NOW(6))")
        return float(str(database)) - time.time()


@dataclass
class Together:
    """All kinds at once: each cycle is one of them, chosen by chance."""

    kinds: list[Callable[[], str]]
    chance: random.Random

    def cycle(self) -> str:
        return self.chance.choice(self.kinds)()


def stand_still(fleet: Fleet, member: Member) -> bool:
    """Stop a replica's exchanger while it waits for an answer, until its lease is over; True if one was caught so."""
    pid = member.exchanger()
    if pid is None:
        return False
    before = len(fleet.notary.refreshes())
    member.signal(signal.SIGSTOP)
    strike_at_commit(fleet, member, pid, after=1e-4, patience=30)()
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(PAST_THE_LEASE)
    finally:
        os.kill(pid, signal.SIGCONT)
        member.signal(signal.SIGCONT)
    return len(fleet.notary.refreshes()) > before


def lose_for_good(fleet: Fleet, member: Member, deaths: Deaths) -> None:
    """Kill a replica whose disk is lost with it, and say so to the others once it counts as gone."""
    owner = owner_of(member)
    fleet.members.remove(member)
    member.kill()
    deaths.examine(member, time.monotonic(), disk_lost=True)
    member.lose_disk()

    def forgotten() -> bool:
        return ended("--config", str(fleet.dev.config), "replicas", "forget", owner).returncode == 0

    until(forgotten, "the lost replica is forgotten", patience=FORGETTABLE_AFTER)
