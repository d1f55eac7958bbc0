"""The kinds of faults: each does one cycle at a time, and can be undone at the end."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tests.campaign.at_death import Deaths, strike_at_commit
from tests.campaign.fleet import Fleet
from tests.campaign.member import Member, kill_process
from tests.support.waiting import until

SETTLED: Final = 1.5
"""Seconds after which a process has begun its work: to kill one that has not would prove little."""
SHORT_PAUSE: Final = 0.05
_OVER_IT: Final = 3
"""So many rotations since the last fault say that the fleet is over it."""
_RECOVERY_LIMIT: Final = 180.0
_STRIKE_LIMIT: Final = 3.0
_FEW_MILLISECONDS: Final = 0.03


class Fault(Protocol):
    """One kind of fault."""

    def cycle(self) -> str:
        """Do it once, and undo what does not undo itself; return what has happened, which is counted."""
        ...


def await_rotations(fleet: Fleet, count: int) -> None:
    """Wait until so many more tokens have rotated: a fault that meets an idle fleet proves nothing."""
    enough = fleet.notary.committed + count
    until(lambda: fleet.notary.committed >= enough, "tokens rotate", patience=_RECOVERY_LIMIT)


def await_moment(fleet: Fleet, chance: random.Random) -> None:
    """Wait until rotations are going on again, and then for some milliseconds after one.

    A fleet that is still getting over the last outage spends nothing, and has nothing to lose.
    """
    await_rotations(fleet, _OVER_IT)
    time.sleep(chance.random() * _FEW_MILLISECONDS)


@dataclass
class WorkerKills:
    """kill -9 of a worker that serves, at any moment."""

    fleet: Fleet
    chance: random.Random

    def cycle(self) -> str:
        def victim() -> int | None:
            running = [pid for member in self.fleet.members for pid in member.workers(SETTLED)]
            return self.chance.choice(running) if running else None

        await_rotations(self.fleet, 1)
        kill_process(until(victim, "a worker serves"))
        time.sleep(self.chance.random() * SHORT_PAUSE)
        return "worker killed"


@dataclass
class ExchangerKills:
    """kill -9 of an exchanger: at any moment, just after the exchange has committed, or just before it answers."""

    fleet: Fleet
    chance: random.Random
    deaths: Deaths

    def cycle(self) -> str:
        await_rotations(self.fleet, 1)
        member, pid = self._victim()
        self.deaths.kill(member, pid, self._moment(member, pid))
        time.sleep(self.chance.random() * SHORT_PAUSE)
        return "exchanger killed"

    def _moment(self, member: Member, pid: int) -> Callable[[], None]:
        """Choose one of three: a tenth lose an answer for certain, a half hit its way to disk and row."""
        aim = self.chance.random()
        if aim >= 0.1 + 0.5:
            return lambda: None
        after = 0.0 if aim < 0.1 else 1e-4 + self.chance.random() * _FEW_MILLISECONDS
        return strike_at_commit(self.fleet, member, pid, after=after, patience=_STRIKE_LIMIT)

    def _victim(self) -> tuple[Member, int]:
        def found() -> tuple[Member, int] | None:
            running = [(member, pid) for member in self.fleet.members if (pid := member.exchanger(SETTLED)) is not None]
            return self.chance.choice(running) if running else None

        return until(found, "an exchanger serves")


@dataclass
class SupervisorKills:
    """kill -9 of a whole replica by its supervisor; the exchanger drains, and the replica comes back on its disk."""

    fleet: Fleet
    chance: random.Random
    deaths: Deaths

    def cycle(self) -> str:
        member = self.chance.choice(self.fleet.servers)
        member.kill()
        self.deaths.examine(member, time.monotonic())
        time.sleep(self.chance.random())
        member.launch()
        member.await_ready(120)
        return "supervisor killed"


@dataclass
class DatabaseFaults:
    """The database is killed, frozen, made read-only or restarted, and comes back."""

    fleet: Fleet
    chance: random.Random

    def cycle(self) -> str:
        await_moment(self.fleet, self.chance)
        kinds: Mapping[str, Callable[[], None]] = {
            "killed": self._kill,
            "frozen": self._freeze,
            "read-only": self._read_only,
            "restarted": self._restart,
        }
        kind = self.chance.choice(sorted(kinds))
        kinds[kind]()
        return f"database {kind}"

    def _kill(self) -> None:
        self.fleet.database.kill()
        time.sleep(self.chance.random() * 0.5)
        self.fleet.database.start()

    def _freeze(self) -> None:
        process = self.fleet.database.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            # Mostly short; now and then longer than a statement is waited for.
            time.sleep(self.chance.choice((0.1, 0.5, 1.0, 4.0)) * (0.5 + self.chance.random()))
        finally:
            process.send_signal(signal.SIGCONT)

    def _read_only(self) -> None:
        self.fleet.database.administrate("SET GLOBAL read_only = ON")
        try:
            time.sleep(self.chance.random() * 1.5)
        finally:
            self.fleet.database.administrate("SET GLOBAL read_only = OFF")

    def _restart(self) -> None:
        self.fleet.database.stop()
        self.fleet.database.start()
