"""Bringing condemned rows back: batch by batch, past what the ledger names, and not guessing about a lost COMMIT."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from mmt_grpc.app.administration import Administration, RefusedError
from mmt_grpc.app.reinstatement import BATCH, SPREAD, Reinstated, Reinstatement
from mmt_grpc.domain.errors import Reason, StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.domain.ports.audit import AuditRecord, Phase
from mmt_grpc.domain.ports.store import Condemned
from mmt_grpc.domain.token_row import TokenRow, TokenState
from tests.store.material import MINUTE, connect, current, lease, reconnect, refreshed
from tests.support.fakes_store import FakeStore


class Opened:
    """An administration of what is in memory."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.tokens: Any = self.store.tokens
        self.ledger = self.store.ledger
        self.records: list[AuditRecord] = []

    def write(self, record: AuditRecord) -> None:
        self.records.append(record)

    def condemned(self) -> TokenRow:
        row = connect(self.tokens)
        assert self.tokens.condemn(row, attempt_id=lease(self.tokens, row))
        return current(self.tokens, row)

    def reinstatement(self, **more: Any) -> Reinstatement:
        now = self.tokens.now()
        terms = {"integration": "coinbase", "since": now - MINUTE, "before": now + 1} | more
        # What was condemned in the present microsecond is not over yet.
        self.store.clock.shift += 1_000
        return Reinstatement(administration=cast("Administration", self), **terms)

    def state(self, row: TokenRow) -> TokenState:
        return current(self.tokens, row).state


@pytest.fixture
def opened() -> Opened:
    return Opened()


def test_more_than_a_batch_comes_back_spread_over_the_next_minutes(opened: Opened) -> None:
    rows = [opened.condemned() for _ in range(2 * BATCH + 5)]
    told: list[int] = []
    reinstatement = opened.reinstatement(on_batch=lambda counts: told.append(counts.reinstated))
    began = opened.tokens.now()

    counts = reinstatement.reinstate(opened)

    assert counts == Reinstated(found=len(rows), reinstatable=len(rows), reinstated=len(rows))
    assert told == [BATCH, 2 * BATCH, len(rows)]
    due = [current(opened.tokens, row).next_refresh_at or 0 for row in rows]
    assert began <= min(due) <= max(due) <= opened.tokens.now() + SPREAD
    assert max(due) - min(due) > SPREAD // 2


def test_a_look_changes_and_records_nothing(opened: Opened) -> None:
    row = opened.condemned()

    assert opened.reinstatement().look() == Reinstated(found=1, reinstatable=1)

    assert current(opened.tokens, row) == row
    assert opened.records == []


def test_what_the_ledger_names_does_not_come_back(opened: Opened) -> None:
    revoked, healed = opened.condemned(), opened.condemned()
    opened.ledger.record(revoked.shard, revoked.binding.token_key)

    counts = opened.reinstatement().reinstate(opened)

    assert counts == Reinstated(found=2, reinstatable=1, reinstated=1, left_revoked=1)
    assert current(opened.tokens, revoked) == revoked
    assert opened.state(healed) is TokenState.ACTIVE


def test_what_was_in_doubt_is_counted_and_left(opened: Opened) -> None:
    row = connect(opened.tokens)
    attempt_id = lease(opened.tokens, row)
    assert opened.tokens.doubt(row, attempt_id=attempt_id, not_before=0)
    assert opened.tokens.condemn(row, attempt_id=attempt_id)

    assert opened.reinstatement().reinstate(opened) == Reinstated(found=1, left_in_doubt=1)
    assert opened.state(row) is TokenState.REAUTHENTICATION


def test_the_audit_log_says_it_before_and_of_each_row_after(opened: Opened) -> None:
    row = opened.condemned()
    opened.reinstatement().reinstate(opened)

    first, of_the_row, last = opened.records
    assert {record.call_id for record in opened.records} == {first.call_id}
    assert {(record.caller, record.method, record.integration) for record in opened.records} == {
        ("mmt", "Reinstate", "coinbase")
    }
    assert (first.phase, first.token_key) == (Phase.INTENT, None)
    assert (of_the_row.outcome, of_the_row.token_key, of_the_row.generation, of_the_row.key_epoch) == (
        "ok",
        row.binding.token_key,
        row.binding.generation,
        row.sealed.key_epoch,
    )
    assert (last.phase, last.outcome, last.token_key) == (Phase.OUTCOME, "ok", None)


class LostCommit:
    """A store whose COMMIT is not answered, having been applied or not; `meanwhile` happens before it is read back."""

    def __init__(self, tokens: Any, *, applied: bool, meanwhile: Any = lambda: None) -> None:
        self._tokens = tokens
        self._applied = applied
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokens, name)

    def reinstate(self, waits: Sequence[tuple[Condemned, int]]) -> Sequence[TokenRow]:
        if self._applied:
            self._tokens.reinstate(waits)
        self._meanwhile()
        raise StoreOutcomeUnknownError


def test_a_commit_whose_answer_is_lost_is_read_back(opened: Opened) -> None:
    row, other = opened.condemned(), opened.condemned()
    tokens = opened.tokens

    def meanwhile() -> None:
        standing = current(tokens, other)
        assert tokens.commit_refresh(standing, attempt_id=lease(tokens, standing), refreshed=refreshed())

    opened.store.tokens = LostCommit(tokens, applied=True, meanwhile=meanwhile)  # type: ignore[assignment]  # as one

    counts = opened.reinstatement().reinstate(opened)

    assert counts == Reinstated(found=2, reinstatable=2, reinstated=2)
    assert opened.state(row) is TokenState.ACTIVE
    assert {record.token_key for record in opened.records[1:3]} == {row.binding.token_key, other.binding.token_key}


def test_a_connect_in_between_is_not_counted_as_brought_back(opened: Opened) -> None:
    row, healed = opened.condemned(), opened.condemned()
    tokens = opened.tokens
    opened.store.tokens = LostCommit(  # type: ignore[assignment]  # as one
        tokens, applied=True, meanwhile=lambda: reconnect(tokens, current(tokens, row))
    )

    counts = opened.reinstatement().reinstate(opened)

    assert counts == Reinstated(found=2, reinstatable=2, reinstated=1, left_changed=1)
    assert opened.records[1].token_key == healed.binding.token_key


def test_what_was_not_applied_is_an_outage_and_is_recorded_as_one(opened: Opened) -> None:
    row = opened.condemned()
    opened.store.tokens = LostCommit(opened.tokens, applied=False)  # type: ignore[assignment]  # as one

    with pytest.raises(StoreUnavailableError):
        opened.reinstatement().reinstate(opened)

    assert current(opened.tokens, row) == row
    assert (opened.records[-1].outcome, opened.records[-1].reason) == ("failed", Reason.STORE_UNAVAILABLE)


def test_what_is_condemned_again_meanwhile_is_not_brought_back_twice(opened: Opened) -> None:
    rows = [opened.condemned() for _ in range(BATCH + 1)]
    tokens = opened.tokens

    def refuse(_: Reinstated) -> None:
        for row in rows:
            standing = current(tokens, row)
            if standing.state is TokenState.ACTIVE:
                assert tokens.condemn(standing, attempt_id=lease(tokens, standing))

    counts = opened.reinstatement(before=tokens.now() + 10 * MINUTE, on_batch=refuse).reinstate(opened)

    assert counts.reinstated == len(rows)


@pytest.mark.parametrize(("since", "before"), [(2, 1), (1, 1), (MINUTE * 10**9, MINUTE * 10**10)])
def test_a_time_that_is_none_is_refused_and_not_recorded(opened: Opened, since: int, before: int) -> None:
    with pytest.raises(RefusedError):
        opened.reinstatement(since=since, before=before).reinstate(opened)
    assert opened.records == []
