"""What brings condemned rows back when an exchange had a bad day and answered `invalid_grant` to everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mmt_grpc.domain.token_row import TokenRow


@dataclass(frozen=True, slots=True)
class Condemned:
    """A row that says REAUTHENTICATION, and when it was condemned (Unix microseconds of the database's clock).

    `row` is None where it has a value that this version does not know: nobody here may judge it.
    """

    shard: int
    token_key: bytes
    condemned_at: int
    row: TokenRow | None


class ReinstatementRows(Protocol):
    """The condemned rows and their way back."""

    def condemned(
        self, integration: str, *, since: int, before: int, behind: Condemned | None, limit: int
    ) -> Sequence[Condemned]:
        """Read up to `limit` rows of an integration that were condemned from `since` on and before `before`.

        In the order of (condemned_at, shard, token_key), those after `behind`; by index. A row without
        a refresh token, or whose was erased, is none of them.
        """
        ...

    def reinstate(self, waits: Sequence[tuple[Condemned, int]]) -> Sequence[TokenRow]:
        """REAUTHENTICATION(PROVIDER_REVOKED) → ACTIVE, of all rows in one transaction; returns those that were.

        Each WHERE version AND condemned_at AND doubt IS NULL AND doubt_owner IS NULL AND renewal_blob IS NOT NULL; its
        generation stays, and it is due `wait` microseconds from now. Its event is inserted with it. Another row is left
        as it is.
        """
        ...
