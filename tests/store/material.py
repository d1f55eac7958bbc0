"""Rows and requests for the store's tests: random keys, so that no two tests could meet."""

import os
from dataclasses import replace

from mmt_grpc.domain.model import MICROSECONDS, Scope
from mmt_grpc.domain.ports.store import (
    ConnectRequest,
    ConnectRows,
    Installation,
    RefreshRows,
    ReinstatementRows,
    ReplicaBeat,
    SettlementRows,
)
from mmt_grpc.domain.token_row import Binding, Connection, Refreshed, SealedToken, TokenRow

MINUTE = 60 * MICROSECONDS
DAY = 24 * 60 * MINUTE
OWNER = b"o" * 16
OTHER_OWNER = b"p" * 16
THIRD_OWNER = b"q" * 16
SEEN_FOR = 10 * MINUTE
LIFE = b"l" * 16


class Tokens(SettlementRows, ReinstatementRows, ConnectRows):
    """All ports of the rows, as every store has them."""


def key() -> bytes:
    return os.urandom(32)


def attempt() -> bytes:
    return os.urandom(16)


def sealed(*, size: int = 900, renewal: bool = True) -> SealedToken:
    return SealedToken(
        format=1,
        key_epoch=3,
        access_key=os.urandom(77),
        renewal_key=os.urandom(77),
        access_blob=os.urandom(size),
        renewal_blob=os.urandom(size) if renewal else None,
        metadata_blob=os.urandom(200),
    )


def connection(*, shard: int = 5, identity_key: bytes | None = None, token_key: bytes | None = None) -> Connection:
    return Connection(
        shard=shard,
        binding=Binding(token_key or key(), identity_key or key(), "coinbase", Scope.WRITE, 1),
        end_user_key=key(),
        client_key=key(),
        account_key=key(),
        access_expires_at=4_000_000_000_000_000,
        renewal_expires_at=5_000_000_000_000_000,
        next_refresh_at=3_000_000_000_000_000,
        sealed=sealed(),
    )


def request(*, owner: bytes = OWNER, life: bytes = LIFE) -> ConnectRequest:
    return ConnectRequest(request_key=key(), content_mac=key(), owner=owner, life=life)


def connect(tokens: Tokens, made: Connection | None = None) -> TokenRow:
    """Commit a first Connect and return its row."""
    made = made or connection()
    asked = request()
    assert tokens.begin(asked) is None
    assert tokens.create(made, asked)
    return current(tokens, made)


def reconnect(tokens: Tokens, row: TokenRow) -> TokenRow:
    """Commit another Connect of the same identity and return its row."""
    asked = request()
    assert tokens.begin(asked) is None
    made = again(row)
    assert tokens.replace(made, asked, grant_number=row.grant_number)
    return current(tokens, made)


def again(row: TokenRow) -> Connection:
    """Return what another Connect of a row's identity writes."""
    return Connection(
        shard=row.shard,
        binding=replace(row.binding, generation=row.binding.generation + 1),
        end_user_key=row.end_user_key,
        client_key=row.client_key,
        account_key=key(),
        access_expires_at=4_100_000_000_000_000,
        renewal_expires_at=None,
        next_refresh_at=None,
        sealed=sealed(renewal=False),
    )


def current(tokens: RefreshRows | ConnectRows, row: TokenRow | Connection) -> TokenRow:
    """Return a row as it stands now."""
    found = tokens.read(row.shard, row.binding.token_key).row
    assert found is not None
    return found


def lease(tokens: RefreshRows, row: TokenRow, *, attempt_id: bytes | None = None, owner: bytes = OWNER) -> bytes:
    """Lease a row and return the attempt."""
    attempt_id = attempt_id or attempt()
    assert tokens.lease(row, attempt_id=attempt_id, owner=owner, lease_for=MINUTE) is not None
    return attempt_id


def refreshed() -> Refreshed:
    return Refreshed(
        access_blob=os.urandom(700),
        renewal_blob=os.urandom(700),
        access_expires_at=4_200_000_000_000_000,
        renewal_expires_at=5_200_000_000_000_000,
        next_refresh_at=3_200_000_000_000_000,
        sent_at=1_200_000_000_000_000,
    )


def beat(*, owner: bytes = OWNER, life: bytes = LIFE) -> ReplicaBeat:
    return ReplicaBeat(
        owner=owner,
        life=life,
        access_epochs=(1, 2, 30),
        renewal_epochs=(),
        running_attempts=4,
        oldest_spooled_at=None,
    )


def installation() -> Installation:
    return Installation(
        installation_id=b"i" * 16, mode="dev", index_check=key(), ledger_id=b"j" * 16, ledger_head=0, schema=2
    )
