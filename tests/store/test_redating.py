"""What a clock that was ahead has written of a doubt is dated anew, and nothing else of its row."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.token_row import TokenState
from tests.store.backends import Backend
from tests.store.doubting import in_doubt
from tests.store.material import DAY, MINUTE, connect, connection, current, lease, refreshed


@pytest.fixture
def back(backend: Backend) -> Backend:
    """A clock that was a day ahead for a test's first half."""
    backend.clock.shift = DAY
    return backend


def test_a_doubt_began_now_and_waits_as_long_as_it_is_told(back: Backend) -> None:
    tokens = back.tokens
    row, attempt_id = in_doubt(tokens, wait=MINUTE, failure="ambiguous")
    back.clock.shift = 0
    before = tokens.now()

    assert tokens.redate_doubt(row, not_before=before + 7, access_expires_at=before + 9)

    now = current(tokens, row)
    assert before <= (now.failed_at or 0) <= tokens.now()
    assert before <= (now.refreshed_at or 0) <= tokens.now()
    assert now == replace(
        row,
        version=row.version + 1,
        failed_at=now.failed_at,
        refreshed_at=now.refreshed_at,
        not_before=before + 7,
        next_refresh_at=before + 7,
        access_expires_at=before + 9,
    )
    assert (now.doubt, now.failures, now.last_failure) == (attempt_id, 1, "ambiguous")


def test_a_token_that_came_before_the_clock_was_ahead_keeps_the_time_when_it_came(backend: Backend) -> None:
    tokens = backend.tokens
    made = connect(tokens, connection())
    attempt_id = lease(tokens, made)
    assert tokens.commit_refresh(made, attempt_id=attempt_id, refreshed=refreshed())
    row = current(tokens, made)
    attempt_id = lease(tokens, row)
    backend.clock.shift = DAY
    assert tokens.doubt(row, attempt_id=attempt_id, not_before=tokens.now())
    backend.clock.shift = 0

    assert tokens.redate_doubt(current(tokens, row), not_before=1, access_expires_at=row.access_expires_at)

    assert current(tokens, row).refreshed_at == row.refreshed_at
    assert current(tokens, row).access_expires_at == row.access_expires_at


def test_a_row_that_has_changed_is_left_as_it_is(back: Backend) -> None:
    tokens = back.tokens
    row, _ = in_doubt(tokens)
    back.clock.shift = 0

    assert not tokens.redate_doubt(replace(row, version=row.version - 1), not_before=1, access_expires_at=None)
    assert current(tokens, row) == row
    assert tokens.redate_doubt(row, not_before=1, access_expires_at=None)
    assert not tokens.redate_doubt(row, not_before=2, access_expires_at=None)


@pytest.mark.parametrize("state", [TokenState.ACTIVE, TokenState.REFRESHING, TokenState.REAUTHENTICATION])
def test_a_row_that_is_not_in_doubt_is_left_as_it_is(backend: Backend, state: TokenState) -> None:
    row, _ = in_doubt(backend.tokens)
    backend.plant(row, state=state)
    before = current(backend.tokens, row)

    assert not backend.tokens.redate_doubt(before, not_before=1, access_expires_at=None)
    assert current(backend.tokens, row) == before


def test_what_came_by_a_clock_that_is_set_back_before_it_is_written_came_then(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens, connection())
    attempt_id = lease(tokens, row)
    ahead = tokens.now() + DAY

    assert tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=replace(refreshed(), sent_at=ahead))

    assert current(tokens, row).refreshed_at == ahead
