"""Condemned rows in memory, and their way back."""

from collections.abc import Sequence
from dataclasses import replace

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.ports.store import Condemned
from mmt_grpc.domain.token_row import TokenRow, TokenState
from tests.support.fake_row_states import settled
from tests.support.fake_settlement import FakeSettlementRows


class FakeReinstatementRows(FakeSettlementRows):
    """`ReinstatementRows`; a row was condemned when it failed last."""

    def condemned(
        self, integration: str, *, since: int, before: int, behind: Condemned | None, limit: int
    ) -> Sequence[Condemned]:
        with self._lock:
            found = [
                Condemned(row.shard, row.binding.token_key, row.failed_at, row)
                for row in self.rows.values()
                if row.state is TokenState.REAUTHENTICATION
                and row.binding.integration == integration
                and row.sealed.renewal_blob is not None
                and row.failed_at is not None
                and since <= row.failed_at < before
            ]
            later = [one for one in found if behind is None or _place(one) > _place(behind)]
            return sorted(later, key=_place)[:limit]

    def reinstate(self, waits: Sequence[tuple[Condemned, int]]) -> Sequence[TokenRow]:
        with self._lock:
            changed = []
            for found, wait in waits:
                row = found.row
                current = None if row is None else self._current(row)
                if row is None or current is None or not _may_be(row, current, found.condemned_at):
                    continue
                self._tell("reinstated", self._put(settled(replace(current, next_refresh_at=self.now() + wait))))
                changed.append(row)
            return changed


def _place(found: Condemned) -> tuple[int, int, bytes]:
    return (found.condemned_at, found.shard, found.token_key)


def _may_be(row: TokenRow, current: TokenRow, condemned_at: int) -> bool:
    return (
        current.version == row.version
        and current.state is TokenState.REAUTHENTICATION
        and current.reason is Cause.PROVIDER_REVOKED
        and current.doubt is None
        and current.doubt_owner is None
        and current.sealed.renewal_blob is not None
        and current.failed_at == condemned_at
    )
