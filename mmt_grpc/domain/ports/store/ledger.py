"""The revocations, outside the database and its backups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A revocation that must never be undone; `position` is the ledger's clock when it was recorded, not unique."""

    position: int
    shard: int
    token_key: bytes
    revoked_at: int


class Ledger(Protocol):
    """The revocations, outside the database and its backups."""

    def identity(self) -> bytes:
        """Return the ledger's own random id (16 bytes), made when it was created."""
        ...

    def now(self) -> int:
        """Return the ledger's clock, Unix microseconds: what positions are compared with."""
        ...

    def head(self) -> int:
        """Return the position of the newest entry, 0 if there is none."""
        ...

    def record(self, shard: int, token_key: bytes) -> None:
        """Write a revocation durably; writing it twice is one entry."""
        ...

    def contains(self, token_key: bytes) -> bool:
        """Whether a token was revoked."""
        ...

    def since(self, position: int, limit: int) -> Sequence[LedgerEntry]:
        """Read up to `limit` entries with a position above `position`, in order of (position, token_key).

        Writers at other replicas may commit a lower position later: whoever follows incrementally overlaps.
        """
        ...
