"""The processes of an installation, by their titles."""

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from tests.support.waiting import until

_PROC = Path("/proc")


def children(parent: int) -> Mapping[str, int]:
    """The process ids of a supervisor's children, by title (`mmt: worker 0`)."""
    found = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and _parent(entry) == parent:
            found[title(int(entry.name))] = int(entry.name)
    return found


def title(pid: int) -> str:
    """What a process calls itself; empty for one that is gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0 ").decode(errors="replace")
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    try:
        return "State:\tZ" not in (_PROC / str(pid) / "status").read_text()
    except OSError:
        return False


def kill(pid: int) -> None:
    """End a process as nobody can prevent, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_running(pid), "a killed process ends")


def child(parent: int, role: str) -> int:
    """The process id of one child: `worker 0`, `exchanger`, `sandbox`."""
    return until(lambda: children(parent).get(f"mmt: {role}"), f"there is a process {role}") or 0


def _parent(entry: Path) -> int | None:
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return None
