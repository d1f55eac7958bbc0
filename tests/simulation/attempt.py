"""One lease of a run, and what became of it."""

from dataclasses import dataclass

from tests.simulation.exchange import Post
from tests.simulation.scheduler import Process

Key = tuple[int, bytes]


@dataclass(slots=True)
class Attempt:
    """One lease, and what became of it; `is_retry`: it was taken from IN_DOUBT."""

    attempt_id: bytes
    key: Key
    owner: bytes
    process: Process
    generation: int
    is_retry: bool
    leased_at: int
    present: frozenset[bytes]
    """The owners that had been seen in the ten minutes before it was taken, but for jumps that are borne."""
    post: Post | None = None
    is_received: bool = False
    is_told: bool = False
    """Its answer has been in the row: where the disk had failed, nobody holds it any more."""
    is_persisted: bool = False
    is_unreadable: tuple[int, int] = (0, 0)
    """From when until when its answer cannot be read from its disk."""
    undone_at: int | None = None
    """When a failover took its lease back."""
