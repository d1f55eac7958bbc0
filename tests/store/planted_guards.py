"""A plugin that takes one guard out of one statement; the store's tests have to notice it.

Use: `MMT_PLANTED_GUARD="a lease of any version" pytest -p tests.store.planted_guards tests/store`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.store import refresh, reinstatement, settlement
from mmt_grpc.store.recoveries import NOBODY_NAMED_SEEN, RECOVERED

VARIABLE: Final = "MMT_PLANTED_GUARD"
_ACTIVE: Final = TokenState.ACTIVE.value
_REFRESHING: Final = TokenState.REFRESHING.value
_IN_DOUBT: Final = TokenState.IN_DOUBT.value
_REAUTHENTICATION: Final = TokenState.REAUTHENTICATION.value
_PROVIDER_REVOKED: Final = 2


@dataclass(frozen=True)
class Planted:
    """`guard` stands in the statement `name` of `module`; a truth takes its place."""

    module: ModuleType
    name: str
    guard: str

    def plant(self) -> None:
        """Raise `AssertionError` if the guard is not there: nothing would be proven."""
        statement = getattr(self.module, self.name)
        head, where, conditions = statement.partition(" WHERE ")
        assert self.guard in conditions, f"{self.name} has no {self.guard}"
        setattr(self.module, self.name, head + where + conditions.replace(self.guard, "1 = 1"))


PLANTED: Final[dict[str, Planted]] = {
    "a lease of any version": Planted(refresh, "_LEASE", "version = :version"),
    "a lease of any state": Planted(refresh, "_LEASE", f"state = {_ACTIVE}"),
    "a lease while a recovery is open": Planted(refresh, "_LEASE", RECOVERED),
    "a release of any attempt": Planted(refresh, "_RELEASE", "attempt_id = :attempt_id"),
    "a commit of any generation": Planted(refresh, "_COMMIT_PROBED", "generation = :generation"),
    "a commit beside another attempt": Planted(refresh, "_COMMIT_PROBED", "attempt_id = :attempt_id"),
    "a doubt about any attempt": Planted(refresh, "_DOUBT_FIRST", "attempt_id = :attempt_id"),
    "a doubt about what has ended": Planted(refresh, "_DOUBT_AGAIN", f"state = {_REFRESHING}"),
    "a condemnation by any attempt": Planted(refresh, "_CONDEMN", "attempt_id = :attempt_id"),
    "a condemnation of any generation": Planted(refresh, "_CONDEMN", "generation = :generation"),
    "a retry at once": Planted(settlement, "_LEASE_DOUBT", "not_before <= :leased_at"),
    "a retry long before the end": Planted(settlement, "_LEASE_DOUBT", ":tolerant = 1"),
    "an own answer of any attempt": Planted(settlement, "_COMMIT_OWN", "attempt_id = :attempt_id"),
    "a name cleared under a running attempt": Planted(settlement, "_CLEAR", f"state <> {_REFRESHING}"),
    "a name cleared of any generation": Planted(settlement, "_CLEAR", "generation = :generation"),
    "a retry while its doubt's owner lives": Planted(settlement, "_LEASE_DOUBT", NOBODY_NAMED_SEEN),
    "a doubt of any version dated anew": Planted(settlement, "_REDATE_DOUBT", "version = :version"),
    "a doubt that is none dated anew": Planted(settlement, "_REDATE_DOUBT", f"state = {_IN_DOUBT}"),
    "a renewal erased too early": Planted(settlement, "_KEPT_TOO_LONG", "condemned_at < :condemned_before"),
    "a reinstatement of any version": Planted(reinstatement, "_REINSTATE", "version = :version"),
    "a reinstatement from any state": Planted(reinstatement, "_REINSTATE", f"state = {_REAUTHENTICATION}"),
    "a reinstatement of a lost rotation": Planted(reinstatement, "_REINSTATE", f"reason = {_PROVIDER_REVOKED}"),
    "a reinstatement out of doubt": Planted(reinstatement, "_REINSTATE", "doubt IS NULL"),
    "a reinstatement beside a doubt's owner": Planted(reinstatement, "_REINSTATE", "doubt_owner IS NULL"),
    "a reinstatement without a refresh token": Planted(reinstatement, "_REINSTATE", "renewal_blob IS NOT NULL"),
    "a reinstatement of another condemnation": Planted(reinstatement, "_REINSTATE", "condemned_at = :condemned_at"),
}


def pytest_configure() -> None:
    """Plant what the environment names."""
    PLANTED[os.environ[VARIABLE]].plant()
