"""A row of `token` as the domain sees it, and the questions that its state answers."""

import enum
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS, Cause, Scope
from mmt_grpc.domain.ports.clock import CLOCKS_DIFFER

LEASE: Final = 60 * MICROSECONDS
"""For so long a row is its holder's; no lease is longer."""
JUST_REFRESHED: Final = 30 * MICROSECONDS
"""A token that a refresh brought less than this ago is not refreshed again for want of validity."""
LAST_OF_A_TOKEN: Final = 120 * MICROSECONDS
"""Until so little is left of it, an access token whose one-time refresh is in doubt is served, not risked.

Then a strict provider may be asked once more, having maybe been asked already.
"""


class TokenState(enum.IntEnum):
    """The states of a row; EXPIRED is none of them: it is computed at read, never stored."""

    ACTIVE = 1
    REFRESHING = 2
    IN_DOUBT = 3
    REAUTHENTICATION = 4


@dataclass(frozen=True, slots=True)
class Binding:
    """What a sealed credential belongs to: it opens nowhere else."""

    token_key: bytes
    identity_key: bytes
    integration: str
    scope: Scope
    generation: int


@dataclass(frozen=True, slots=True)
class SealedToken:
    """The sealed columns of a row: two wrapped data keys and what is sealed under them."""

    format: int
    key_epoch: int
    access_key: bytes
    renewal_key: bytes
    access_blob: bytes
    renewal_blob: bytes | None
    metadata_blob: bytes


@dataclass(frozen=True, slots=True)
class AccessRow:
    """The few columns that Resolve and CheckScope read; times in Unix microseconds."""

    shard: int
    binding: Binding
    state: TokenState
    reason: Cause | None
    access_expires_at: int | None
    refreshed_at: int | None
    refreshable: bool
    format: int
    key_epoch: int
    access_key: bytes
    access_blob: bytes
    connected_at: int
    metadata_blob: bytes | None
    """Read only when it was asked for (CheckScope)."""

    def is_alive(self, now: int) -> bool:
        """Whether the access credential may still be served at `now`."""
        return self.state is not TokenState.REAUTHENTICATION and is_unexpired(self.access_expires_at, now)

    def wants_refresh(self, now: int, min_validity: int) -> bool:
        """Whether less than `min_validity` is left, and a refresh is not so recent that another brings nothing more.

        What a clock said that has been set back since is not believed: a token that came in its future may be over.
        """
        if not self.refreshable or self.access_expires_at is None:
            return False
        left = self.access_expires_at - now
        came_at = self.connected_at if self.refreshed_at is None else self.refreshed_at
        if left <= 0 or came_at > now + CLOCKS_DIFFER:
            return True
        just_refreshed = self.refreshed_at is not None and now - self.refreshed_at < JUST_REFRESHED
        return left < min_validity and not just_refreshed


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A whole row; times in Unix microseconds, keys 32 bytes, attempts and owners 16 bytes."""

    shard: int
    binding: Binding
    end_user_key: bytes
    client_key: bytes
    account_key: bytes | None
    state: TokenState
    reason: Cause | None
    version: int
    grant_number: int
    attempt_id: bytes | None
    lease_owner: bytes | None
    lease_until: int | None
    doubt: bytes | None
    doubt_owner: bytes | None
    not_before: int | None
    failures: int
    access_expires_at: int | None
    renewal_expires_at: int | None
    next_refresh_at: int | None
    refreshed_at: int | None
    connected_at: int
    sealed: SealedToken
    last_failure: str | None = None
    """Why the last refresh brought nothing, a fixed word; None after a success."""
    failed_at: int | None = None

    @property
    def came_at(self) -> int:
        """When the access token came."""
        return self.connected_at if self.refreshed_at is None else self.refreshed_at

    @property
    def is_unsettled(self) -> bool:
        """Whether a refresh runs or its outcome is in doubt."""
        return self.state in (TokenState.REFRESHING, TokenState.IN_DOUBT)

    def lease_is_over(self, now: int) -> bool:
        """Whether a refresh holds this row whose lease has run out, or was given by a clock that is set back since."""
        if self.state is not TokenState.REFRESHING or self.lease_until is None:
            return False
        return not now < self.lease_until <= now + LEASE + CLOCKS_DIFFER

    def is_doubt_ahead(self, now: int) -> bool:
        """Whether this row is in doubt since a time, or has a token of a time, that a clock ahead of this one gave."""
        return self.state is TokenState.IN_DOUBT and max(self.came_at, self.failed_at or 0) > now + CLOCKS_DIFFER

    def backs_off(self, now: int) -> int:
        """Microseconds until another refresh may be tried, 0 if now.

        What has failed in this clock's future has waited by another's; a doubt is dated anew.
        """
        if self.state is TokenState.ACTIVE and self.failed_at is not None and self.failed_at > now + CLOCKS_DIFFER:
            return 0
        return max(0, (self.not_before or 0) - now)


def is_unexpired(expires_at: int | None, now: int) -> bool:
    """Whether a time of expiry lies ahead; None never expires."""
    return expires_at is None or now < expires_at


@dataclass(frozen=True, slots=True)
class Connection:
    """What a Connect writes: everything of a row that does not belong to its refreshes; its times count from `sent_at`,
    0 if that is not known.
    """

    shard: int
    binding: Binding
    end_user_key: bytes
    client_key: bytes
    account_key: bytes | None
    access_expires_at: int | None
    renewal_expires_at: int | None
    next_refresh_at: int | None
    sealed: SealedToken
    sent_at: int = 0


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh writes: the blobs resealed for `generation` + `steps`, and the new times, counted from `sent_at`.

    `steps` is 1, but for an answer whose row a failover has set back: it comes to the generation that it was given for.
    """

    access_blob: bytes
    renewal_blob: bytes | None
    access_expires_at: int | None
    renewal_expires_at: int | None
    next_refresh_at: int | None
    sent_at: int
    steps: int = 1
