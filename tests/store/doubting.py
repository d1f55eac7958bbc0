"""Bringing rows into doubt."""

from mmt_grpc.domain.token_row import Connection, TokenRow, TokenState
from tests.store.backends import Backend
from tests.store.material import MINUTE, OTHER_OWNER, Tokens, attempt, connect, current, lease


def unknown_outcome(tokens: Tokens, row: TokenRow) -> bytes:
    """Bring a row IN_DOUBT and return the attempt that did."""
    attempt_id = lease(tokens, row)
    assert tokens.doubt(row, attempt_id=attempt_id, not_before=7)
    return attempt_id


def retry(backend: Backend, row: TokenRow, *, owner: bytes) -> tuple[TokenRow, bytes]:
    """Bring an IN_DOUBT row into its retry by another owner, as a lease from IN_DOUBT leaves it."""
    in_doubt = current(backend.tokens, row)
    attempt_id = attempt()
    backend.plant(
        in_doubt,
        state=TokenState.REFRESHING,
        attempt_id=attempt_id,
        lease_owner=owner,
        lease_until=1,
    )
    return current(backend.tokens, row), attempt_id


def in_doubt(
    tokens: Tokens, made: Connection | None = None, *, wait: int = 0, failure: str | None = None
) -> tuple[TokenRow, bytes]:
    """Connect, lose the outcome of OWNER's refresh, and return the row in doubt and that attempt."""
    row = connect(tokens, made)
    attempt_id = lease(tokens, row)
    assert tokens.doubt(row, attempt_id=attempt_id, not_before=tokens.now() + wait, failure=failure)
    return current(tokens, row), attempt_id


def retry_of(
    tokens: Tokens,
    row: TokenRow,
    *,
    attempt_id: bytes | None = None,
    owner: bytes = OTHER_OWNER,
    tolerant: bool = True,
) -> int | None:
    """Try to lease the retry of a row in doubt."""
    attempt_id = attempt_id or attempt()
    return tokens.lease_doubt(row, attempt_id=attempt_id, owner=owner, lease_for=MINUTE, tolerant=tolerant)
