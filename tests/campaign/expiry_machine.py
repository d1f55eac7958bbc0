"""How busy the machine was, and with whom: what is slow on a machine that others use may be slow because of them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE = (3, 4)  # idle, and waiting for the disk, of the counters of /proc/stat


@dataclass(frozen=True)
class Reading:
    """Seconds of CPU that have been used by `at` (monotonic): by all, and by this process and those below it."""

    at: float
    everybody: float
    ours: float


@dataclass(frozen=True)
class Cores:
    """How many cores were at work on average: those of `machine` that anybody used, and those that we did."""

    phase: str
    machine: int
    everybody: float
    ours: float


def read() -> Reading:
    """Read what has been used so far."""
    counters = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:9]]
    busy = sum(count for number, count in enumerate(counters) if number not in _IDLE)
    return Reading(time.monotonic(), busy / _TICKS, _used_below(os.getpid()))


def cores(phase: str, readings: Sequence[tuple[Reading, Reading]]) -> Cores:
    """Return how busy the machine was between each two readings, all together."""
    seconds = sum(last.at - first.at for first, last in readings)
    everybody = sum(last.everybody - first.everybody for first, last in readings)
    ours = sum(last.ours - first.ours for first, last in readings)
    return Cores(phase, os.cpu_count() or 0, everybody / seconds, ours / seconds)


def _used_below(root: int) -> float:
    """What a process and all below it have used, those that have ended and were waited for included."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = sum(int(field) for field in fields[11:15])
    ours = {root}
    while found := {pid for pid, parent in parents.items() if parent in ours and pid not in ours}:
        ours |= found
    return sum(used.get(pid, 0) for pid in ours) / _TICKS
