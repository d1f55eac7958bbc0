"""The composition root of `mmt replicas` and `mmt spool status`: who runs, and what waits on whose disk."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmt_grpc.app.administration import Administration, RefusedError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.store import SEEN_FOR, Replica
from mmt_grpc.exchange.spool_listing import listed, name_of

SPOOL: Final = "spool"
ALIVE: Final = 60 * MICROSECONDS
"""A replica that was seen less than this ago, six heartbeats, counts as running."""


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """A registered replica, and how long ago it was seen (microseconds).

    `settled_recovery` is the newest recovery that it has settled; `open_recovery` the one that waits for it, if one
    does: until then nobody leases anything.
    """

    replica: Replica
    silent_for: int
    settled_recovery: int
    open_recovery: int | None


@dataclass(frozen=True, slots=True)
class SpoolKind:
    """The records of one kind in a spool: how many, and when the oldest was written (Unix microseconds).

    `unreadable` names the files whose records cannot be read.
    """

    kind: str
    records: int
    oldest: int
    unreadable: Sequence[str] = ()


def replicas(administration: Administration) -> Sequence[ReplicaStatus]:
    """Return all registered replicas."""
    store = administration.store
    now, current = store.tokens.now(), store.recoveries.current()
    return [_status(one, now, current, store.recoveries.settled_by(one.beat.owner)) for one in store.replicas.list()]


def _status(replica: Replica, now: int, current: int, settled: int | None) -> ReplicaStatus:
    """`settled` is None of a replica that was forgotten meanwhile: nothing waits for it."""
    is_awaited = settled is not None and settled < current and now - replica.seen_at < SEEN_FOR
    return ReplicaStatus(replica, max(0, now - replica.seen_at), settled or 0, current if is_awaited else None)


def forget(administration: Administration, owner: bytes) -> None:
    """Remove a replica whose disk is lost; `RefusedError` if there is none, or it was seen just now."""
    found = next((status for status in replicas(administration) if status.replica.beat.owner == owner), None)
    if found is None:
        raise RefusedError("there is no such replica")
    if found.silent_for < ALIVE:
        raise RefusedError(f"the replica was seen {found.silent_for // MICROSECONDS} s ago: end it first")
    if not administration.store.replicas.forget(owner):
        raise RefusedError("the replica is gone already")


def spool(state_dir: Path, *, known_unreadable: Collection[str] = ()) -> Sequence[SpoolKind]:
    """Return what the spool of a state directory holds, unopened; `RefusedError` if there is none.

    Files that the disk does not give back are found; those whose keys are missing are `known_unreadable` to who has
    opened the others.
    """
    directory = spool_directory(state_dir)
    written: defaultdict[str, list[int]] = defaultdict(list)
    unreadable: defaultdict[str, list[str]] = defaultdict(list)
    for entry in listed(directory):
        written[entry.kind].append(entry.written_at)
        name = name_of(entry.kind, entry.key)
        if name in known_unreadable or not _is_readable(directory / name):
            unreadable[entry.kind].append(name)
    return [SpoolKind(kind, len(times), min(times), unreadable[kind]) for kind, times in sorted(written.items())]


def spool_directory(state_dir: Path) -> Path:
    """Return where the spool of a state directory is; `RefusedError` if there is none."""
    directory = state_dir / SPOOL
    if not directory.is_dir():
        raise RefusedError(f"there is no spool in {state_dir}")
    return directory


def _is_readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except FileNotFoundError:
        # Settled meanwhile, by the replica that runs beside this.
        return True
    except OSError:
        return False
    return True
