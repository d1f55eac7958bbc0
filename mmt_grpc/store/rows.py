"""From the columns of `token` to the domain's rows, and back."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from mmt_grpc.domain.errors import RowUnparsableError
from mmt_grpc.domain.model import Cause, Scope
from mmt_grpc.domain.token_row import AccessRow, Binding, Connection, SealedToken, TokenRow, TokenState
from mmt_grpc.store.columns import text
from mmt_grpc.store.statement import Row

T = TypeVar("T")
V = TypeVar("V")

REASONS: Final = {1: Cause.EXPIRED, 2: Cause.PROVIDER_REVOKED, 3: Cause.ROTATION_LOST}
"""The numbers of `reason`; 1 is never written, being computed at read."""

ROW_COLUMNS: Final = (
    "shard, token_key, identity_key, integration, scope, generation, end_user_key, client_key, account_key, "
    "state, reason, version, grant_number, attempt_id, lease_owner, lease_until, doubt, doubt_owner, not_before, "
    "failures, access_expires_at, renewal_expires_at, next_refresh_at, refreshed_at, connected_at, "
    "format, key_epoch, access_key, renewal_key, access_blob, renewal_blob, metadata_blob, "
    "last_failure, failed_at"
)

ACCESS_FACTS: Final = (
    "{now}, integration, scope, generation, state, reason, access_expires_at, refreshed_at, "
    "renewal_blob IS NOT NULL, format, key_epoch, connected_at"
)
ACCESS_BLOBS: Final = "identity_key, access_key, access_blob"
"""What Resolve reads; `metadata_blob` may stand behind it."""


def token_row(row: Row) -> TokenRow:
    """Return a row read as `ROW_COLUMNS`; `RowUnparsableError` if it has a value that this version does not know."""
    (shard, token_key, identity_key, integration, scope, generation, end_user_key, client_key, account_key) = row[:9]
    (state, reason, version, grant_number, attempt_id, lease_owner, lease_until, doubt, doubt_owner) = row[9:18]
    (not_before, failures, access_expires_at, renewal_expires_at, next_refresh_at) = row[18:23]
    (refreshed_at, connected_at) = row[23:25]
    (last_failure, failed_at) = row[32:]
    name, covers = _known("integration", text, integration), _known("scope", Scope, scope)
    return TokenRow(
        shard=shard,
        binding=Binding(token_key, identity_key, name, covers, generation),
        end_user_key=end_user_key,
        client_key=client_key,
        account_key=account_key,
        state=_known("state", TokenState, state),
        reason=None if reason is None else _known("reason", REASONS.__getitem__, reason),
        version=version,
        grant_number=grant_number,
        attempt_id=attempt_id,
        lease_owner=lease_owner,
        lease_until=lease_until,
        doubt=doubt,
        doubt_owner=doubt_owner,
        not_before=not_before,
        failures=failures,
        access_expires_at=access_expires_at,
        renewal_expires_at=renewal_expires_at,
        next_refresh_at=next_refresh_at,
        refreshed_at=refreshed_at,
        connected_at=connected_at,
        sealed=SealedToken(*row[25:32]),
        last_failure=None if last_failure is None else text(last_failure),
        failed_at=failed_at,
    )


def _known(column: str, of: Callable[[V], T], value: V) -> T:
    try:
        return of(value)
    except (ValueError, KeyError):
        raise RowUnparsableError(column) from None


def access_row(facts: Sequence[str], blobs: Sequence[bytes], *, shard: int, token_key: bytes) -> tuple[AccessRow, int]:
    """Return a row read as `ACCESS_FACTS` and `ACCESS_BLOBS`, and the database's time of reading it."""
    now, integration, scope, generation, state, reason, *times, refreshable, form, epoch, connected_at = facts
    expires_at, refreshed_at = times
    identity_key, access_key, access_blob, *metadata_blob = blobs
    access = AccessRow(
        shard=shard,
        binding=Binding(token_key, identity_key, integration, Scope(int(scope)), int(generation)),
        state=TokenState(int(state)),
        reason=REASONS[int(reason)] if reason else None,
        access_expires_at=int(expires_at) if expires_at else None,
        refreshed_at=int(refreshed_at) if refreshed_at else None,
        refreshable=refreshable == "1",
        format=int(form),
        key_epoch=int(epoch),
        access_key=access_key,
        access_blob=access_blob,
        connected_at=int(connected_at),
        metadata_blob=metadata_blob[0] if metadata_blob else None,
    )
    return access, int(now)


def connection_values(connection: Connection) -> dict[str, object]:
    """Return what a Connect writes, by column."""
    binding, sealed = connection.binding, connection.sealed
    return {
        "shard": connection.shard,
        "token_key": binding.token_key,
        "generation": binding.generation,
        "account_key": connection.account_key,
        "access_expires_at": connection.access_expires_at,
        "renewal_expires_at": connection.renewal_expires_at,
        "next_refresh_at": connection.next_refresh_at,
        "format": sealed.format,
        "key_epoch": sealed.key_epoch,
        "access_key": sealed.access_key,
        "renewal_key": sealed.renewal_key,
        "access_blob": sealed.access_blob,
        "renewal_blob": sealed.renewal_blob,
        "metadata_blob": sealed.metadata_blob,
    }


def identity_values(connection: Connection) -> dict[str, object]:
    """Return what a new row has besides, for ever."""
    return {
        "identity_key": connection.binding.identity_key,
        "integration": connection.binding.integration,
        "scope": int(connection.binding.scope),
        "end_user_key": connection.end_user_key,
        "client_key": connection.client_key,
    }
