"""Connect requests, and the rows that they commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mmt_grpc.domain.model import ConnectOutcome
from mmt_grpc.domain.ports.store.rows import TokenRows
from mmt_grpc.domain.token_row import Connection


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
        """Delete a batch of requests older than 24 h, and one of events older than 7 days.

        Returns how many of both: 0 once nothing is left to delete.
        """
        ...


class RowMovedError(Exception):
    """A refresh has moved the row's generation since it was read: seal again for the next one and repeat."""
