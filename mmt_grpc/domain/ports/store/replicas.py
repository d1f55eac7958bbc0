"""The registry of replicas, and the installation they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mmt_grpc.domain.model import MICROSECONDS

SEEN_FOR: Final = 600 * MICROSECONDS
"""A replica that was not seen for so long is taken to be dead: no lease, no retry and no Connect waits for it."""


@dataclass(frozen=True, slots=True)
class ReplicaBeat:
    """What a replica reports of itself; `oldest_spooled_at` None if its spool is empty."""

    owner: bytes
    life: bytes
    access_epochs: tuple[int, ...]
    renewal_epochs: tuple[int, ...]
    running_attempts: int
    oldest_spooled_at: int | None


@dataclass(frozen=True, slots=True)
class Replica:
    """A registered replica and when the database last saw it (Unix microseconds)."""

    beat: ReplicaBeat
    seen_at: int


@dataclass(frozen=True, slots=True)
class Beaten:
    """How a beat went: the database's time, when it last saw each other replica (Unix microseconds), and whether the
    registration turned out to be another life's, and nothing was written.
    """

    now: int
    others: Mapping[bytes, int]
    is_taken: bool = False


class Replicas(Protocol):
    """The registry of replicas, one row per state directory."""

    def beat(self, beat: ReplicaBeat, *, replaces: bytes | None = None) -> Beaten:
        """Write the beat (UPDATE, else INSERT).

        A life's first beat takes the registration over. Its later ones name in `replaces` which life that was, and are
        written only if the registration is the beat's own life's, that one's, or gone: a failover does both.
        """
        ...

    def redate(self, owner: bytes, *, seen_at: int, to: int) -> bool:
        """Have a replica be seen at another time than `seen_at`; False if it has been seen otherwise since."""
        ...

    def list(self) -> Sequence[Replica]:
        """Read all replicas."""
        ...

    def forget(self, owner: bytes) -> bool:
        """Remove a replica whose disk is lost."""
        ...


@dataclass(frozen=True, slots=True)
class Installation:
    """The one row that says what this database belongs to."""

    installation_id: bytes
    mode: str
    index_check: bytes
    ledger_id: bytes
    ledger_head: int
    schema: int


@dataclass(frozen=True, slots=True)
class DatabaseAge:
    """What tells a database from every other one, and from an earlier state of itself: both numbers only ever grow."""

    installation_id: bytes
    ledger_head: int
    recovery: int


class Installations(Protocol):
    """The `installation` row."""

    def age(self) -> DatabaseAge | None:
        """Read which database this is and how far it has come, None where no installation was written."""
        ...

    def read(self) -> Installation | None:
        """Read it, None before the first migration wrote it."""
        ...

    def create(self, installation: Installation) -> None:
        """Write it, once."""
        ...

    def advance_head(self, *, before: int, after: int) -> bool:
        """Move the ledger's position on, guarded by the one read before."""
        ...
