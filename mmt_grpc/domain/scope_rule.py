"""The one rule of scopes: what is required must be within what the token and the caller both have."""

from mmt_grpc.domain.errors import ScopeMismatchError
from mmt_grpc.domain.model import Scope


def granted_scope(*, token: Scope, caller: Scope) -> Scope:
    """Return the lower of the token's and the caller's scope."""
    return min(token, caller)


def permits(*, token: Scope, caller: Scope, required: Scope) -> bool:
    """Whether the caller may have the token for `required`: a read-only caller never has a write token."""
    return granted_scope(token=token, caller=caller) >= max(required, token)


def check(*, token: Scope, caller: Scope, required: Scope) -> None:
    """Raise `ScopeMismatchError` unless `permits`."""
    if not permits(token=token, caller=caller, required=required):
        raise ScopeMismatchError(granted=granted_scope(token=token, caller=caller), required=max(required, token))
