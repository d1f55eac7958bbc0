"""What a row in memory looks like to a worker, after a success, and after a failure."""

from dataclasses import replace

from mmt_grpc.domain.token_row import AccessRow, TokenRow, TokenState


def access_row(row: TokenRow, *, metadata: bool) -> AccessRow:
    """Return what a worker reads of a row."""
    return AccessRow(
        shard=row.shard,
        binding=row.binding,
        state=row.state,
        reason=row.reason,
        access_expires_at=row.access_expires_at,
        refreshed_at=row.refreshed_at,
        refreshable=row.sealed.renewal_blob is not None,
        format=row.sealed.format,
        key_epoch=row.sealed.key_epoch,
        access_key=row.sealed.access_key,
        access_blob=row.sealed.access_blob,
        connected_at=row.connected_at,
        metadata_blob=row.sealed.metadata_blob if metadata else None,
    )


def settled(row: TokenRow) -> TokenRow:
    """Return a row as a success leaves it: nothing of any attempt."""
    return replace(
        row,
        state=TokenState.ACTIVE,
        reason=None,
        attempt_id=None,
        lease_owner=None,
        lease_until=None,
        doubt=None,
        doubt_owner=None,
        not_before=None,
        failures=0,
        last_failure=None,
        failed_at=None,
    )


def moved_on(row: TokenRow, not_before: int) -> TokenRow:
    """Return a row that has failed once more and is not refreshed before `not_before`."""
    next_at = row.next_refresh_at
    return replace(
        row,
        not_before=not_before,
        failures=row.failures + 1,
        next_refresh_at=None if next_at is None else max(next_at, not_before),
    )


def due_again(row: TokenRow, not_before: int) -> TokenRow:
    """Return a row whose refresh is in doubt since, and due at `not_before` though nobody asks for it."""
    return replace(moved_on(row, not_before), next_refresh_at=not_before)
