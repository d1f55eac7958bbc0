"""What a failure leaves behind: a word, a time, and for a while what renews a condemned token."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenRow
from tests.store.backends import Backend, Database
from tests.store.doubting import in_doubt
from tests.store.material import (
    DAY,
    MINUTE,
    Tokens,
    connect,
    current,
    lease,
    reconnect,
    refreshed,
)


@pytest.mark.parametrize("failure", ["not_sent", None])
def test_a_release_leaves_its_reason_and_time(tokens: Tokens, failure: str | None) -> None:
    row = connect(tokens)
    before = tokens.now()

    assert tokens.release(row, attempt_id=lease(tokens, row), not_before=0, never_sent=True, failure=failure)

    released = current(tokens, row)
    assert released.last_failure == failure
    assert released.failed_at is not None
    assert before <= released.failed_at <= tokens.now()


def test_doubt_and_condemnation_leave_their_reasons(tokens: Tokens) -> None:
    row, attempt_id = in_doubt(tokens, failure="ambiguous")
    assert row.last_failure == "ambiguous"

    assert tokens.condemn(row, attempt_id=attempt_id, failure="invalid_grant")

    condemned = current(tokens, row)
    assert (condemned.last_failure, condemned.reason) == ("invalid_grant", Cause.PROVIDER_REVOKED)


def test_a_refresh_and_a_connect_clear_the_last_failure(tokens: Tokens) -> None:
    row, attempt_id = in_doubt(tokens, failure="ambiguous")
    assert tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=refreshed())
    assert (current(tokens, row).last_failure, current(tokens, row).failed_at) == (None, None)

    row, _ = in_doubt(tokens, failure="ambiguous")
    replaced = reconnect(tokens, row)
    assert (replaced.last_failure, replaced.failed_at) == (None, None)


def condemned_row(tokens: Tokens) -> TokenRow:
    row = connect(tokens)
    assert tokens.condemn(row, attempt_id=lease(tokens, row), failure="invalid_grant")
    return current(tokens, row)


def test_what_renews_a_condemned_token_is_erased_after_a_time(backend: Backend) -> None:
    tokens = backend.tokens
    row, living = condemned_row(tokens), connect(tokens)
    backend.clock.shift = 7 * DAY - MINUTE
    assert tokens.erase_renewals(7 * DAY, 10) == 0
    assert current(tokens, row) == row

    backend.clock.shift = 7 * DAY + MINUTE

    assert tokens.erase_renewals(7 * DAY, 10) == 1
    assert current(tokens, row) == replace(row, version=row.version + 1, sealed=replace(row.sealed, renewal_blob=None))
    assert current(tokens, living) == living
    assert tokens.erase_renewals(7 * DAY, 10) == 0


def test_erasing_goes_on_in_portions(backend: Backend) -> None:
    for _ in range(3):
        condemned_row(backend.tokens)
    backend.clock.shift = 8 * DAY

    assert [backend.tokens.erase_renewals(7 * DAY, 2) for _ in range(3)] == [2, 1, 0]


def test_a_token_that_lives_again_keeps_what_renews_it(backend: Backend) -> None:
    tokens = backend.tokens
    row, first = in_doubt(tokens)
    assert tokens.condemn(row, attempt_id=first)
    assert tokens.commit_refresh(row, attempt_id=first, refreshed=refreshed())
    backend.clock.shift = 8 * DAY

    assert tokens.erase_renewals(7 * DAY, 10) == 0
    assert current(tokens, row).sealed.renewal_blob is not None


def test_what_is_to_be_erased_is_only_what_is_condemned(opened: Database) -> None:
    tokens = opened.backend().tokens
    revived, first = in_doubt(tokens)
    reconnected, second = in_doubt(tokens)
    for row, attempt_id in ((revived, first), (reconnected, second)):
        assert tokens.condemn(row, attempt_id=attempt_id)
    assert len(opened.query("SELECT 1 FROM token WHERE condemned_at IS NOT NULL")) == 2

    assert tokens.commit_refresh(revived, attempt_id=first, refreshed=refreshed())
    reconnect(tokens, current(tokens, reconnected))

    assert len(opened.query("SELECT 1 FROM token WHERE condemned_at IS NOT NULL")) == 0
