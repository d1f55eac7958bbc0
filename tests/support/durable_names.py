"""What stands in directories that were fsynced: all that a power cut is sure to leave of them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


class DurableNames:
    """Watches fsync from when it is made; what stands in a directory counts from its last fsync on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._listed: dict[Path, set[str]] = {}
        self._fsync: Callable[[int], None] = os.fsync
        self.fails_on: Path | None = None
        """What the disk refuses to keep."""
        monkeypatch.setattr(os, "fsync", self._sync)

    def would_stay(self, path: Path, *, below: Path) -> bool:
        """Whether every name on the way from a directory that was there before to `path` is sure to stay."""
        chain = [path, *(above for above in path.parents if above.is_relative_to(below) and above != below)]
        return all(one.name in self._listed.get(one.parent, set()) for one in chain)

    def _sync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path == self.fails_on:
            raise OSError(5, os.strerror(5))
        self._fsync(descriptor)
        self._listed[path] = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
