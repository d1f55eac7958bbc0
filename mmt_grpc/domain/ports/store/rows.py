"""Rows of `token` and the transitions of a refresh."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from mmt_grpc.domain.token_row import AccessRow, Refreshed, TokenRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What was read, and the database's time of reading it (Unix microseconds)."""

    row: T
    now: int


class AccessRows(Protocol):
    """What a worker reads to answer Resolve and CheckScope."""

    def read_access(self, shard: int, token_key: bytes, *, metadata: bool = False) -> Reading[AccessRow | None]:
        """Read the few columns of one row, causally after every acknowledged change, with `metadata` one more."""
        ...


class TokenRows(AccessRows, Protocol):
    """Rows as those who change them see them.

    One with a value that this version does not know is a `RowUnparsableError` where it is read by its keys.
    """

    def now(self) -> int:
        """Return the database's clock, Unix microseconds."""
        ...

    def read(self, shard: int, token_key: bytes) -> Reading[TokenRow | None]:
        """Read a whole row by its key."""
        ...

    def read_many(self, keys: Collection[tuple[int, bytes]]) -> Mapping[bytes, TokenRow]:
        """Read the rows of (shard, token_key), hundreds at once and not all at one moment; none for one that is gone.

        By token_key. `RowUnparsableError` if one of them does not parse: who acts on what is gone must not miss it.
        """
        ...

    def read_identity(self, shard: int, identity_key: bytes) -> Reading[TokenRow | None]:
        """Read a whole row by its identity."""
        ...

    def read_account(self, account_key: bytes, limit: int) -> Sequence[TokenRow]:
        """Read up to `limit` rows of one account at an exchange, but for those that do not parse."""
        ...

    def delete(self, row: TokenRow) -> int | None:
        """Delete WHERE shard AND token_key AND version; return the database's time, None if the row has moved on.

        On SQLite followed by a WAL checkpoint that truncates, so that nothing of the row stays in a file.
        """
        ...


class RefreshRows(TokenRows, Protocol):
    """The transitions of a refresh; `attempt_id` and `owner` are 16 random bytes.

    `failure` is a fixed word of at most 32 characters, never data: it is written beside the database's time, None as
    well, and a success clears both. A failure moves a `next_refresh_at` that is earlier on to `not_before`.
    """

    def lease(self, row: TokenRow, *, attempt_id: bytes, owner: bytes, lease_for: int) -> int | None:
        """ACTIVE → REFRESHING under the row's version, committed; return the database's time (taken in the same
        transaction before the lease began), None if somebody else was first, or while a replica that was seen in the
        last 10 min has not settled the newest recovery. Sets the owner's `seen_at` too.
        """
        ...

    def release(
        self, row: TokenRow, *, attempt_id: bytes, not_before: int, never_sent: bool, failure: str | None = None
    ) -> bool:
        """REFRESHING → the state before the lease, `failures` + 1: the attempt was not sent, or refused unconsumed.

        ACTIVE only if `doubt` is NULL, or is this very attempt and it was never sent; else IN_DOUBT.
        """
        ...

    def commit_refresh(self, row: TokenRow, *, attempt_id: bytes, refreshed: Refreshed) -> bool:
        """→ ACTIVE with `generation` + `steps`, WHERE generation AND (attempt_id OR state <> REFRESHING).

        Clears doubt and owners.
        """
        ...

    def doubt(self, row: TokenRow, *, attempt_id: bytes, not_before: int, failure: str | None = None) -> bool:
        """REFRESHING → IN_DOUBT, WHERE attempt_id AND generation: the outcome is unknown, or the lease is over.

        `doubt` names the generation's first unsettled attempt and is never overwritten; the owner goes into
        `doubt_owner` if that is NULL, else stays in `lease_owner`.
        """
        ...

    def condemn(self, row: TokenRow, *, attempt_id: bytes, failure: str | None = None) -> bool:
        """→ REAUTHENTICATION WHERE attempt_id AND generation: ROTATION_LOST if another attempt is in doubt, else
        PROVIDER_REVOKED.
        """
        ...
