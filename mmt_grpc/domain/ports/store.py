"""The database: rows, Connect requests, replicas, clients, the installation.

For all of it: every change is one statement guarded by version, attempt, generation or grant number, and a method that
changes says by its bool whether its guard held (row count 1). The event of a change is inserted in the change's own
transaction. `StoreUnavailableError`: nothing was applied. `StoreOutcomeUnknownError`: read back, never repeat blindly.
Errors never carry the database's text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from mmt_grpc.domain.model import ConnectOutcome, Scope
from mmt_grpc.domain.token_row import AccessRow, Connection, Refreshed, TokenRow

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
    """Rows as those who change them see them."""

    def now(self) -> int:
        """Return the database's clock, Unix microseconds."""
        ...

    def read(self, shard: int, token_key: bytes) -> Reading[TokenRow | None]:
        """Read a whole row by its key."""
        ...

    def read_identity(self, shard: int, identity_key: bytes) -> Reading[TokenRow | None]:
        """Read a whole row by its identity."""
        ...

    def read_account(self, account_key: bytes, limit: int) -> Sequence[TokenRow]:
        """Read up to `limit` rows of one account at an exchange."""
        ...

    def delete(self, row: TokenRow) -> int | None:
        """Delete WHERE shard AND token_key AND version; return the database's time, None if the row has moved on.

        On SQLite followed by a WAL checkpoint that truncates, so that nothing of the row stays in a file.
        """
        ...


class RefreshRows(TokenRows, Protocol):
    """The transitions of a refresh; `attempt_id` and `owner` are 16 random bytes."""

    def lease(self, row: TokenRow, *, attempt_id: bytes, owner: bytes, lease_for: int) -> int | None:
        """ACTIVE → REFRESHING under the row's version, committed; return the database's time (taken in the same
        transaction before the lease began), None if somebody else was first. Sets the owner's `seen_at` too.
        """
        ...

    def release(self, row: TokenRow, *, attempt_id: bytes, not_before: int, never_sent: bool) -> bool:
        """REFRESHING → the state before the lease, `failures` + 1: the attempt was not sent, or refused unconsumed.

        ACTIVE only if `doubt` is NULL, or is this very attempt and it was never sent; else IN_DOUBT.
        """
        ...

    def commit_refresh(self, row: TokenRow, *, attempt_id: bytes, refreshed: Refreshed) -> bool:
        """→ ACTIVE with `generation` + 1, WHERE generation AND (attempt_id OR state <> REFRESHING).

        Clears doubt and owners.
        """
        ...

    def doubt(self, row: TokenRow, *, attempt_id: bytes, not_before: int) -> bool:
        """REFRESHING → IN_DOUBT, WHERE attempt_id AND generation: the outcome is unknown, or the lease is over.

        `doubt` names the generation's first unsettled attempt and is never overwritten; the owner goes into
        `doubt_owner` if that is NULL, else stays in `lease_owner`.
        """
        ...

    def condemn(self, row: TokenRow, *, attempt_id: bytes) -> bool:
        """→ REAUTHENTICATION WHERE attempt_id AND generation: ROTATION_LOST if another attempt is in doubt, else
        PROVIDER_REVOKED.
        """
        ...

    def running_attempts(self, owner: bytes) -> Sequence[TokenRow]:
        """Read the rows that are REFRESHING under `owner`'s lease."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """A Connect in progress or done; keys and macs 32 bytes, owner and life 16."""

    request_key: bytes
    content_mac: bytes
    owner: bytes
    life: bytes


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What `connect_request` knows of a request; `state` one of PENDING, DONE, REJECTED."""

    request: ConnectRequest
    state: str
    shard: int | None
    token_key: bytes | None
    outcome: ConnectOutcome | None
    created_at: int


class ConnectRows(TokenRows, Protocol):
    """What commits a Connect; requests are remembered for 24 h."""

    def begin(self, request: ConnectRequest) -> RecordedRequest | None:
        """INSERT PENDING; None if it was inserted, else what is recorded under its key already.

        A record older than 24 h is deleted first.
        """
        ...

    def read_request(self, request_key: bytes) -> RecordedRequest | None:
        """Read what is recorded under a key."""
        ...

    def reject(self, request: ConnectRequest) -> bool:
        """PENDING → REJECTED of this very request (owner and life too): it will never be sent again."""
        ...

    def withdraw(self, request: ConnectRequest) -> bool:
        """DELETE a PENDING request of which nothing was sent, so that the same id may try again."""
        ...

    def create(self, connection: Connection, request: ConnectRequest) -> bool:
        """INSERT the row and set the request DONE, in one transaction.

        False: the request was no longer PENDING (rolled back). Raises `ConflictError` if the identity exists by now.
        """
        ...

    def replace(self, connection: Connection, request: ConnectRequest, *, grant_number: int) -> bool:
        """Replace the credentials of a known identity and set the request DONE, in one transaction.

        UPDATE … WHERE shard AND token_key AND grant_number: → ACTIVE, `generation` = the binding's (read + 1 …),
        `grant_number` + 1, attempt, doubt and owners cleared. False: the request was no longer PENDING (rolled back).
        Raises `ConflictError` if the row has gone or has been granted anew; the guard also names the generation that
        the binding was sealed for minus 1, so that a refresh in between is a retry for the caller (`RowMovedError`).
        """
        ...

    def pending_requests(self, owner: bytes, *, except_life: bytes) -> Sequence[ConnectRequest]:
        """Read the PENDING requests of earlier lives of `owner`."""
        ...

    def purge_requests(self) -> int:
        """Delete requests older than 24 h; return how many."""
        ...


class RowMovedError(Exception):
    """A refresh has moved the row's generation since it was read: seal again for the next one and repeat."""


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


class Replicas(Protocol):
    """The registry of replicas, one row per state directory."""

    def beat(self, beat: ReplicaBeat) -> int:
        """Write the beat (UPDATE, else INSERT); return the database's time."""
        ...

    def list(self) -> Sequence[Replica]:
        """Read all replicas."""
        ...

    def forget(self, owner: bytes) -> bool:
        """Remove a replica whose disk is lost."""
        ...


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client company; `mac` protects the row."""

    client_id: str
    name: str
    created_at: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key of one client and one scope; `mac` covers id, client, scope, disabled and the secret."""

    key_id: str
    client_id: str
    scope: Scope
    disabled: bool
    created_at: int
    mac: bytes


class Callers(Protocol):
    """What a worker looks a caller up in."""

    def read_api_key(self, key_id: str) -> tuple[ApiKeyRow, ClientRow] | None:
        """Read an API key and its client."""
        ...


class CallerAdministration(Callers, Protocol):
    """What administration adds."""

    def add_client(self, client: ClientRow) -> None:
        """Insert a client."""
        ...

    def list_clients(self) -> Sequence[ClientRow]:
        """Read all clients, by creation."""
        ...

    def add_api_key(self, key: ApiKeyRow) -> None:
        """Insert an API key."""
        ...

    def list_api_keys(self, client_id: str | None) -> Sequence[ApiKeyRow]:
        """Read the API keys of a client, or all, by creation."""
        ...

    def disable_api_key(self, key_id: str, mac: bytes) -> bool:
        """Set `disabled` with the MAC that covers it; False if there is no such key or it is disabled already."""
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


class Installations(Protocol):
    """The `installation` row."""

    def read(self) -> Installation | None:
        """Read it, None before the first migration wrote it."""
        ...

    def create(self, installation: Installation) -> None:
        """Write it, once."""
        ...

    def advance_head(self, *, before: int, after: int) -> bool:
        """Move the ledger's position on, guarded by the one read before."""
        ...


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
