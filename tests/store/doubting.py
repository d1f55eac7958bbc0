"""Bringing rows into doubt."""

from mmt_grpc.domain.token_row import TokenRow, TokenState
from tests.store.backends import Backend
from tests.store.material import Tokens, attempt, current, lease


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
