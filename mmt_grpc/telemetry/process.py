"""What a process shows of itself in /proc: its title, and an environment without secrets."""

import ctypes
import os
from pathlib import Path
from typing import Final

import setproctitle

_ENVIRON: Final = Path("/proc/self/environ")
_STAT: Final = Path("/proc/self/stat")
# proc(5): fields 50 and 51; what follows the command's closing bracket begins with field 3.
_ENV_START: Final = 50 - 3
_ENV_END: Final = 51 - 3


class EnvironmentNotWipedError(Exception):
    """The environment that the process was started with can still be read in /proc."""


def set_title(title: str) -> None:
    """Make `title` the process's command line and name, as `ps` shows it."""
    setproctitle.setproctitle(title)


def wipe_environment(prefix: str) -> None:
    """Take every variable that begins with `prefix` out of the environment and overwrite it where /proc shows it.

    Removing a variable from `os.environ` leaves the memory that /proc/PID/environ shows as it was at the start. A title
    overwrites that memory by accident (not under SPT_NOENV, and only once it is set): this does it on purpose. Raises
    `EnvironmentNotWipedError` if a variable can still be seen.
    """
    # It finds the command line through the environment's memory, and so must look before that changes.
    setproctitle.getproctitle()
    for name in [name for name in os.environ if name.startswith(prefix)]:
        del os.environ[name]
    marker = prefix.encode()
    start, end = _block()
    if start:
        # Through our own address space: the block belongs to this process, and its bounds come from the kernel.
        block = (ctypes.c_char * (end - start)).from_address(start)
        for at, entry in _entries(bytes(block)):
            if entry.startswith(marker):
                ctypes.memset(start + at, 0, len(entry))
    if any(entry.startswith(marker) for _, entry in _entries(_ENVIRON.read_bytes())):
        raise EnvironmentNotWipedError("a variable can still be read in /proc/self/environ")


def _block() -> tuple[int, int]:
    """Return where the kernel says the environment lies, zeros where it does not say."""
    fields = _STAT.read_text(encoding="ascii", errors="replace").rpartition(") ")[2].split()
    return int(fields[_ENV_START]), int(fields[_ENV_END])


def _entries(block: bytes) -> list[tuple[int, bytes]]:
    entries, at = [], 0
    for entry in block.split(b"\0"):
        entries.append((at, entry))
        at += len(entry) + 1
    return entries
