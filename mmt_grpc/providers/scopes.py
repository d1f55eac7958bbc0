"""Which scopes are asked for, and whether what was granted is enough or too much."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import Scope

OFFLINE: Final = "offline_access"
"""Asks for a refresh token; says nothing of what may be done."""


@dataclass(frozen=True, slots=True)
class ScopeRules:
    """An integration's `read_scopes`, `write_scopes` and `refuse_wider_grants`."""

    read: tuple[str, ...]
    write: tuple[str, ...]
    refuse_wider: bool

    def asked(self, scope: Scope) -> tuple[str, ...]:
        """Return what is asked for, in order and once each."""
        return tuple(dict.fromkeys(self.read + self.write if scope is Scope.WRITE else self.read))

    def covers(self, granted: Sequence[str], scope: Scope) -> bool:
        """Whether all that is asked for was granted, `offline_access` aside."""
        return set(self.asked(scope)) - {OFFLINE} <= set(granted)

    def is_wider(self, granted: Sequence[str], scope: Scope) -> bool:
        """Whether the grant is refused because it allows a reading token to write."""
        only_write = set(self.write) - set(self.read) - {OFFLINE}
        return self.refuse_wider and scope is Scope.READ and bool(only_write & set(granted))
