"""Directories that a power cut leaves: what stands in one is there after it only if the directory above was fsynced."""

import errno
import os
from pathlib import Path
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def make_durably(directory: Path, *, mode: int = 0o700) -> None:
    """Make a directory, and those above it that are missing, and fsync the name of each; `OSError` names what failed.

    The name of one that is there is fsynced too: it may be what a death has left between its making and its fsync.
    Those above it are made with the usual mode.
    """
    if directory.is_dir():
        _sync_name(directory)
        return
    if directory.exists():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))
    above = directory.parent
    make_durably(above, mode=0o777)
    # Opened first: where that is not allowed, nothing is made that could not be kept.
    descriptor = os.open(above, _DIRECTORY)
    try:
        directory.mkdir(mode=mode, exist_ok=True)
        sync(descriptor, above)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Have the disk keep what stands in a directory now; `OSError` names it."""
    descriptor = os.open(directory, _DIRECTORY)
    try:
        sync(descriptor, directory)
    finally:
        os.close(descriptor)


def sync(descriptor: int, path: Path) -> None:
    """Fsync what is open at `path`; `OSError` names it, which the system's own does not."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _sync_name(directory: Path) -> None:
    above = directory.parent
    if directory.stat().st_dev != above.stat().st_dev:
        # Whoever mounts a disk makes the place for it; what that stands on may know no fsync.
        return
    try:
        descriptor = os.open(above, _DIRECTORY)
    except PermissionError:
        # It was not made from here: `make_durably` makes nothing where it may not do this.
        return
    try:
        sync(descriptor, above)
    finally:
        os.close(descriptor)
