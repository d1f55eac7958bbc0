"""Metric values in files that all processes of a replica share, so that one of them can show them all."""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_MODE: Final = 0o700


def prepare(directory: Path) -> None:
    """Make the directory, and empty it of an earlier life's values: once, by the supervisor, before the first child."""
    directory.mkdir(mode=_MODE, parents=True, exist_ok=True)
    directory.chmod(_MODE)
    for file in directory.glob("*.db"):
        file.unlink()


def share(directory: Path, process: str) -> CollectorRegistry:
    """Return the registry of a process whose values live in `directory`, in files named after `process`.

    Call it once, before any metric is made. The files go by the role, not by the process id: who takes a dead one's
    place counts on where it stopped, and a replica whose workers die often does not fill the disk.
    """
    os.environ[_VARIABLE] = str(directory)
    values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]  # it has no types
    return CollectorRegistry()


def exposition(directory: Path) -> bytes:
    """Return all processes' metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(directory))  # type: ignore[no-untyped-call]  # it has no types
    return generate_latest(registry)
